// Subscriptions, readers and listings of the JetStream store.
#include "nats/store_reading.hpp"

#include "detail/call_deadline.hpp"
#include "nats/consumer_source.hpp"
#include "nats/stored_feed.hpp"
#include "nats/stream_start.hpp"
#include "nats/windows.hpp"

#include <algorithm>

namespace aether::nats::detail {
namespace {

std::vector<std::string> filters_of(event_filter const& filter, subject_map const& subjects) {
  std::vector<std::string> out;
  if (!filter.actor_id.empty())
    out.push_back(subjects.events_subject(filter.actor_id));
  for (auto const& type : filter.actor_types)
    out.push_back(subjects.events_filter_of(type));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.empty())
    out.push_back(subjects.events_filter());
  return out;
}

} // namespace

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
  source.filters = filters_of(options.filter, stream->subjects);
  source.on_expired = options.on_expired;
  auto start = co_await find_start(stream, options.start, options.on_expired, source.filters, deadline);
  auto const identity = start.stream;
  auto const sequence = start.next - 1;
  auto event_id = start.event_id;
  auto messages = std::make_shared<consumer_source>(stream, std::move(start), std::move(source));
  store->wake_when_closed(messages);
  auto feed =
      std::make_shared<stored_feed>(store, identity, std::move(messages), std::string(), sequence, std::move(event_id));
  co_return event_subscription(std::move(feed), options);
}

} // namespace aether::nats::detail
