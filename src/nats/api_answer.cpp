// What JetStream's API answers, read from its JSON: errors, stored messages, streams, consumers, the server.
#include "nats/api_answer.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include "json_scanner.hpp"
#include "nats/base64.hpp"
#include "nats/header_block.hpp"
#include "nats/json_fields.hpp"
#include "nats/scan_fields.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace aether::nats::detail {
namespace {

using aether::detail::json_scanner;

api_error not_understood(std::string reason) {
  api_error e;
  e.description = std::move(reason);
  return e;
}

bool read_message(json_scanner& in, stored_message& out) {
  bool has_subject = false;
  bool has_sequence = false;
  header_block block;
  bool const ok = in.object([&](std::string_view name) {
    std::string_view text;
    if (name == "seq")
      return (has_sequence = true) && read_unsigned(in, out.sequence);
    if (name == "subject")
      return (has_subject = true) && read_string(in, out.subject);
    if (name == "data")
      return read_text(in, text) && (decode_base64(text, out.data) || in.fail("data is not base64"));
    if (name == "hdrs") {
      std::string decoded;
      if (!read_text(in, text) || !(decode_base64(text, decoded) || in.fail("hdrs is not base64")))
        return false;
      parse_header_block(decoded, block); // what of it can be read: any client may have written it
      out.headers = std::move(block.headers);
      return true;
    }
    if (name == "time")
      return read_text(in, text) && (parse_time(text, out.time) || in.fail("time is not RFC 3339"));
    return in.skip_value(max_json_depth);
  });
  return ok && ((has_subject && has_sequence && out.sequence != 0) || in.fail("a message without subject or sequence"));
}

} // namespace

answer_of<boost::json::object> parse_answer(std::string_view text) {
  boost::system::error_code ec;
  boost::json::value v = boost::json::parse(boost::json::string_view(text.data(), text.size()), ec);
  if (ec)
    return not_understood("not valid JSON: " + ec.message());
  if (!v.is_object())
    return not_understood("not a JSON object");
  auto& o = v.get_object();
  if (!o.contains("error"))
    return std::move(o);
  auto const* error = object_at(o, "error");
  api_error e;
  if (error) {
    auto const code = integer_at(*error, "code").value_or(0);
    auto const err_code = integer_at(*error, "err_code").value_or(0);
    constexpr auto most = std::numeric_limits<int>::max();
    e.code = code > 0 && code <= most ? static_cast<int>(code) : 0;
    e.err_code = e.code != 0 && err_code > 0 && err_code <= most ? static_cast<int>(err_code) : 0;
    e.description = string_at(*error, "description").value_or("");
  }
  if (e.code == 0)
    e.description = "an error without a code: " + e.description;
  return e;
}

boost::system::error_code to_errc(api_error const& e) noexcept {
  switch (e.err_code) {
  case js_code::resources_exceeded:
  case js_code::insufficient_resources:
  case js_code::memory_exceeded:
  case js_code::storage_exceeded:
  case js_code::store_failed:
  case js_code::stream_bytes_exceeded:
    return errc::storage_full;
  case js_code::no_suitable_peers:
  case js_code::replicas_not_supported:
    return errc::not_enough_replicas;
  case js_code::no_account:
  case js_code::not_enabled_for_account:
  case js_code::not_enabled:
  case js_code::no_limits:
    return errc::jetstream_not_available;
  case js_code::message_too_large:
  case js_code::headers_too_large:
    return errc::event_too_large;
  case js_code::stream_name_in_use:
    return errc::stream_settings_differ;
  case js_code::stream_not_found:
    return errc::stream_not_found;
  case js_code::wrong_last_sequence:
  case js_code::wrong_last_in_flight:
    return errc::version_conflict;
  case js_code::too_many_requests:
  case js_code::batches_in_flight:
    return errc::overloaded;
  case js_code::batches_disabled:
    return errc::batch_not_supported;
  case js_code::batch_too_large:
    return errc::invalid_batch;
  case js_code::api_level_too_low:
    return errc::server_too_old;
  default:
    break;
  }
  switch (e.code) {
  case 0:
    return errc::protocol_error;
  case 429:
    return errc::overloaded;
  case 503:
    return errc::jetstream_not_available;
  default:
    return errc::server_error;
  }
}

std::string nobody_answers(std::string_view subject) {
  return "nobody answers " + std::string(subject) +
         ": start nats-server with -js, enable JetStream for the account, or mend the domain";
}

bool is_temporary(api_error const& e) noexcept {
  switch (e.err_code) {
  case js_code::insufficient_resources:
  case js_code::store_failed:
  case js_code::no_account:
  case js_code::not_enabled_for_account:
  case js_code::not_enabled:
    return false;
  case js_code::not_leader:
  case js_code::stream_offline:
  case js_code::batch_incomplete: // before 2.14 also said when too many batches are open
    return true;
  default: // among them no_quorum, sequence_not_ready, too_many_requests and batches_in_flight
    return e.code == 429 || e.code == 503;
  }
}

