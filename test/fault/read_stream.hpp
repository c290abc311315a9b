// What a stream holds, read message by message with the protocol alone.
#pragma once

#include "fault/history.hpp"
#include "fault/wire_client.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aether::fault {

struct raw_message {
  std::uint64_t sequence = 0;
  std::string subject;
  std::string headers;
  std::string data;
};

/// Every message of a stream, in its order, as its leader has it. Throws std::runtime_error when the server refuses or
/// does not answer.
std::vector<raw_message> read_stream(wire_client& client, std::string const& stream);

/// The messages of sequences 1 to `last`, without headers, by direct get, which any replica answers: while the other
/// servers are down it is the client's own.
std::vector<raw_message> read_replica(wire_client& client, std::string const& stream, std::uint64_t last);

/// As the checker wants them: the messages of the stream's `events` subjects, parsed with Boost.JSON. What is not an
/// event becomes one with an empty id, which no writer can have written.
std::vector<stored_message> stored_events(std::vector<raw_message> const& messages);

/// Throws std::runtime_error when the text is not what base64 makes.
std::string from_base64(std::string_view text);

} // namespace aether::fault
