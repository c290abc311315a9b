// A feed that hands out what a test has written down, for what stands on feeds.
#pragma once

#include <aether/error.hpp>
#include <aether/event_feed.hpp>
#include <support/events.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace aether::test {

/// One step each: what take() says. After the last one there is nothing, or what was thrown.
class scripted_feed final : public event_feed, public std::enable_shared_from_this<scripted_feed> {
public:
  struct step {
    feed_step what = feed_step::nothing;
    std::int64_t version = 0;
    std::string type;
    errc failure{};

    step() = default;
  };

  void add(feed_step what, std::int64_t version = 0, std::string type = "Placed") {
    step s;
    s.what = what;
    s.version = version;
    s.type = std::move(type);
    steps.push_back(std::move(s));
  }
  void add_events(std::int64_t first, std::int64_t last) {
    for (std::int64_t v = first; v <= last; ++v)
      add(feed_step::event, v);
  }
  void add_failure(errc why) {
    step s;
    s.failure = why;
    steps.push_back(std::move(s));
  }

  feed_step take(recorded_event& into, replay_error& malformed) override {
    ++takes;
    if (steps.empty())
      return feed_step::nothing;
    step const s = steps.front();
    if (s.failure != errc{})
      throw error(s.failure);
    steps.pop_front();
    if (s.what == feed_step::event) {
      into.event = event_of("order-1", s.version, "event-" + std::to_string(s.version));
      into.event.event_type = s.type;
      into.sequence = ++sequence;
      into.stream = stream;
      last_id = into.event.id;
    } else if (s.what == feed_step::malformed) {
      malformed.sequence = ++sequence;
      malformed.error = errc::malformed_event;
      malformed.raw_data = "no event";
      last_id.clear();
    }
    return s.what;
  }
  awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override {
    return wait_a_turn(shared_from_this(), deadline);
  }
  std::string last_bytes() const override { return "bytes of " + last_id; }
  aether::position where() const override {
    return aether::position({stream_place(stream->name, stream->created, sequence, last_id)});
  }
  std::uint64_t behind() const override { return steps.size(); }
  std::chrono::steady_clock::time_point now() const override { return time; }
  void stop() noexcept override { stopped = true; }

  std::deque<step> steps;
  std::function<void()> on_wait = [] {}; // what happens while somebody waits
  std::uint64_t sequence = 0;
  std::string last_id;
  std::shared_ptr<stream_identity const> stream = std::make_shared<stream_identity const>("scripted", time_point{});
  std::chrono::steady_clock::time_point time{};
  int takes = 0;
  int waits = 0;
  bool stopped = false;

private:
  // With nothing in the script time passes to the deadline.
  static awaitable<void> wait_a_turn(std::shared_ptr<scripted_feed> self,
                                     std::chrono::steady_clock::time_point deadline) {
    ++self->waits;
    co_await boost::asio::post(co_await boost::asio::this_coro::executor, boost::asio::use_awaitable);
    self->on_wait();
    if (self->steps.empty() && deadline != std::chrono::steady_clock::time_point::max())
      self->time = deadline;
  }
};

} // namespace aether::test
