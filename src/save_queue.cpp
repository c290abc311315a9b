// The queue of saves: a lane for each actor that has some, a coroutine that works it off, and slots for the store.
#include <aether/save_queue.hpp>

#include "detail/log.hpp"
#include "or_default.hpp"
#include "save_slots.hpp"
#include "save_ticket.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <climits>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace aether {

namespace {

using detail::or_default;
using std::chrono::nanoseconds;
using closing_wait = std::shared_ptr<detail::wait_state<bool>>;

/// One close(): guarded by the queue.
struct closing {
  closing_wait waiting;
  bool is_late = false; ///< its deadline has passed
};

save_queue_options settled(save_queue_options options) {
  options.validate();
  options.capacity = or_default<std::size_t>(options.capacity, 10'000);
  options.at_once = or_default<std::size_t>(options.at_once, 16);
  return options;
}

std::string text_of(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& e) {
    return e.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

} // namespace

struct save_queue::core final : detail::context_member, std::enable_shared_from_this<core> {
  struct item {
    item(event e, save_options o) : what(std::move(e)), options(o) {}

    event const what;
    save_options const options;
    std::shared_ptr<save_ticket::state> const ticket = std::make_shared<save_ticket::state>();
    std::atomic<bool> maybe_stored{false};
    bool ended = false; ///< guarded by the queue: it was told, or is about to be
  };
  using item_ptr = std::shared_ptr<item>;

  core(boost::asio::any_io_executor executor, std::shared_ptr<event_store> s, save_queue_options o)
      : options_(settled(std::move(o))), store_(std::move(s)),
        slots_(std::make_shared<detail::save_slots>(options_.at_once)), group_(std::move(executor)) {}

  std::shared_ptr<save_ticket::state> enqueue(event e, save_options options);
  /// Ends the queue: what has not ended is returned, its tickets end with `closed`.
  std::vector<item_ptr> stop();
  static awaitable<save_queue_report> close(std::shared_ptr<owner> self, call_options options);
  save_queue_metrics metrics() const;

private:
  static awaitable<void> work(std::shared_ptr<core> self, std::string actor_id);
  static awaitable<void> expire(std::shared_ptr<core> self, std::shared_ptr<closing> which, nanoseconds timeout);

  void context_shutdown() noexcept override { stop(); }
  item_ptr front(std::string const& actor_id);
  /// What becomes of it is open from now on. Returns whether it was before. Throws closed behind the queue's end.
  bool begin_attempt(item& next);
  item_ptr finish(std::string const& actor_id, retry_result<save_outcome> const& result);
  std::vector<item_ptr> take_ends(std::string const& actor_id, retry_result<save_outcome> const& result);
  item_ptr drop_ended(std::string const& actor_id, std::size_t count);
  void tell(item const& one, retry_result<save_outcome> const& result, bool skipped) const;
  void call_on_end(queued_save_end const& end) const;
  void log_end(queued_save_end const& end) const;
  void begin_closing();
  void park_closing(closing& which, closing_wait waiting);
  void end_closing(closing& which);

  save_queue_options const options_;
  std::shared_ptr<event_store> const store_;
  std::shared_ptr<detail::save_slots> const slots_;
  task_group group_;

  mutable std::mutex mutex_;
  bool closing_ = false; ///< nothing more is taken
  bool stopped_ = false;
  std::unordered_map<std::string, std::deque<item_ptr>> lanes_; ///< of actors that have something; each is worked off
  save_queue_metrics counts_;
  std::vector<closing_wait> closers_;
};

/// The last handle: its end is the queue's.
struct save_queue::owner {
  explicit owner(std::shared_ptr<core> of) : queue(std::move(of)) {}
  owner(owner const&) = delete;
  owner& operator=(owner const&) = delete;
  ~owner() { queue->stop(); }

  static core& opened(std::shared_ptr<owner> const& self, char const* call) {
    if (!self)
      throw error(errc::not_open, std::string(call) + " on a save queue that was default-made or moved from");
    return *self->queue;
  }

  std::shared_ptr<core> const queue;
};

std::shared_ptr<save_ticket::state> save_queue::core::enqueue(event e, save_options options) {
  auto const actor_id = e.actor_id;
  auto const added = std::make_shared<item>(std::move(e), options);
  {
    std::lock_guard lock(mutex_);
    if (closing_ || stopped_)
      throw error(errc::closed, "save queue");
    if (counts_.waiting >= options_.capacity) {
      ++counts_.refused;
      throw error(errc::overloaded, "save queue: " + std::to_string(options_.capacity) +
                                        " events wait, see save_queue_options::capacity");
    }
    auto& lane = lanes_[actor_id];
    lane.push_back(added);
    ++counts_.waiting;
    if (lane.size() > 1)
      return added->ticket; // by whoever works it off
  }
  group_.spawn(work(shared_from_this(), actor_id));
  return added->ticket;
}

save_queue::core::item_ptr save_queue::core::front(std::string const& actor_id) {
  std::lock_guard lock(mutex_);
  auto const lane = lanes_.find(actor_id);
  return stopped_ || lane == lanes_.end() ? nullptr : lane->second.front();
}

bool save_queue::core::begin_attempt(item& next) {
  std::lock_guard lock(mutex_);
  if (stopped_) // what was not begun then is reported as not stored
    throw error(errc::closed, "save queue");
  return next.maybe_stored.exchange(true);
}

awaitable<void> save_queue::core::work(std::shared_ptr<core> self, std::string actor_id) {
  for (item_ptr next = self->front(actor_id); next;) {
    auto const save = [&]() -> awaitable<save_outcome> {
      auto const slot = co_await detail::save_slots::take(self->slots_);
      bool const was_unknown = self->begin_attempt(*next);
      try {
        auto outcome = co_await self->store_->try_save_event(next->what, next->options);
        co_return outcome;
      } catch (error const& e) {
        next->maybe_stored = was_unknown || e.code() == errc::outcome_unknown;
        throw;
      }
    };
    retry_result<save_outcome> result;
    try {
      result = co_await try_retry(self->options_.retry, save);
    } catch (...) { // the queue's end, or what the policy's decider threw
      result.error = std::current_exception();
    }
    next = self->finish(actor_id, result);
  }
}

save_queue::core::item_ptr save_queue::core::finish(std::string const& actor_id,
                                                    retry_result<save_outcome> const& result) {
  auto const ends = take_ends(actor_id, result);
  for (auto const& one : ends)
    tell(*one, result, one != ends.front());
  return drop_ended(actor_id, ends.size());
}

/// The first of the lane, and when that was not stored, all that wait behind it. They stay in their lane until they are
/// told, so that nothing of this actor is tried before.
std::vector<save_queue::core::item_ptr> save_queue::core::take_ends(std::string const& actor_id,
                                                                    retry_result<save_outcome> const& result) {
  bool const was_saved = result.value && std::holds_alternative<saved>(*result.value);
  std::lock_guard lock(mutex_);
  std::vector<item_ptr> ends;
  auto const lane = lanes_.find(actor_id);
  if (stopped_ || lane == lanes_.end())
    return ends;
  auto const& waiting = lane->second;
  ends.assign(waiting.begin(), was_saved ? waiting.begin() + 1 : waiting.end());
  for (auto const& one : ends)
    one->ended = true;
  auto& count = was_saved ? counts_.saved : result.value ? counts_.conflicts : counts_.failed;
  count += ends.size();
  counts_.skipped += ends.size() - 1;
  counts_.retries += static_cast<std::uint64_t>(std::max(0, result.attempts - 1));
  return ends;
}

/// What is next in the lane. None: it has gone, and whoever made the next of this actor works that off, maybe already.
save_queue::core::item_ptr save_queue::core::drop_ended(std::string const& actor_id, std::size_t count) {
  item_ptr next;
  std::vector<closing_wait> closers;
  {
    std::lock_guard lock(mutex_);
    auto const lane = lanes_.find(actor_id);
    if (stopped_ || lane == lanes_.end())
      return next;
    auto& waiting = lane->second;
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
    counts_.waiting -= count;
    if (waiting.empty())
      lanes_.erase(lane);
    else
      next = waiting.front();
    if (counts_.waiting == 0)
      closers.swap(closers_);
  }
  for (auto const& waiting : closers)
    waiting->complete(true);
  return next;
}

void save_queue::core::tell(item const& one, retry_result<save_outcome> const& result, bool skipped) const {
  queued_save_end end;
  end.what = one.what;
  end.outcome = result.value;
  end.error = result.error;
  end.skipped = skipped;
  if (end.outcome)
    if (auto* conflict = std::get_if<version_conflict>(&*end.outcome))
      conflict->attempted_version = one.what.version;
  log_end(end);
  call_on_end(end);
  one.ticket->end(end.outcome, end.error);
}

void save_queue::core::call_on_end(queued_save_end const& end) const {
  if (!options_.on_end)
    return;
  try {
    options_.on_end(end);
  } catch (...) {
    if (detail::log_at const log{options_.log, log_level::error})
      log("a save queue's on_end threw",
          {{"actor_id", end.what.actor_id}, {"text", text_of(std::current_exception())}});
  }
}

void save_queue::core::log_end(queued_save_end const& end) const {
  if (end.outcome && std::holds_alternative<saved>(*end.outcome))
    return;
  detail::log_at const log{options_.log, log_level::error};
  if (!log)
    return;
  auto const reason = end.error ? text_of(end.error) : std::string("a conflict");
  log("a queued event was not stored", {{"actor_id", end.what.actor_id},
                                        {"event_id", end.what.id},
                                        {"version", end.what.version},
                                        {"skipped", end.skipped},
                                        {"text", reason}});
}

std::vector<save_queue::core::item_ptr> save_queue::core::stop() {
  std::vector<item_ptr> left;
  std::vector<closing_wait> closers;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto const& [actor_id, lane] : lanes_)
      for (auto const& one : lane)
        if (!one->ended)
          left.push_back(one);
    lanes_.clear();
    counts_.waiting = 0;
    counts_.not_saved += left.size();
    closers.swap(closers_);
  }
  slots_->close();
  group_.cancel();
  if (!left.empty()) {
    auto const why = std::make_exception_ptr(error(errc::closed, "save queue"));
    for (auto const& one : left)
      one->ticket->end(std::nullopt, why);
  }
  for (auto const& waiting : closers)
    waiting->complete(true);
  return left;
}

