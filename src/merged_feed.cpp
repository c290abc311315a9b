// Several streams' subscriptions as one feed: the next item of each part is held here until it is its turn.
#include "merged_feed.hpp"

#include "wait_for_any.hpp"

#include <aether/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace aether::detail {

namespace {

struct merged_part {
  event_subscription from;
  bool may_have = true; // else there was nothing: it is to be waited for
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
      all += (p.may_have ? p.from.events_behind() : p.events_behind) + (p.next ? 1 : 0);
    return all;
  }

  void stop() noexcept override {
    std::vector<merged_part> ended; // without the lock: their waits end
    std::lock_guard lock(mutex_);
    stopped_ = true;
    ended.swap(parts_);
  }

private:
  static time_point stored(merged_part const& p) { return std::get<recorded_event>(*p.next).stored; }

  void check_running() const {
    if (stopped_)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

  void fill(merged_part& p) {
    while (!p.next && p.may_have) {
      p.next = p.from.try_next();
      if (!p.next) {
        p.may_have = false;
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

  static awaitable<void> wait_for_part(std::shared_ptr<merged_feed> self,
                                       std::chrono::steady_clock::time_point deadline) {
    std::vector<awaitable<bool>> waits;
    auto const waited_for = std::make_shared<std::vector<std::size_t>>();
    {
      std::lock_guard lock(self->mutex_);
      self->check_running();
      for (auto& p : self->parts_)
        if (!p.may_have && !p.next) {
          waits.push_back(p.from.wait(options_until(deadline)));
          waited_for->push_back(self->index(p));
        }
    }
    auto const ready = [self, waited_for](std::size_t which) {
      std::lock_guard lock(self->mutex_);
      if (!self->stopped_)
        self->parts_[(*waited_for)[which]].may_have = true;
    };
    co_await wait_for_any(std::move(waits), ready);
    std::lock_guard lock(self->mutex_);
    self->check_running();
  }

  wanted_in_part const wanted_;
  mutable std::mutex mutex_;
  std::vector<merged_part> parts_;
  bool told_caught_up_ = false;
  bool stopped_ = false;
};

} // namespace

std::shared_ptr<event_feed> merge_feeds(std::vector<event_subscription> parts, wanted_in_part wanted) {
  return std::make_shared<merged_feed>(std::move(parts), std::move(wanted));
}

} // namespace aether::detail
