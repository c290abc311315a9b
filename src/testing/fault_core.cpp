// Implementation of the shared state.
#include "testing/fault_core.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <utility>

namespace aether::testing::detail {
namespace {

std::size_t index(operation kind) { return static_cast<std::size_t>(kind); }

// The frame is destroyed with the context that runs it, and refers to nothing that it does not hold.
asio::awaitable<void> run_later(core_ptr core, time_point due, fault_core::action what) {
  try {
    co_await wait(core->clock, due);
    co_await what(core);
  } catch (std::exception const&) {
    // Nobody waits for it any more: to whoever sent it the outcome is unknown, and remains so.
  }
}

} // namespace

fault_core::fault_core(asio::any_io_executor executor, virtual_clock const& c, std::shared_ptr<event_store> store,
                       fault_plan p)
    : plan(settled(std::move(p))), clock(clock_access::timers_of(c)), inner(std::move(store)),
      executor_(aether::detail::unwrap_strands(executor)), gate_(aether::detail::context_service::of(executor_).gate()),
      outages_(plan.outages, clock->start()) {}

bool fault_core::is_closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

void check_there(core_ptr const& core) {
  if (!core)
    throw error(errc::not_open, "fault_injecting_store: the handle is default-made or was moved from");
}

void check_open(core_ptr const& core) {
  check_there(core);
  if (core->is_closed())
    throw error(errc::closed, "this store was closed");
}

call_ptr fault_core::begin(operation kind, std::chrono::nanoseconds timeout, std::string what) {
  auto call = std::make_shared<faulty_call>();
  call->kind = kind;
  call->what = std::move(what);
  call->deadline = later(clock->now(), timeout == std::chrono::nanoseconds::zero() ? plan.operation_timeout : timeout);
  {
    std::lock_guard lock(mutex_);
    if (closed_)
      throw error(errc::closed, "this store was closed");
    call->number = calls_[index(kind)]++;
    call->drawn = draw(plan, kind, call->number);
    if (auto& script = scripts_[index(kind)]; !script.empty()) {
      call->drawn.what = script.front();
      script.pop_front();
    }
    ++(kind == operation::save ? counts_.saves : kind == operation::read ? counts_.reads : counts_.snapshots);
    ++running_;
  }
  enter(*call, stage::before);
  return call;
}

void fault_core::end() noexcept {
  {
    std::lock_guard lock(mutex_);
    --running_;
  }
  changed_->wake();
}

void fault_core::script(operation kind, std::vector<fault> const& faults) {
  for (fault const f : faults)
    if (!can_happen(kind, f))
      throw error(errc::invalid_argument, "script: this fault cannot happen to this kind of call");
  std::lock_guard lock(mutex_);
  auto& script = scripts_[index(kind)];
  script.insert(script.end(), faults.begin(), faults.end());
}

void fault_core::begin_outage() {
  std::lock_guard lock(mutex_);
  outages_.begin_by_hand();
  ++counts_.outages;
}

void fault_core::end_outage() {
  {
    std::lock_guard lock(mutex_);
    outages_.end();
  }
  changed_->wake();
}

bool fault_core::is_away() const {
  std::lock_guard lock(mutex_);
  return outages_.at(clock->now());
}

void fault_core::enter(faulty_call& call, stage s) {
  if (call.drawn.what != fault::outage || call.drawn.outage_at != s)
    return;
  call.drawn.what = fault::none;
  std::lock_guard lock(mutex_);
  outages_.begin(later(clock->now(), call.drawn.outage));
  ++counts_.outages;
}

fault fault_core::take_fault(faulty_call& call) noexcept {
  return call.drawn.what == fault::outage ? fault::none : std::exchange(call.drawn.what, fault::none);
}

void fault_core::count(std::uint64_t fault_counts::* what) {
  std::lock_guard lock(mutex_);
  ++(counts_.*what);
}

fault_counts fault_core::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

std::chrono::nanoseconds fault_core::left(faulty_call const& call) const {
  return std::max(call.deadline - clock->now(), std::chrono::nanoseconds(1)); // 0 would be the default
}

void fault_core::do_later(time_point due, action what) {
  if (!gate_->enter())
    return; // the context is gone, and what was on its way with it
  auto task = run_later(shared_from_this(), due, std::move(what));
  asio::co_spawn(executor_, std::move(task), asio::detached);
  gate_->leave();
}

void fault_core::do_now(asio::awaitable<void> what) {
  if (!gate_->enter())
    return;
  asio::co_spawn(executor_, std::move(what), asio::detached);
  gate_->leave();
}

time_point fault_core::end_of_outage() const {
  std::lock_guard lock(mutex_);
  return outages_.end_of(clock->now());
}

void fault_core::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_->wake();
}

asio::awaitable<bool> fault_core::reach(core_ptr self, call_ptr call) {
  for (bool first = true;; first = false) {
    auto const round = self->changed_->round();
    auto const now = self->clock->now();
    time_point end;
    {
      std::lock_guard lock(self->mutex_);
      end = self->outages_.end_of(now);
    }
    if (end == now)
      co_return true;
    if (first)
      self->count(&fault_counts::held_up);
    if (now >= call->deadline)
      co_return false;
    co_await wait(self->clock, std::min(end, call->deadline), self->changed_, round);
  }
}

asio::awaitable<bool> fault_core::travel(core_ptr self, std::chrono::nanoseconds takes, time_point deadline) {
  if (takes <= std::chrono::nanoseconds::zero())
    co_return true;
  self->count(&fault_counts::delays);
  time_point const due = later(self->clock->now(), takes);
  co_await wait(self->clock, std::min(due, deadline));
  co_return due <= deadline;
}

asio::awaitable<bool> fault_core::drained(core_ptr self, time_point deadline) {
  for (;;) {
    auto const round = self->changed_->round();
    {
      std::lock_guard lock(self->mutex_);
      if (self->running_ == 0)
        co_return true;
    }
    if (self->clock->now() >= deadline)
      co_return false;
    co_await wait(self->clock, deadline, self->changed_, round);
  }
}

} // namespace aether::testing::detail
