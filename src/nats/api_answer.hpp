// What JetStream's API answers, read from its JSON: errors, stored messages, streams, consumers, the server.
#pragma once

#include <aether/event.hpp>
#include <aether/nats/message.hpp>

#include <boost/json/object.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aether::detail {
class json_scanner;
}

namespace aether::nats::detail {

/// The server's numbers for what went wrong (server/errors.json), as far as decisions need them.
namespace js_code {
inline constexpr int resources_exceeded = 10002;
inline constexpr int no_suitable_peers = 10005;
inline constexpr int no_quorum = 10008;
inline constexpr int not_leader = 10009;
inline constexpr int insufficient_resources = 10023;
inline constexpr int memory_exceeded = 10028;
inline constexpr int no_account = 10035;
inline constexpr int consumer_refused = 10012;
inline constexpr int consumer_not_found = 10014;
inline constexpr int no_message = 10037;
inline constexpr int no_such_sequence = 10043;
inline constexpr int not_enabled_for_account = 10039;
inline constexpr int storage_exceeded = 10047;
inline constexpr int message_too_large = 10054;
inline constexpr int stream_name_in_use = 10058;
inline constexpr int stream_not_found = 10059;
inline constexpr int subjects_overlap = 10065;
inline constexpr int wrong_last_sequence = 10071;
inline constexpr int replicas_not_supported = 10074;
inline constexpr int not_enabled = 10076;
inline constexpr int store_failed = 10077;
inline constexpr int headers_too_large = 10097;
inline constexpr int stream_offline = 10118;
inline constexpr int no_limits = 10120;
inline constexpr int stream_bytes_exceeded = 10122;
inline constexpr int move_in_progress = 10124;
inline constexpr int consumer_exists = 10148;
inline constexpr int id_in_process = 10158;
inline constexpr int sequence_not_ready = 10163;
inline constexpr int wrong_last_in_flight = 10164;
inline constexpr int too_many_requests = 10167;
inline constexpr int batches_disabled = 10174;
inline constexpr int batch_incomplete = 10176;
inline constexpr int api_level_too_low = 10185;
inline constexpr int batch_too_large = 10199;
inline constexpr int batch_has_used_id = 10201;
inline constexpr int batches_in_flight = 10210;
inline constexpr int change_in_progress = 10226; // of replicas or retention
} // namespace js_code

/// An error answer. `code` 0: no answer of JetStream's but text that is not understood; `description` says why.
struct api_error {
  int code = 0;     ///< like HTTP's
  int err_code = 0; ///< the precise one, see js_code; 0: not told
  std::string description;
};

/// The library's code for it; protocol_error for what was not understood, server_error for what has none of its own.
boost::system::error_code to_errc(api_error const& error) noexcept;

/// True when the same request may be answered otherwise a moment later: no leader, no quorum, too much to do.
bool is_temporary(api_error const& error) noexcept;
/// What a question without responders means, and what to do.
std::string nobody_answers(std::string_view subject);

/// True when a stream was not created because, for all one knows, another client was faster: it is to be looked at.
/// nats-server before 2.10.2 says of two creations at one moment that the subjects of the second overlap with the
/// first (server/stream.go, addStreamWithAssignment).
bool may_be_there(api_error const& error) noexcept;

/// There is no such message: an end of a read, not a failure of it.
inline bool is_no_message(api_error const& error) noexcept { return error.err_code == js_code::no_message; }

/// For people: `insufficient resources (JetStream error 10023, status 503)`.
std::string text_of(api_error const& error);

/// Reads the value of an answer's member "error".
bool read_api_error(aether::detail::json_scanner& in, api_error& out);

/// What an answer holds, or why it holds nothing.
template <class T> using answer_of = std::variant<api_error, T>;

/// The object that any answer is, unless it is an error.
answer_of<boost::json::object> parse_answer(std::string_view text);

/// The answer of STREAM.MSG.GET.
struct stored_message {
  std::string subject;
  std::uint64_t sequence = 0;
  header_list headers;
  std::string data;
  time_point time{}; ///< when the server stored it

  /// The first header of that name; an empty view when there is none.
  std::string_view header(std::string_view name) const noexcept;
};
answer_of<stored_message> parse_stored_message(std::string_view text);

/// The answer of STREAM.CREATE, UPDATE and INFO.
struct stream_answer {
  boost::json::object config; ///< as the server understood it: a field it does not know is missing
  std::string created;        ///< RFC 3339, as the server wrote it: with the name the stream's identity
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::string first_time;     ///< RFC 3339, as the server wrote it; of no message something of no meaning
  std::string cluster;        ///< empty: a server on its own
};
answer_of<stream_answer> parse_stream_answer(std::string_view text);

/// The answer of STREAM.INFO with a `subjects_filter`: a page of subjects, sorted, and how many messages each has.
struct subjects_answer {
  std::vector<std::pair<std::string, std::uint64_t>> subjects;
  std::uint64_t total = 0; ///< of all pages
};
answer_of<subjects_answer> parse_subjects_answer(std::string_view text);

/// The answer of CONSUMER.CREATE and INFO.
struct consumer_answer {
  std::string name;
  boost::json::object config; ///< as the server understood it
  std::uint64_t num_pending = 0;
};
answer_of<consumer_answer> parse_consumer_answer(std::string_view text);

/// The answer of CONSUMER.DELETE and STREAM.MSG.DELETE: it is done.
struct done_answer {};
answer_of<done_answer> parse_done_answer(std::string_view text);

/// The answer of $JS.API.INFO.
struct account_answer {
  int api_level = 0; ///< 0: before 2.11
  std::string domain;
};
answer_of<account_answer> parse_account_answer(std::string_view text);

/// The answer of $SYS.REQ.USER.INFO, as far as it is needed: the server's version, empty when it does not tell.
answer_of<std::string> parse_user_info_version(std::string_view text);

} // namespace aether::nats::detail
