// A subscription as a live stream of text/event-stream.
#include "sse.hpp"

#include <aether/json.hpp>

#include <chrono>
#include <utility>
#include <variant>

namespace orders {

namespace {

std::string write_event(aether::recorded_event const& e) {
  return "id: " + e.position().to_text() + "\nevent: order\ndata: " + aether::to_json(e.event) + "\n\n";
}

class event_stream final : public http::live_stream {
public:
  explicit event_stream(aether::event_subscription subscription) : subscription_(std::move(subscription)) {}

  aether::awaitable<std::optional<std::string>> next() override { return next_piece(subscription_); }
  void stop() override { subscription_ = aether::event_subscription(); } // ends the wait

private:
  /// What is there already comes in one piece. None: the end.
  static aether::awaitable<std::optional<std::string>> next_piece(aether::event_subscription& from) {
    aether::call_options silence;
    silence.timeout = std::chrono::seconds(5);
    std::optional<std::string> piece;
    try {
      bool const there = co_await from.wait(silence);
      if (!there)
        piece = ": nothing new\n\n"; // who has gone is noticed when this cannot be written
      else
        piece = take(from);
    } catch (boost::system::system_error const&) { // stopped, or the store was closed: the client comes again
    }
    co_return piece;
  }

  static std::string take(aether::event_subscription& from) {
    std::string text;
    while (text.size() < 64 * 1024) {
      auto const item = from.try_next();
      if (!item)
        break;
      if (auto const* const recorded = std::get_if<aether::recorded_event>(&*item))
        text += write_event(*recorded);
      else if (std::holds_alternative<aether::caught_up>(*item))
        text += "event: caught_up\ndata: {}\n\n";
    }
    return text;
  }

  aether::event_subscription subscription_;
};

} // namespace

aether::awaitable<http::answer> follow_events(std::shared_ptr<aether::event_store> store, aether::event_filter filter,
                                              aether::start_from start, std::string last_event_id) {
  aether::subscribe_options options;
  options.filter = std::move(filter);
  options.start = last_event_id.empty() ? std::move(start)
                                        : aether::start_from::position(aether::position::from_text(last_event_id));
  options.malformed = aether::malformed_messages::skip;
  options.window_events = 256; // of each watcher
  options.window_bytes = 1024 * 1024;
  auto subscription = co_await store->subscribe(std::move(options));
  http::answer made;
  made.type = "text/event-stream";
  made.live = std::make_shared<event_stream>(std::move(subscription));
  co_return made;
}

} // namespace orders