void save_queue::core::begin_closing() {
  std::lock_guard lock(mutex_);
  closing_ = true;
}

void save_queue::core::park_closing(closing& which, closing_wait waiting) {
  {
    std::lock_guard lock(mutex_);
    if (counts_.waiting > 0 && !which.is_late) {
      which.waiting = waiting;
      closers_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

void save_queue::core::end_closing(closing& which) {
  closing_wait waiting;
  {
    std::lock_guard lock(mutex_);
    which.is_late = true;
    waiting = which.waiting;
  }
  if (waiting)
    waiting->complete(true);
}

awaitable<void> save_queue::core::expire(std::shared_ptr<core> self, std::shared_ptr<closing> which,
                                         nanoseconds timeout) {
  co_await self->options_.retry.options().time->sleep_for(timeout);
  self->end_closing(*which);
}

awaitable<save_queue_report> save_queue::core::close(std::shared_ptr<owner> self, call_options options) {
  owner::opened(self, "close()");
  if (options.timeout < nanoseconds::zero())
    throw error(errc::invalid_argument, "call_options::timeout is negative: use 0 for the default");
  auto const queue = self->queue;
  queue->begin_closing();
  auto executor = co_await boost::asio::this_coro::executor;
  task_group timer(executor);
  auto const here = std::make_shared<closing>();
  timer.spawn(expire(queue, here, or_default<nanoseconds>(options.timeout, std::chrono::seconds(30))));
  auto const park = [&](closing_wait waiting) { queue->park_closing(*here, std::move(waiting)); };
  auto const ended = co_await detail::wait_until<bool>(detail::steady_time::max(), park);
  timer.cancel();
  detail::throw_if_cancelled(ended);
  save_queue_report report;
  auto const left = queue->stop();
  for (auto const& one : left) {
    unsaved_event unsaved;
    unsaved.what = one->what;
    unsaved.options = one->options;
    unsaved.maybe_stored = one->maybe_stored;
    report.not_saved.push_back(std::move(unsaved));
  }
  co_return report;
}

save_queue_metrics save_queue::core::metrics() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

retry_options save_queue_options::patient() {
  retry_options options;
  options.max_attempts = INT_MAX;
  options.max_elapsed = std::chrono::minutes(15);
  options.pauses.initial = std::chrono::milliseconds(100);
  options.pauses.longest = std::chrono::seconds(10);
  options.pauses.jitter = backoff_jitter::equal;
  return options;
}

void save_queue_options::validate() const {
  if (retry.options().retry_conflicts)
    throw error(errc::invalid_argument, "save_queue_options::retry: retry_conflicts, but the queue does not read");
}

save_queue::save_queue(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
                       save_queue_options options) {
  if (!executor || !store)
    throw error(errc::invalid_argument, "a save queue without an executor or an event store");
  auto& context = detail::context_service::of(executor);
  auto const made = std::make_shared<core>(std::move(executor), std::move(store), std::move(options));
  context.add_member(made);
  owner_ = std::make_shared<owner>(made);
}

save_ticket save_queue::enqueue(event e, save_options options) {
  return save_ticket(owner::opened(owner_, "enqueue()").enqueue(std::move(e), options));
}

awaitable<save_queue_report> save_queue::close(call_options options) { return core::close(owner_, options); }
save_queue_metrics save_queue::metrics() const { return owner::opened(owner_, "metrics()").metrics(); }

} // namespace aether
