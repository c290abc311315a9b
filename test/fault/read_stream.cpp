// STREAM.INFO says from where to where; STREAM.MSG.GET and direct get give one message at a time.
#include "fault/read_stream.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <map>
#include <optional>
#include <stdexcept>

namespace aether::fault {
namespace json = boost::json;
namespace {

json::object ask(wire_client& client, std::string const& subject, std::string const& body) {
  auto const answer = client.request(subject, body);
  if (!answer)
    throw std::runtime_error(subject + ": no answer");
  if (answer->status() != 0)
    throw std::runtime_error(subject + ": " + answer->headers);
  return json::parse(answer->data).as_object();
}

// 0: no error.
std::int64_t error_of(json::object const& answer) {
  auto const* error = answer.if_contains("error");
  return error ? error->at("err_code").to_number<std::int64_t>() : 0;
}

std::string text_of(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// A message as STREAM.MSG.GET gives it; nothing when there is none of the sequence.
std::optional<raw_message> from_leader(wire_message const& answer) {
  constexpr std::int64_t no_message = 10037;
  auto const told = json::parse(answer.data).as_object();
  if (error_of(told) == no_message)
    return {};
  if (error_of(told) != 0)
    throw std::runtime_error("a message: " + answer.data);
  auto const& got = told.at("message").as_object();
  raw_message m;
  m.sequence = got.at("seq").to_number<std::uint64_t>();
  m.subject = text_of(got, "subject");
  m.headers = from_base64(text_of(got, "hdrs"));
  m.data = from_base64(text_of(got, "data"));
  return m;
}

// The same as a direct get gives it: the stored message itself, what names it in headers.
std::optional<raw_message> from_replica(wire_message const& answer) {
  if (answer.status() == 404)
    return {};
  auto const sequence = answer.header("Nats-Sequence");
  raw_message m;
  if (std::from_chars(sequence.data(), sequence.data() + sequence.size(), m.sequence).ec != std::errc())
    throw std::runtime_error("a direct get: " + answer.headers);
  m.subject = answer.header("Nats-Subject");
  m.data = answer.data;
  return m;
}

using reading = std::optional<raw_message> (*)(wire_message const&);

// Many requests are under way at once; answers are told apart by where they come to.
std::vector<raw_message> read_all(wire_client& client, std::string const& subject, std::uint64_t next,
                                  std::uint64_t last, reading read) {
  constexpr std::size_t at_once = 64;
  std::map<std::string, std::uint64_t> under_way;
  std::map<std::uint64_t, raw_message> found;
  while (next <= last || !under_way.empty()) {
    for (; next <= last && under_way.size() < at_once; ++next)
      under_way.emplace(client.send(subject, "{\"seq\":" + std::to_string(next) + "}"), next);
    auto const answer = client.next_answer(wire_client::clock::now() + std::chrono::seconds(5));
    if (!answer)
      throw std::runtime_error(subject + ": no answer for message " + std::to_string(under_way.begin()->second));
    if (under_way.erase(answer->subject) == 0)
      continue;
    if (auto m = read(*answer))
      found.emplace(m->sequence, std::move(*m));
  }
  std::vector<raw_message> messages;
  for (auto& [sequence, m] : found)
    messages.push_back(std::move(m));
  return messages;
}

std::optional<std::uint64_t> expectation_in(std::string const& headers) {
  wire_message m;
  m.headers = headers;
  auto const text = m.header("Nats-Expected-Last-Subject-Sequence");
  std::uint64_t sequence = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), sequence).ec != std::errc())
    return {};
  return sequence;
}

// Under which subject the library keeps the actor's events: with ids that need no encoding.
bool is_of(std::string const& subject, std::string const& actor_id) { return subject.ends_with('.' + actor_id); }

void read_event(json::object const& event, stored_message& out) {
  out.actor_id = text_of(event, "actorId");
  out.event.id = text_of(event, "id");
  boost::system::error_code wrong;
  if (auto const* version = event.if_contains("version"); version && version->is_number())
    out.event.version = version->to_number<std::int64_t>(wrong);
}

} // namespace

std::string from_base64(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int count = 0;
  while (text.ends_with('='))
    text.remove_suffix(1);
  for (char const c : text) {
    unsigned value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<unsigned>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<unsigned>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<unsigned>(c - '0') + 52;
    else if (c == '+' || c == '/')
      value = c == '+' ? 62 : 63;
    else
      throw std::runtime_error("not base64");
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

std::vector<raw_message> read_stream(wire_client& client, std::string const& stream) {
  auto const info = ask(client, "$JS.API.STREAM.INFO." + stream, "");
  if (error_of(info) != 0)
    throw std::runtime_error("stream " + stream + ": " + json::serialize(info));
  auto const& state = info.at("state").as_object();
  auto const first = state.at("first_seq").to_number<std::uint64_t>();
  auto const last = state.at("last_seq").to_number<std::uint64_t>();
  if (last == 0)
    return {};
  return read_all(client, "$JS.API.STREAM.MSG.GET." + stream, first, last, from_leader);
}

std::vector<raw_message> read_replica(wire_client& client, std::string const& stream, std::uint64_t last) {
  return read_all(client, "$JS.API.DIRECT.GET." + stream, 1, last, from_replica);
}

std::vector<stored_message> stored_events(std::vector<raw_message> const& messages) {
  std::vector<stored_message> out;
  for (auto const& m : messages) {
    if (m.subject.find(".events.") == std::string::npos)
      continue;
    auto& stored = out.emplace_back();
    stored.sequence = m.sequence;
    stored.event.digest = digest_of(m.data);
    stored.expected_sequence = expectation_in(m.headers);
    boost::system::error_code wrong;
    auto const parsed = json::parse(m.data, wrong);
    if (!wrong && parsed.is_object())
      read_event(parsed.get_object(), stored);
    if (!is_of(m.subject, stored.actor_id)) { // known to no writer
      stored.actor_id = m.subject;
      stored.event.id.clear();
    }
  }
  return out;
}

} // namespace aether::fault
