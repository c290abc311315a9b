// Asks JetStream's API which streams there are.
#include "nats/stream_listing.hpp"

#include "nats/api_question.hpp"
#include "nats/json_fields.hpp"
#include "nats/request.hpp"

#include <aether/json.hpp>

#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace aether::nats::detail {
namespace {

using clock = std::chrono::steady_clock;

bool takes_events(boost::json::object const& config, std::string const& name) {
  auto const* subjects = array_at(config, "subjects");
  auto const has = [&](std::string const& wanted) {
    return subjects && std::any_of(subjects->begin(), subjects->end(), [&](boost::json::value const& s) {
             return s.is_string() && s.get_string() == boost::json::string_view(wanted.data(), wanted.size());
           });
  };
  return has(name + ".events.>") || has(name + ".>");
}

time_point time_at(boost::json::object const& o, std::string_view name) {
  time_point when{};
  auto const text = string_at(o, name);
  return text && parse_time(*text, when) ? when : time_point{};
}

bool read_stream(boost::json::object const& o, listed_stream& out) {
  auto const* config = object_at(o, "config");
  auto const* state = object_at(o, "state");
  auto const name = config ? string_at(*config, "name") : std::nullopt;
  if (!name || name->empty() || !state)
    return false;
  out.name = *name;
  out.has_record = parse_description(string_at(*config, "description").value_or(""), out.record);
  // Checkpoints and dead letters are no streams of events, and have other subjects.
  out.holds_events = takes_events(*config, out.name);
  for (auto [field, into] : {std::pair("messages", &out.messages), std::pair("bytes", &out.bytes),
                             std::pair("num_subjects", &out.subjects), std::pair("num_deleted", &out.deleted),
                             std::pair("first_seq", &out.first_sequence), std::pair("last_seq", &out.last_sequence)})
    *into = unsigned_at(*state, field).value_or(0);
  out.replicas = integer_at(*config, "num_replicas").value_or(1);
  out.created = time_at(o, "created");
  if (out.messages > 0)
    out.last_time = time_at(*state, "last_ts");
  return true;
}

/// The answer's object, or its error.
answer_of<boost::json::object> parse_object(std::string_view text) {
  api_error bad;
  boost::system::error_code ec;
  auto v = boost::json::parse(boost::json::string_view(text.data(), text.size()), ec);
  auto* o = ec ? nullptr : v.if_object();
  if (!o) {
    bad.description = "not a JSON object";
    return bad;
  }
  auto const* error = object_at(*o, "error");
  if (!error)
    return std::move(*o);
  bad.code = static_cast<int>(integer_at(*error, "code").value_or(0));
  bad.err_code = static_cast<int>(integer_at(*error, "err_code").value_or(0));
  bad.description = string_at(*error, "description").value_or("");
  return bad;
}

/// Asks until there is an answer that is not "not now".
template <class T>
awaitable<T> ask_api(connection on, std::string subject, std::string body, answer_of<T> (*parse)(std::string_view),
                     clock::time_point deadline) {
  for (;;) {
    auto const left = std::max<std::chrono::nanoseconds>(deadline - clock::now(), std::chrono::milliseconds(1));
    auto const text = co_await ask_once(on, subject, body, left);
    auto answer = parse(text);
    auto const* refused = std::get_if<api_error>(&answer);
    if (!refused)
      co_return std::get<T>(std::move(answer));
    auto const pause = clock::now() + std::chrono::milliseconds(20);
    if (!is_temporary(*refused) || refused->code == 0 || pause >= deadline)
      throw error(to_errc(*refused), subject + ": " + text_of(*refused));
    co_await pause_until(pause);
  }
}

clock::time_point deadline_of(connection const& on, call_options const& options) {
  return clock::now() + (options.timeout.count() != 0 ? options.timeout : on.core()->options().operation_timeout);
}

} // namespace

answer_of<streams_answer> parse_streams_answer(std::string_view text) {
  auto parsed = parse_object(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  streams_answer out;
  if (auto const* streams = array_at(*o, "streams")) // null when there are none
    for (auto const& entry : *streams) {
      ++out.on_page;
      listed_stream one;
      if (auto const* described = entry.if_object(); described && read_stream(*described, one))
        out.streams.push_back(std::move(one));
    }
  out.total = unsigned_at(*o, "total").value_or(out.on_page);
  return out;
}

answer_of<listed_stream> parse_listed_stream(std::string_view text) {
  auto parsed = parse_object(text);
  auto* o = std::get_if<boost::json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  listed_stream out;
  if (read_stream(*o, out))
    return out;
  api_error bad;
  bad.description = "a stream without name or state";
  return bad;
}

awaitable<std::vector<listed_stream>> list_streams(connection on, call_options options) {
  if (!on)
    throw error(errc::not_open, "listing streams on a connection that was default-made or moved from");
  auto const deadline = deadline_of(on, options);
  std::vector<listed_stream> all;
  for (std::uint64_t offset = 0;;) {
    auto query = R"({"offset":)" + std::to_string(offset) + '}';
    auto page = co_await ask_api(on, "$JS.API.STREAM.LIST", std::move(query), &parse_streams_answer, deadline);
    std::move(page.streams.begin(), page.streams.end(), std::back_inserter(all));
    offset += page.on_page;
    if (page.on_page == 0 || offset >= page.total)
      break;
  }
  auto const by_name = [](listed_stream const& a, listed_stream const& b) { return a.name < b.name; };
  std::sort(all.begin(), all.end(), by_name);
  // One that came meanwhile moves the others to the next page.
  auto const same = [](listed_stream const& a, listed_stream const& b) { return a.name == b.name; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  co_return all;
}

awaitable<listed_stream> find_stream(connection on, std::string name, call_options options) {
  if (!on)
    throw error(errc::not_open, "looking for a stream on a connection that was default-made or moved from");
  auto const deadline = deadline_of(on, options);
  co_return co_await ask_api(on, "$JS.API.STREAM.INFO." + name, "", &parse_listed_stream, deadline);
}

} // namespace aether::nats::detail