bool may_be_there(api_error const& e) noexcept {
  return e.err_code == js_code::stream_name_in_use || e.err_code == js_code::subjects_overlap;
}

std::string text_of(api_error const& e) {
  if (e.code == 0)
    return "the server's answer was not understood: " + e.description;
  std::string text = e.description.empty() ? std::string("no description") : e.description;
  text += " (JetStream ";
  if (e.err_code != 0)
    text += "error " + std::to_string(e.err_code) + ", ";
  return text + "status " + std::to_string(e.code) + ')';
}

bool read_api_error(json_scanner& in, api_error& out) {
  std::uint64_t code = 0;
  std::uint64_t err_code = 0;
  bool const ok = in.object([&](std::string_view name) {
    if (name == "code")
      return read_unsigned(in, code);
    if (name == "err_code")
      return read_unsigned(in, err_code);
    if (name == "description")
      return read_string(in, out.description);
    return in.skip_value(max_json_depth);
  });
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<int>::max());
  if (!ok || code > most || err_code > most)
    return ok && in.fail("an error's code is too large");
  out.code = static_cast<int>(code);
  out.err_code = static_cast<int>(err_code);
  return code != 0 || in.fail("an error without a code");
}

std::string_view stored_message::header(std::string_view name) const noexcept {
  for (auto const& [key, value] : headers)
    if (key == name)
      return value;
  return {};
}

answer_of<stored_message> parse_stored_message(std::string_view text) {
  json_scanner in(text);
  std::optional<api_error> error;
  answer_of<stored_message> answer(std::in_place_type<stored_message>);
  bool has_message = false;
  in.skip_space();
  bool const ok = in.object([&](std::string_view name) {
    if (name == "message")
      return (has_message = true) && read_message(in, std::get<stored_message>(answer));
    if (name == "error")
      return read_api_error(in, error.emplace());
    return in.skip_value(max_json_depth);
  });
  if (!ok || !in.finish())
    return not_understood(in.reason());
  if (error)
    return *std::move(error);
  if (!has_message)
    return not_understood("neither a message nor an error");
  return answer;
}

answer_of<stream_answer> parse_stream_answer(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  auto const* config = object_at(*o, "config");
  auto const* state = object_at(*o, "state");
  auto const created = string_at(*o, "created");
  if (!config || !state || !created)
    return not_understood("a stream without config, state or created");
  stream_answer out;
  out.config = *config;
  out.created = *created;
  for (auto [name, field] : {std::pair("messages", &out.messages), std::pair("bytes", &out.bytes),
                             std::pair("first_seq", &out.first_sequence), std::pair("last_seq", &out.last_sequence)}) {
    auto const number = unsigned_at(*state, name);
    if (!number)
      return not_understood(std::string("a stream's state without the number ") + name);
    *field = *number;
  }
  out.first_time = string_at(*state, "first_ts").value_or("");
  if (auto const* cluster = object_at(*o, "cluster"))
    out.cluster = string_at(*cluster, "name").value_or("");
  return out;
}

answer_of<subjects_answer> parse_subjects_answer(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  auto const* state = object_at(*o, "state");
  if (!state)
    return not_understood("a stream without state");
  subjects_answer out;
  if (auto const* subjects = object_at(*state, "subjects")) { // left out when there are none
    out.subjects.reserve(subjects->size());
    for (auto const& member : *subjects) {
      auto const count = unsigned_at(*subjects, member.key());
      if (!count)
        return not_understood("a subject without a number of messages");
      out.subjects.emplace_back(member.key(), *count);
    }
  }
  std::sort(out.subjects.begin(), out.subjects.end());
  out.total = unsigned_at(*o, "total").value_or(out.subjects.size());
  return out;
}

answer_of<consumer_answer> parse_consumer_answer(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  auto const* config = object_at(*o, "config");
  auto const name = string_at(*o, "name");
  auto const pending = unsigned_at(*o, "num_pending");
  if (!config || !name || name->empty() || !pending)
    return not_understood("a consumer without name, config or num_pending");
  consumer_answer out;
  out.name = *name;
  out.config = *config;
  out.num_pending = *pending;
  return out;
}

answer_of<done_answer> parse_done_answer(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  if (bool_at(*o, "success") != true)
    return not_understood("neither success nor an error");
  return done_answer();
}

answer_of<account_answer> parse_account_answer(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  auto const* api = object_at(*o, "api");
  if (!api)
    return not_understood("an account without api");
  account_answer out;
  if (auto const level = unsigned_at(*api, "level").value_or(0); level <= 1'000'000)
    out.api_level = static_cast<int>(level);
  out.domain = string_at(*o, "domain").value_or("");
  return out;
}

answer_of<std::string> parse_user_info_version(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  auto const* server = object_at(*o, "server");
  return std::string(server ? string_at(*server, "ver").value_or("") : "");
}

} // namespace aether::nats::detail
