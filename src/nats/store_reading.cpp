// Subscriptions, readers and listings of the JetStream store.
#include "nats/store_reading.hpp"

#include "detail/call_deadline.hpp"
#include "nats/consumer_source.hpp"
#include "nats/filter_subjects.hpp"
#include "nats/stored_feed.hpp"
#include "nats/stream_start.hpp"
#include "nats/windows.hpp"

namespace aether::nats::detail {
awaitable<event_subscription> subscribe(std::shared_ptr<store_core> store, subscribe_options options) {
  if (!store)
    throw error(errc::not_open, "subscribe() on a store that was default-made or moved from");
  store->check_open();
  options.validate();
  store_core::under_way const running(store);
  auto const stream = store->stream();
  auto const deadline = aether::detail::deadline_after(options.timeout, stream->config.operation_timeout);
  source_options source;
  source.window_messages = window_messages(options.window_events);
  source.window_bytes = window_bytes(stream->config, options.window_bytes);
  source.filters = filter_subjects(stream->subjects, options.filter);
  source.on_expired = options.on_expired;
  auto start = co_await find_start(stream, options.start, options.on_expired, source.filters, deadline);
  auto const identity = start.stream;
  auto const sequence = start.next - 1;
  auto event_id = start.event_id;
  auto const messages = std::make_shared<consumer_source>(stream, std::move(start), std::move(source));
  store->wake_when_closed(messages);
  co_await consumer_source::begin(messages, deadline);
  auto feed = std::make_shared<stored_feed>(store, identity, messages, std::string(), sequence, std::move(event_id));
  co_return event_subscription(std::move(feed), options);
}

} // namespace aether::nats::detail
