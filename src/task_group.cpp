// The group of coroutines: children on strands of their own, one shared state that outlives the group's handle.
#include <aether/task_group.hpp>

#include "detail/context_service.hpp"
#include "detail/wait.hpp"

#include <aether/error.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

namespace aether {

namespace asio = boost::asio;

namespace {

using errors = std::vector<std::exception_ptr>;
using joiner = detail::wait_state<errors>;

// Where one child runs: a strand of its own, or, where the group was given a strand, that one. It is kept by its
// concrete type: type erasure costs more than the work, and its reference count is one that ThreadSanitizer cannot
// follow.
class child_strand {
public:
  explicit child_strand(asio::any_io_executor const& executor) : strand_(over(executor)) {}

  asio::any_io_executor executor() const {
    return std::visit([](auto const& strand) { return asio::any_io_executor(strand); }, strand_);
  }
  template <class Function> void post(Function function) const {
    auto copy = strand_; // the function may be what keeps this alive
    std::visit([&](auto const& strand) { asio::post(strand, std::move(function)); }, copy);
  }

private:
  using io_strand = asio::strand<asio::io_context::executor_type>;
  using any_strand = asio::strand<asio::any_io_executor>;
  using either = std::variant<io_strand, any_strand>;

  static either over(asio::any_io_executor const& executor) {
    if (auto const* io = executor.target<asio::io_context::executor_type>())
      return asio::make_strand(*io);
    if (auto const* strand = executor.target<io_strand>())
      return *strand;
    if (auto const* strand = executor.target<any_strand>())
      return *strand;
    return asio::make_strand(executor);
  }

  either strand_;
};

// A running child. What follows its strand is touched on the strand only; `place` is the group's.
struct child {
  explicit child(asio::any_io_executor const& executor) : strand(executor) {}

