// Several streams' subscriptions as one feed: the next item of each part is held here until it is its turn.
#include "merged_feed.hpp"

#include "detail/wait.hpp"

#include <aether/error.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

namespace aether::detail {

namespace {

enum class part_state {
  may_have, ///< ask it
  has_none, ///< there was nothing: it is to be waited for
  waits,    ///< until then nobody else touches it
};

struct merged_part {
  event_subscription from;
  part_state state = part_state::may_have;
  bool caught_up = false;
  std::optional<subscription_item> next; // taken from it, and handed to nobody
  // Behind what was handed out, as nobody asks a part that waits or that has handed out more than this: the last
  // event's place, or a whole position.
  bool has_place = false;
  std::shared_ptr<stream_identity const> stream;
  std::uint64_t sequence = 0;
  std::string event_id;
  position behind;
  std::uint64_t events_behind = 0;

  explicit merged_part(event_subscription s) : from(std::move(s)) { remember_position(); }

  void remember(recorded_event const& e) {
    has_place = true;
    stream = e.stream;
    sequence = e.sequence;
    event_id = e.event.id; // keeps its room
  }
  void remember_position() {
    has_place = false;
    behind = from.position();
    events_behind = from.events_behind();
  }
  void add_places_to(std::vector<stream_place>& all) const {
    if (has_place)
      all.emplace_back(stream->name, stream->created, sequence, event_id);
    else
      all.insert(all.end(), behind.places().begin(), behind.places().end());
  }
};

class merged_feed final : public event_feed, public std::enable_shared_from_this<merged_feed> {
public:
  merged_feed(std::vector<event_subscription> parts, wanted_in_part wanted) : wanted_(std::move(wanted)) {
    parts_.reserve(parts.size());
    for (auto& p : parts)
      parts_.emplace_back(std::move(p));
  }

  feed_step take(recorded_event& into, replay_error& malformed) override {
    std::lock_guard lock(mutex_);
    check_running();
    merged_part* first = nullptr;
    bool may_come_earlier = false;
    for (auto& p : parts_) {
      fill(p);
      if (!p.next)
        may_come_earlier |= !p.caught_up;
      else if (auto* bad = std::get_if<replay_error>(&*p.next)) {
        malformed = std::move(*bad);
        p.next.reset();
        p.remember_position();
        return feed_step::malformed;
      } else if (!first || stored(p) < stored(*first))
        first = &p;
    }
    bool const all_caught_up =
        std::all_of(parts_.begin(), parts_.end(), [](merged_part const& p) { return p.caught_up; });
    if (all_caught_up && !told_caught_up_) {
      told_caught_up_ = true;
      return feed_step::caught_up;
    }
    if (!first || may_come_earlier)
      return feed_step::nothing;
    std::swap(into, std::get<recorded_event>(*first->next));
    first->next.reset();
    first->remember(into);
    return feed_step::event;
  }

  awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override {
    return wait_for_part(shared_from_this(), deadline);
  }

  std::string last_bytes() const override { return {}; } // for readers, which read one stream

  position where() const override {
    std::lock_guard lock(mutex_);
    std::vector<stream_place> all;
    for (auto const& p : parts_)
      p.add_places_to(all);
    std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.stream < b.stream; });
    return position(std::move(all));
  }

  std::uint64_t behind() const override {
    std::lock_guard lock(mutex_);
    std::uint64_t all = 0;
    for (auto const& p : parts_)
      all += (p.state == part_state::may_have ? p.from.events_behind() : p.events_behind) + (p.next ? 1 : 0);
    return all;
  }

  void stop() noexcept override {
    std::vector<merged_part> ended;
    std::shared_ptr<wait_state<bool>> waiter;
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      ended.swap(parts_);
      waiter.swap(waiter_);
    }
    if (waiter)
      waiter->close();
  }

private:
  static time_point stored(merged_part const& p) { return std::get<recorded_event>(*p.next).stored; }

  void check_running() const {
    if (stopped_)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

  void fill(merged_part& p) {
    while (!p.next && p.state == part_state::may_have) {
      p.next = p.from.try_next();
      if (!p.next) {
        p.state = part_state::has_none;
        p.remember_position();
      } else if (std::holds_alternative<caught_up>(*p.next)) {
        p.caught_up = true;
        p.next.reset();
      } else if (auto const* e = std::get_if<recorded_event>(&*p.next);
                 e && wanted_ && !wanted_(index(p), e->event.actor_id))
        p.next.reset();
    }
  }
  std::size_t index(merged_part const& p) const noexcept { return static_cast<std::size_t>(&p - parts_.data()); }

  /// With the lock: whether take() is worth a call.
  bool has_something() const noexcept {
    return stopped_ || std::any_of(parts_.begin(), parts_.end(),
                                   [](merged_part const& p) { return p.state == part_state::may_have && !p.next; });
  }

  /// Every part that had nothing is waited for until it has, also when this wait ends earlier.
  static void wait_for_parts(std::shared_ptr<merged_feed> const& self, boost::asio::any_io_executor const& executor) {
    std::vector<std::pair<std::size_t, awaitable<bool>>> waits;
    {
      std::lock_guard lock(self->mutex_);
      self->check_running();
      for (auto& p : self->parts_)
        if (p.state == part_state::has_none) {
          waits.emplace_back(self->index(p), p.from.wait());
          p.state = part_state::waits;
        }
    }
    for (auto& [i, wait] : waits) // without the lock: it may end at once
      boost::asio::co_spawn(executor, std::move(wait),
                            [weak = std::weak_ptr<merged_feed>(self), part = i](std::exception_ptr const&, bool) {
                              if (auto const feed = weak.lock()) // why it ended try_next() says
                                feed->ask_again(part);
                            });
  }

  void ask_again(std::size_t i) noexcept {
    std::shared_ptr<wait_state<bool>> waiter;
    {
      std::lock_guard lock(mutex_);
      if (stopped_)
        return;
      parts_[i].state = part_state::may_have;
      waiter.swap(waiter_);
    }
    if (waiter)
      waiter->complete(true);
  }

  void park(std::shared_ptr<wait_state<bool>> waiter) {
    bool at_once = false;
    {
      std::lock_guard lock(mutex_);
      at_once = has_something();
      if (!at_once)
        waiter_ = waiter;
    }
    if (at_once)
      waiter->complete(true);
  }

  static awaitable<void> wait_for_part(std::shared_ptr<merged_feed> self,
                                       std::chrono::steady_clock::time_point deadline) {
    auto const executor = co_await boost::asio::this_coro::executor;
    wait_for_parts(self, executor);
    auto const ended =
        co_await wait_until<bool>(deadline, [&](std::shared_ptr<wait_state<bool>> w) { self->park(std::move(w)); });
    throw_if_cancelled(ended);
    std::lock_guard lock(self->mutex_);
    self->check_running();
  }

  wanted_in_part const wanted_;
  mutable std::mutex mutex_;
  std::vector<merged_part> parts_;
  bool told_caught_up_ = false;
  bool stopped_ = false;
  std::shared_ptr<wait_state<bool>> waiter_;
};

} // namespace

std::shared_ptr<event_feed> merge_feeds(std::vector<event_subscription> parts, wanted_in_part wanted) {
  return std::make_shared<merged_feed>(std::move(parts), std::move(wanted));
}

} // namespace aether::detail
