// A stream opened as a store opens it, and messages written to it the way any other client could.
#pragma once

#include "nats/stream_access.hpp"

#include <aether/event.hpp>
#include <aether/nats/connection.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace aether::test {

class raw_stream {
public:
  raw_stream() = default;

  /// Connects and opens stream `S`; with `change` the copy of what was opened that reads are made with.
  static awaitable<raw_stream> open(std::string url, nats::jetstream_config config = {},
                                    std::function<void(nats::detail::stream_access&)> change = {});

  /// Stores one message on the actor's events subject and returns its sequence.
  awaitable<std::uint64_t> store(std::string actor_id, std::string data, nats::header_list headers = {});
  /// Stores events of the versions first to last, each with `padding` bytes in its data.
  awaitable<void> store_events(std::string actor_id, std::int64_t first, std::int64_t last, std::size_t padding = 100);
  /// One event of each of `count` other actors.
  awaitable<void> store_others(std::size_t count);
  /// Asks JetStream's API and returns the answer's text.
  awaitable<std::string> api(std::string what, std::string body = {});

  std::shared_ptr<nats::detail::stream_access const> const& access() const noexcept { return stream_; }
  nats::connection const& connection() const noexcept { return connection_; }
  std::uint64_t messages_out() const { return connection_.statistics().messages_out; }

private:
  awaitable<void> publish_all(std::function<std::pair<std::string, std::string>(std::size_t)> make, std::size_t count);

  nats::connection connection_;
  std::shared_ptr<nats::detail::stream_access const> stream_;
};

/// An event as any writer of the stream would write it.
std::string event_text(std::string const& actor_id, std::int64_t version, std::size_t padding = 100);

std::chrono::steady_clock::time_point in(std::chrono::seconds time);

} // namespace aether::test