  child_strand const strand;
  asio::cancellation_signal signal;
  bool cancelled = false;
  std::exception_ptr error;
  std::list<std::shared_ptr<child>>::iterator place;
};

// An exception has one owner at a time, so that no two threads ever meet in its reference count.
asio::awaitable<void> run_child(asio::awaitable<void> body, std::shared_ptr<child> c) {
  try {
    co_await std::move(body);
  } catch (...) {
    c->error = std::current_exception();
  }
}

bool is_cancellation(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (boost::system::system_error const& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

} // namespace

struct task_group::state final : detail::context_member, std::enable_shared_from_this<state> {
  class ending;
  struct on_end;

  state(asio::any_io_executor e, std::size_t limit);

  void spawn(asio::awaitable<void> body);
  void cancel();
  static asio::awaitable<errors> wait(std::shared_ptr<state> self);
  static asio::awaitable<void> wait_and_rethrow(std::shared_ptr<state> self);

private:
  using lock_type = std::unique_lock<std::mutex>;

  void context_shutdown() noexcept override;
  void ended(child& c, std::exception_ptr error);
  void add_joiner(std::shared_ptr<joiner> j);
  bool is_idle() const noexcept { return children_.empty() && waiting_.empty() && busy_ == 0; }
  errors take_round();
  // These let the lock go while they touch what is not the group's own, and hold it again when they return.
  void start_waiting(lock_type& lock);
  void stop(lock_type& lock);
  void finish_round(lock_type& lock);
  void launch(std::shared_ptr<child> c, asio::awaitable<void> body);

  std::size_t const at_once_;
  std::shared_ptr<detail::context_gate> const gate_; // nothing is posted to a context that is gone

  std::mutex mutex_;
  asio::any_io_executor executor_; // empty once its context is gone
  std::list<std::shared_ptr<child>> children_;
  std::deque<asio::awaitable<void>> waiting_;
  std::size_t busy_ = 0; // calls that still destroy or cancel something of this round
  bool stopped_ = false; // by an error or cancel(), until the round ends
  errors errors_;
  std::vector<std::shared_ptr<joiner>> joiners_;
};

// Says once that a child ended: with its error, or, destroyed instead, that its execution context is gone.
class task_group::state::ending {
public:
  ending(std::shared_ptr<state> group, std::shared_ptr<child> c) : group_(std::move(group)), child_(std::move(c)) {}
  ending(ending&&) noexcept = default;
  ending& operator=(ending&&) = delete;
  ~ending() {
    if (group_)
      finish(std::make_exception_ptr(error(errc::closed, "task_group: a child was destroyed with its context")));
  }

  child& of() const noexcept { return *child_; }
  void finish(std::exception_ptr error) {
    auto group = std::move(group_);
    group->ended(*child_, std::move(error));
  }

private:
  std::shared_ptr<state> group_;
  std::shared_ptr<child> child_;
};

// Completion of a child's co_spawn.
struct task_group::state::on_end {
  ending end;

  void operator()(std::exception_ptr spawn_error) {
    auto& error = end.of().error;
    end.finish(spawn_error ? std::move(spawn_error) : std::exchange(error, nullptr));
  }
};

task_group::state::state(asio::any_io_executor e, std::size_t limit)
    : at_once_(limit == 0 ? unlimited : limit), gate_(detail::context_service::of(e).gate()), executor_(std::move(e)) {}

void task_group::state::context_shutdown() noexcept {
  lock_type lock(mutex_);
  executor_ = {}; // it may be a strand, which must not outlive its context
}

void task_group::state::spawn(asio::awaitable<void> body) {
  lock_type lock(mutex_);
  if (stopped_)
    return;
  waiting_.push_back(std::move(body));
  start_waiting(lock);
  finish_round(lock); // its context may have gone: then whoever joined meanwhile is told here
}

void task_group::state::cancel() {
  lock_type lock(mutex_);
  stop(lock);
  finish_round(lock);
}

void task_group::state::start_waiting(lock_type& lock) {
  while (!waiting_.empty() && children_.size() < at_once_) {
    if (!gate_->enter()) {
      errors_.push_back(std::make_exception_ptr(error(errc::closed, "task_group: the execution context is gone")));
      return stop(lock);
    }
    auto c = std::make_shared<child>(executor_);
    auto body = std::move(waiting_.front());
    waiting_.pop_front();
    c->place = children_.insert(children_.end(), c);
    lock.unlock();
    launch(std::move(c), std::move(body));
    gate_->leave();
    lock.lock();
  }
}

// Always posted: started inside spawn() or inside the end of another child, children could nest without bound. The
// caller's reference goes with it, so that the last one is dropped on the child's strand.
void task_group::state::launch(std::shared_ptr<child> c, asio::awaitable<void> body) {
  child& started = *c;
  auto start = [end = ending(shared_from_this(), c), c = std::move(c), body = std::move(body)]() mutable {
    if (c->cancelled) {
      std::optional dropped(std::move(body));
      dropped.reset(); // before its end is told
      return end.finish(nullptr);
    }
    auto executor = c->strand.executor();
    auto slot = c->signal.slot();
    auto task = run_child(std::move(body), std::move(c));
    asio::co_spawn(executor, std::move(task), asio::bind_cancellation_slot(slot, on_end{std::move(end)}));
  };
  started.strand.post(std::move(start));
}

void task_group::state::ended(child& c, std::exception_ptr error) {
  bool const was_cancelled = error && is_cancellation(error);
  lock_type lock(mutex_);
  children_.erase(c.place);
  if (error && !(was_cancelled && stopped_)) {
    errors_.push_back(std::move(error));
    stop(lock);
  }
  start_waiting(lock);
  finish_round(lock);
}

void task_group::state::stop(lock_type& lock) {
  stopped_ = true;
  ++busy_;
  std::vector<std::shared_ptr<child>> running(children_.begin(), children_.end());
  auto dropped = std::exchange(waiting_, {});
  lock.unlock();
  dropped.clear();
  if (gate_->enter()) {
    for (auto& c : running) {
      child& running_child = *c;
      running_child.strand.post([c = std::move(c)] {
        c->cancelled = true;
        c->signal.emit(asio::cancellation_type::terminal);
      });
    }
    gate_->leave();
  }
  running.clear();
  lock.lock();
  --busy_;
}

errors task_group::state::take_round() {
  stopped_ = false;
  return std::exchange(errors_, {});
}

// With nobody waiting the round stays as it is for the next join.
void task_group::state::finish_round(lock_type& lock) {
  if (!is_idle())
    return;
  std::erase_if(joiners_, [](auto const& j) { return j->is_ended(); });
  if (joiners_.empty())
    return;
  auto done = std::exchange(joiners_, {});
  auto result = take_round();
  lock.unlock();
  for (std::size_t i = 1; i < done.size(); ++i)
    done[i]->complete(result);
  done[0]->complete(std::move(result));
  done.clear();
  lock.lock();
}

void task_group::state::add_joiner(std::shared_ptr<joiner> j) {
  lock_type lock(mutex_);
  joiners_.push_back(std::move(j));
  finish_round(lock);
}

asio::awaitable<errors> task_group::state::wait(std::shared_ptr<state> self) {
  bool const throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false); // a cancelled wait goes on
  bool cancelled = false;
  errors result;
  for (bool waiting = true; waiting;) {
    // What is handed over can resume this coroutine at once, so the group is held by a copy outside its frame.
    auto start = [&self](std::shared_ptr<joiner> j) {
      auto group = self;
      group->add_joiner(std::move(j));
    };
    detail::wait_result<errors> end = co_await detail::wait_until<errors>(detail::steady_time::max(), start);
    waiting = end.end == detail::wait_end::cancelled;
    if (waiting) {
      cancelled = true;
      self->cancel();
    } else if (end.value) {
      result = std::move(*end.value);
    }
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (cancelled)
    throw boost::system::system_error(asio::error::operation_aborted, "task_group::join");
  co_return result;
}

asio::awaitable<void> task_group::state::wait_and_rethrow(std::shared_ptr<state> self) {
  errors all = co_await wait(std::move(self));
  if (!all.empty())
    std::rethrow_exception(all.front());
}

task_group::task_group(asio::any_io_executor executor, std::size_t at_once) {
  if (!executor)
    throw error(errc::invalid_argument, "task_group: the executor is empty");
  auto& context = detail::context_service::of(executor);
  state_ = std::make_shared<state>(std::move(executor), at_once);
  context.add_member(state_);
}

task_group::~task_group() { state_->cancel(); }

void task_group::spawn(asio::awaitable<void> child) {
  if (!child.valid())
    throw error(errc::invalid_argument, "task_group::spawn: the awaitable was moved from or awaited");
  state_->spawn(std::move(child));
}

asio::awaitable<void> task_group::join() { return state::wait_and_rethrow(state_); }

asio::awaitable<errors> task_group::join_all() { return state::wait(state_); }

void task_group::cancel() { state_->cancel(); }

} // namespace aether
