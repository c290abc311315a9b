// Which streams a server has, as far as it tells: for programs that look at streams without knowing how they were made.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/stream_settings.hpp"

#include <aether/call_options.hpp>
#include <aether/nats/connection.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// A stream as STREAM.INFO and STREAM.LIST describe it.
struct listed_stream {
  std::string name;
  record_state has_record = record_state::none;
  stream_record record; ///< when it was read
  bool holds_events = false; ///< its subjects cover `{name}.events.>`, and its description is not of something else
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t subjects = 0; ///< different ones with messages; 0 also when the server does not tell
  std::uint64_t deleted = 0; ///< sequences between the first and the last without a message
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::int64_t replicas = 1;
  time_point created{};
  time_point last_time{}; ///< the epoch: there is no message

  listed_stream() = default;
};

/// The answer of STREAM.LIST: a page.
struct streams_answer {
  std::vector<listed_stream> streams;
  std::uint64_t total = 0; ///< of all pages
  std::uint64_t on_page = 0; ///< those too that could not be read
};
answer_of<streams_answer> parse_streams_answer(std::string_view text);

/// The answer of STREAM.INFO.
answer_of<listed_stream> parse_listed_stream(std::string_view text);

/// All streams, in the order of their names. Changes nothing. Throws jetstream_not_available, permission_denied,
/// timed_out, connection_lost.
awaitable<std::vector<listed_stream>> list_streams(connection on, call_options options = {});

/// One stream, by its name on the server. Throws the same, and stream_not_found.
awaitable<listed_stream> find_stream(connection on, std::string name, call_options options = {});

} // namespace aether::nats::detail
