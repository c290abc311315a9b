// One save as one request; what the answer does not say is read from the stream.
#include "fault/raw_writer.hpp"

#include "fault/read_stream.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace aether::fault {

namespace json = boost::json;

namespace {

// Of the server's error answers those that leave open whether the event is stored, or will be by a repetition.
enum : std::int64_t {
  no_leader = 10008,
  wrong_last_sequence = 10071,
  same_id_in_process = 10158,
  temporarily_unavailable = 10163,
  write_in_flight = 10164,
  too_many_requests = 10167,
};

bool leaves_open(std::int64_t error) {
  return error == no_leader || error == wrong_last_sequence || error == same_id_in_process ||
         error == temporarily_unavailable || error == write_in_flight || error == too_many_requests;
}

raw_message const& last_of(std::vector<raw_message> const& messages, std::string const& subject) {
  return *std::find_if(messages.rbegin(), messages.rend(), [&](auto const& m) { return m.subject == subject; });
}

std::string event_text(std::string const& actor_id, std::int64_t version, std::string const& id) {
  return R"({"id":")" + id + R"(","eventType":"Deposited","actorId":")" + actor_id + R"(","version":)" +
         std::to_string(version) + R"(,"data":{},"timestamp":"2026-01-01T00:00:00Z"})";
}

} // namespace

operation raw_writer::save(std::string const& actor_id, std::int64_t version, std::string const& id, std::uint64_t last,
                           std::chrono::milliseconds patience) {
  auto const data = event_text(actor_id, version, id);
  operation o;
  o.actor_id = actor_id;
  auto& e = o.events.emplace_back();
  e.version = version;
  e.id = id;
  e.digest = digest_of(data);
  log_.begin(o);
  constexpr int attempts = 20;
  for (int i = 0; i < attempts && (i == 0 || o.end == call_end::unknown); ++i) {
    o.end = call_end::unknown;
    try {
      publish(o, data, last, patience);
    } catch (std::runtime_error const&) {
      o.end = mistake_ == mistake::takes_a_timeout_for_a_failure ? call_end::failed : call_end::unknown;
    }
    if (o.end == call_end::unknown)
      resolve(o, data, last);
  }
  if (o.end == call_end::saved || o.end == call_end::already_saved)
    o.version = version;
  log_.end(o);
  return o;
}

void raw_writer::publish(operation& o, std::string const& data, std::uint64_t last,
                         std::chrono::milliseconds patience) {
  std::optional<wire_client> connected;
  try {
    connected.emplace(port_);
  } catch (std::runtime_error const&) { // nothing was handed over
    o.end = call_end::failed;
    if (mistake_ == mistake::sends_what_was_not_sent)
      not_sent_.emplace_back(o, data);
    return;
  }
  auto& client = *connected;
  for (auto const& [earlier, text] : not_sent_)
    client.request(subject_of(earlier.actor_id), text, {{"Nats-Msg-Id", earlier.events.front().id}});
  not_sent_.clear();
  wire_headers headers = {{"Nats-Msg-Id", o.events.front().id}};
  if (last != 0 || mistake_ != mistake::expects_nothing_of_a_new_actor)
    headers.emplace_back("Nats-Expected-Last-Subject-Sequence", std::to_string(last));
  auto const reply = client.send(subject_of(o.actor_id), data, headers);
  auto const answer = client.answer_to(reply, wire_client::clock::now() + patience);
  if (!answer)
    throw std::runtime_error("no answer");
  auto const told = json::parse(answer->data).as_object();
  if (auto const* error = told.if_contains("error")) {
    auto const code = error->at("err_code").to_number<std::int64_t>();
    if (mistake_ == mistake::knows_only_10071 ? code != wrong_last_sequence : !leaves_open(code))
      o.end = call_end::failed;
    return; // else it is unknown whose message stands there, if any does
  }
  o.sequence = told.at("seq").to_number<std::uint64_t>();
  if (!told.contains("duplicate"))
    o.end = call_end::saved;
  else if (mistake_ == mistake::trusts_duplicate || is_stored_at(o.sequence, data))
    o.end = call_end::already_saved;
  else
    o.end = call_end::failed; // the id is another event's
}

// By a way of its own: the one that was cut or stalled may still be.
void raw_writer::resolve(operation& o, std::string const& data, std::uint64_t& last) {
  try {
    wire_client client(port_);
    auto const messages = read_stream(client, stream_);
    std::int64_t current = 0;
    for (auto const& m : messages) {
      if (m.subject != subject_of(o.actor_id))
        continue;
      current = json::parse(m.data).at("version").to_number<std::int64_t>();
      last = m.sequence;
      if (m.data != data ||
          (mistake_ == mistake::looks_only_at_the_last_message && &m != &last_of(messages, m.subject)))
        continue;
      o.end = call_end::saved; // by this call: no event is saved twice here
      o.sequence = m.sequence;
      return;
    }
    if (current >= o.events.front().version) {
      o.end = call_end::conflict;
      o.version = current;
    }
  } catch (std::runtime_error const&) { // it stays unknown
  }
}

bool raw_writer::is_stored_at(std::uint64_t sequence, std::string const& data) {
  wire_client client(port_);
  for (auto const& m : read_stream(client, stream_))
    if (m.sequence == sequence)
      return m.data == data;
  return false;
}

} // namespace aether::fault
