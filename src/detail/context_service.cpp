// Parks coroutines with deadlines on one timer per context, and ends everything when the context goes.
#include "detail/context_service.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <thread>

namespace aether::detail {

bool context_gate::enter() noexcept {
  if ((state_.fetch_add(1, std::memory_order_acquire) & closed) == 0)
    return true;
  leave();
  return false;
}

void context_gate::close() noexcept {
  state_.fetch_or(closed, std::memory_order_acq_rel);
  while ((state_.load(std::memory_order_acquire) & ~closed) != 0)
    std::this_thread::yield();
}

bool endless_waits::add(std::shared_ptr<parked_wait> wait) noexcept {
  std::lock_guard lock(lock_);
  if (closed_)
    return false;
  auto& entry = *wait;
  entry.behind_ = first_;
  if (first_)
    first_->before_ = &entry;
  first_ = &entry;
  entry.self_ = std::move(wait);
  return true;
}

void endless_waits::remove(parked_wait& wait) noexcept {
  std::shared_ptr<parked_wait> last; // destroyed without the lock
  std::lock_guard lock(lock_);
  last = unlink(wait);
}

void endless_waits::close() noexcept {
  std::lock_guard lock(lock_);
  closed_ = true;
}

std::shared_ptr<parked_wait> endless_waits::pop() noexcept {
  std::lock_guard lock(lock_);
  return first_ ? unlink(*first_) : nullptr;
}

std::shared_ptr<parked_wait> endless_waits::unlink(parked_wait& wait) noexcept {
  if (!wait.self_)
    return nullptr;
  (wait.before_ ? wait.before_->behind_ : first_) = wait.behind_;
  if (wait.behind_)
    wait.behind_->before_ = wait.before_;
  wait.before_ = wait.behind_ = nullptr;
  return std::move(wait.self_);
}

namespace {

thread_local asio::any_io_executor const* asking = nullptr; // for the time of of()

} // namespace

// A context shuts its services down from the newest to the oldest, and Asio's take no lock when they are: those that
// other threads reach through the gate have to be older than what closes it. Timers are made when there is a deadline,
// as with them a context looks at its sockets, a system call, each time its queue has been gone through: then it is
// their guard that closes it.
context_service::context_service(asio::execution_context& context) : service(context) {
  if (!asking)
    return;
  auto const executor = unwrap_strands(*asking);
  asio::strand<asio::any_io_executor> const strands(executor);
}

context_service& context_service::of(asio::any_io_executor const& executor) {
  asking = &executor;
  auto& service = asio::use_service<context_service>(asio::query(executor, asio::execution::context));
  asking = nullptr;
  return service;
}

void context_service::make_timer(asio::any_io_executor const& executor) {
  asio::steady_timer made(unwrap_strands(executor));
  asio::use_service<timer_guard>(context()).guards(*this);
  timer_.emplace(std::move(made));
}

void timer_guard::shutdown() noexcept {
  if (service_)
    service_->shutdown();
}

void context_service::add_member(std::weak_ptr<context_member> member) {
  std::lock_guard lock(mutex_);
  if (members_.size() == members_.capacity())
    std::erase_if(members_, [](auto const& m) { return m.expired(); });
  members_.push_back(std::move(member));
}

bool context_service::own_member(std::shared_ptr<context_member> member) {
  std::lock_guard lock(mutex_);
  if (going_)
    return false;
  auto const* address = member.get();
  owned_.emplace(address, std::move(member));
  return true;
}

void context_service::disown_member(context_member const& member) noexcept {
  std::shared_ptr<context_member> last; // destroyed without the lock
  std::lock_guard lock(mutex_);
  auto const found = owned_.find(&member);
  if (found == owned_.end())
    return;
  last = std::move(found->second);
  owned_.erase(found);
}

bool context_service::park(std::shared_ptr<parked_wait> wait, steady_time deadline,
                           asio::any_io_executor const& executor) {
  if (deadline == steady_time::max()) {
    wait->endless_ = true;
    return endless_.add(std::move(wait));
  }
  std::lock_guard lock(mutex_);
  if (going_)
    return false;
  if (!timer_)
    make_timer(executor);
  auto& entry = *wait;
  entry.dated_ = true;
  entry.place_ = waits_.add(deadline, std::move(wait));
  if (!armed_ || deadline < *armed_)
    arm(deadline);
  return true;
}

void context_service::unpark(parked_wait& wait) noexcept {
  if (wait.endless_)
    return endless_.remove(wait);
  std::lock_guard lock(mutex_);
  if (going_ || !wait.dated_)
    return;
  wait.dated_ = false;
  waits_.remove(wait.place_);
  if (waits_.empty() && armed_) { // an armed timer would keep run() from returning
    armed_.reset();
    ++generation_;
    timer_->cancel();
  }
}

void context_service::arm(steady_time due) {
  armed_ = due;
  timer_->expires_at(due);
  timer_->async_wait([this, generation = ++generation_](boost::system::error_code) { on_timer(generation); });
}

void context_service::on_timer(std::uint64_t generation) {
  std::vector<std::shared_ptr<parked_wait>> due;
  {
    std::lock_guard lock(mutex_);
    if (going_ || generation != generation_)
      return;
    armed_.reset();
    auto const now = std::chrono::steady_clock::now();
    for (std::shared_ptr<parked_wait> wait; waits_.pop_due(now, wait);) {
      wait->dated_ = false;
      due.push_back(std::move(wait));
    }
    if (!waits_.empty())
      arm(waits_.first());
  }
  for (auto& wait : due)
    if (!wait->ended.exchange(true))
      wait->expire();
}

void context_service::shutdown() noexcept {
  if (!gate_->is_open())
    return;
  gate_->close();
  endless_.close();
  std::vector<std::weak_ptr<context_member>> members;
  decltype(owned_) owned;
  deadline_queue<std::shared_ptr<parked_wait>> waits;
  {
    std::lock_guard lock(mutex_);
    going_ = true;
    members.swap(members_);
    owned.swap(owned_);
    std::swap(waits, waits_);
  }
  for (auto& weak : members)
    if (auto member = weak.lock())
      member->context_shutdown();
  for (auto& [address, member] : owned)
    member->context_shutdown();
  auto const drop = [](std::shared_ptr<parked_wait> wait) {
    wait->ended = true;
    wait->drop();
  };
  waits.drain(drop);
  while (auto wait = endless_.pop())
    drop(std::move(wait));
  timer_.reset();
}

namespace {

template <class Inner> bool unwrap_one(asio::any_io_executor& executor) {
  auto* typed = executor.target<asio::strand<Inner>>();
  if (!typed)
    return false;
  executor = asio::any_io_executor(Inner(typed->get_inner_executor()));
  return true;
}

} // namespace

asio::any_io_executor unwrap_strands(asio::any_io_executor executor) {
  while (unwrap_one<asio::any_io_executor>(executor) || unwrap_one<asio::io_context::executor_type>(executor) ||
         unwrap_one<asio::thread_pool::executor_type>(executor)) {
  }
  return asio::prefer(executor, asio::execution::outstanding_work.untracked);
}

} // namespace aether::detail
