// Subscriptions to an embedded store: what is there is read in pieces, and what is saved wakes who waits.
#include "detail/give_way.hpp"
#include "memory_feeds.hpp"
#include "memory_source.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace aether::detail {
namespace {

/// Where a subscription begins.
struct memory_start {
  std::uint64_t behind = 0;                 // this sequence
  std::vector<stored_event const*> latest;  // to be handed out before what stands there
  std::uint64_t end = 0;                    // the last sequence that was there

  memory_start() = default;
};

class memory_subscription final : public event_feed, public std::enable_shared_from_this<memory_subscription> {
public:
  memory_subscription(std::shared_ptr<memory_log> log, std::unique_ptr<memory_source> source, memory_start start)
      : log_(std::move(log)), source_(std::move(source)), latest_(std::move(start.latest)), end_(start.end) {
    last_ = start.behind == 0 ? nullptr : &log_->index().at(start.behind);
    source_->go_behind(latest_.empty() ? start.behind : end_);
  }

  feed_step take(recorded_event& into, replay_error&) override {
    log_->check_open();
    stored_event const* next = peek();
    if (!caught_up_ && (next == nullptr || next->sequence > end_)) {
      caught_up_ = true;
      return feed_step::caught_up;
    }
    if (next == nullptr)
      return feed_step::nothing;
    bool const passes = is_known_ && is_known_(next->value.id);
    if (!passes)
      copy_out(*next, log_->stream(), into); // it may throw
    move_on();
    last_ = next;
    return passes ? feed_step::passed : feed_step::event;
  }

  void pass_over(std::function<bool(std::string_view)> is_known) override { is_known_ = std::move(is_known); }

  awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override {
    return wait_for_more(shared_from_this(), deadline);
  }
  std::string last_bytes() const override { return last_ ? to_json(last_->value) : std::string(); }
  position where() const override { return last_ ? place_of(*last_, *log_->stream()) : beginning_of(*log_->stream()); }
  std::uint64_t behind() const override { return latest_.size() - taken_latest_ + count_ - next_ + source_->left(); }

  void stop() noexcept override {
    std::shared_ptr<wait_state<bool>> waiting;
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      waiting = std::exchange(waiting_, nullptr);
    }
    if (waiting)
      waiting->cancel();
  }

private:
  stored_event const* peek() {
    if (taken_latest_ < latest_.size())
      return latest_[taken_latest_];
    if (next_ == count_) {
      seen_ = log_->index().last_sequence();
      next_ = 0;
      count_ = source_->read(piece_.data(), piece_.size());
    }
    return next_ < count_ ? piece_[next_] : nullptr;
  }

  void move_on() {
    if (taken_latest_ == latest_.size()) {
      ++next_;
    } else if (++taken_latest_ == latest_.size()) {
      latest_ = {};
      taken_latest_ = 0;
    }
  }

  void park(std::shared_ptr<wait_state<bool>> waiting) {
    bool stopped = false;
    {
      std::lock_guard lock(mutex_);
      stopped = stopped_;
      if (!stopped)
        waiting_ = waiting;
    }
    if (stopped)
      waiting->cancel();
    else if (!caught_up_ || next_ < count_)
      waiting->complete(true);
    else
      log_->index().wake_beyond(seen_, std::move(waiting));
  }

  static awaitable<void> wait_for_more(std::shared_ptr<memory_subscription> self, steady_time deadline) {
    auto start = [&](std::shared_ptr<wait_state<bool>> waiting) { self->park(std::move(waiting)); };
    auto const ended = co_await wait_until<bool>(deadline, start);
    throw_if_cancelled(ended);
  }

  std::shared_ptr<memory_log> const log_;
  std::unique_ptr<memory_source> const source_;
  std::vector<stored_event const*> latest_;
  std::size_t taken_latest_ = 0;
  std::uint64_t const end_;
  bool caught_up_ = false;
  std::array<stored_event const*, 64> piece_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::uint64_t seen_ = 0; // what is up to here has been looked for
  stored_event const* last_ = nullptr;
  std::function<bool(std::string_view)> is_known_;

  std::mutex mutex_; // stop() comes from any thread
  bool stopped_ = false;
  std::shared_ptr<wait_state<bool>> waiting_;
};

[[noreturn]] void refuse(std::string const& why) { throw error(errc::position_invalid, "subscribe: " + why); }

// The sequence of a position of this very log.
std::uint64_t verified(memory_log& log, position const& where) {
  if (where.places().size() != 1)
    refuse("the position is of " + std::to_string(where.places().size()) +
           " streams, and an embedded store has one: it is of another store");
  stream_place const& place = where.places().front();
  auto const& stream = *log.stream();
  if (place.stream != stream.name || place.created != stream.created)
    refuse("the position is of stream " + quoted(place.stream) + ", made at " + format_time(place.created) +
           ", and this store is " + quoted(stream.name) + ", made at " + format_time(stream.created));
  std::uint64_t const last = log.index().last_sequence();
  if (place.sequence > last)
    refuse("the position is at sequence " + std::to_string(place.sequence) + ", and the store reaches to " +
           std::to_string(last));
  std::string const there = place.sequence == 0 ? std::string() : log.index().at(place.sequence).value.id;
  if (place.event_id != there)
    refuse("at sequence " + std::to_string(place.sequence) + " stands event " + quoted(there) + ", not " +
           quoted(place.event_id) + " as the position says");
  return place.sequence;
}

bool by_sequence(stored_event const* a, stored_event const* b) { return a->sequence < b->sequence; }

} // namespace

std::uint64_t start_behind(memory_log& log, start_from const& start) {
  if (start.what() == start_from::kind::position)
    return verified(log, start.where());
  if (start.what() == start_from::kind::time)
    return log.index().last_before(start.when());
  return start.what() == start_from::kind::now ? log.index().last_sequence() : 0;
}

awaitable<std::shared_ptr<event_feed>> subscribe_to_memory(std::shared_ptr<memory_log> log, subscribe_options options) {
  log->check_open();
  options.validate();
  auto source = make_memory_source(log, options.filter);
  memory_start start;
  start.end = log->index().last_sequence();
  if (options.start.what() == start_from::kind::now)
    start.behind = start.end;
  else
    start.behind = start_behind(*log, options.start);
  if (options.start.what() == start_from::kind::latest_of_each_actor) {
    for (std::size_t part = 0; source->add_latest(part, start.end, start.latest); ++part)
      co_await give_way();
    std::sort(start.latest.begin(), start.latest.end(), by_sequence);
    if (start.latest.empty())
      start.behind = start.end;
  }
  std::shared_ptr<event_feed> feed =
      std::make_shared<memory_subscription>(std::move(log), std::move(source), std::move(start));
  co_return feed;
}

} // namespace aether::detail
