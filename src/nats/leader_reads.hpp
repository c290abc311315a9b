// Single questions to the stream's leader: the last message on a subject, the next one from a sequence on, one by
// its sequence. Never stale.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/request.hpp"
#include "nats/stream_access.hpp"

#include <aether/event.hpp>
#include <aether/json.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aether::nats::detail {

/// The request's body; the subject is `{api}.STREAM.MSG.GET.{stream}`.
std::string last_message_query(std::string_view subject);
std::string next_message_query(std::string_view subject, std::uint64_t sequence);
std::string message_at_query(std::uint64_t sequence);
std::string leader_read_subject(stream_access const& stream);

/// What a leader read's answer says: a message, or none (404), or an error. Pure.
struct leader_answer {
  std::optional<stored_message> message;
  boost::system::error_code error; ///< neither message nor error: there is none
  std::string text;
  bool temporary = false; ///< the error may be gone a moment later
};
leader_answer parse_leader_answer(native_message const& answer);

/// Reads a stored message as an event of `actor_id`; false: `bad` says what is wrong, as below.
bool parse_stored_event(subject_map const& subjects, std::string_view actor_id, std::string_view data, event& out,
                        parse_error& bad);

/// A stored message read as the event of `actor_id`: well-formed, of that actor, or with what is wrong.
/// Another actor's well-formed event on this subject is actor_mismatch (underscore encoding), else malformed_event.
struct read_event_result {
  std::uint64_t sequence = 0;
  std::optional<event> value;
  boost::system::error_code error;
  std::string reason;

  read_event_result() = default;
};
read_event_result read_stored_event(stream_access const& stream, std::string_view actor_id, std::uint64_t sequence,
                                    std::string_view data);

/// Asked again until answered or `deadline` passes. Throws aether::error: timed_out, connection_lost, closed,
/// permission_denied, or what the server answered.
boost::asio::awaitable<std::optional<stored_message>> read_leader(std::shared_ptr<stream_access const> stream,
                                                                  std::string query, steady_time deadline);

/// The last message on the subject below `sequence`; none: there is none. About two reads for each doubling of the
/// distance.
boost::asio::awaitable<std::optional<stored_message>> read_before(std::shared_ptr<stream_access const> stream,
                                                                  std::string subject, std::uint64_t sequence,
                                                                  steady_time deadline);

/// The sequence of the last message on the subject; 0: there is none.
boost::asio::awaitable<std::uint64_t> find_last_sequence(std::shared_ptr<stream_access const> stream,
                                                         std::string subject, steady_time deadline);

/// What an actor's subject ends with: its latest well-formed event, and the last message, well-formed or not.
struct current_state {
  std::uint64_t last_sequence = 0; ///< 0: no message
  std::chrono::sys_time<std::chrono::nanoseconds> last_time{};
  std::optional<event> latest;     ///< none: no well-formed event
  std::uint64_t latest_sequence = 0;

  current_state() = default;
};
/// How old the latest event is by this machine's clock. Behind a malformed last message it is not known: as old as can
/// be, so that nothing is kept which may have expired.
inline std::chrono::nanoseconds age_since(time_point stored) noexcept {
  std::chrono::nanoseconds const age = std::chrono::system_clock::now() - stored;
  return std::max(age, std::chrono::nanoseconds(0));
}
inline std::chrono::nanoseconds age_of(current_state const& current) noexcept {
  if (current.latest && current.latest_sequence != current.last_sequence)
    return std::chrono::nanoseconds::max();
  return age_since(current.last_time);
}

/// One read unless the last message is malformed; then its history is searched backwards by bisection or read.
boost::asio::awaitable<current_state> read_current(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                                   steady_time deadline);

/// The first well-formed event of the actor whose version is not smaller than `version`, with its sequence.
struct found_event {
  std::uint64_t sequence = 0;
  event value;

  found_event() = default;
};
boost::asio::awaitable<std::optional<found_event>> find_from_version(std::shared_ptr<stream_access const> stream,
                                                                     std::string actor_id, std::int64_t version,
                                                                     steady_time deadline);

/// Where to begin to read what stands behind `after_version`: no wanted event is below it, and with `keep_errors` no
/// malformed message behind the last event that is not wanted. None: nothing stands there.
boost::asio::awaitable<std::optional<std::uint64_t>> find_start_after(std::shared_ptr<stream_access const> stream,
                                                                      std::string actor_id, std::int64_t after_version,
                                                                      bool keep_errors, steady_time deadline);

} // namespace aether::nats::detail
