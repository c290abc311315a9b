// One save as one request; what the answer does not say is read from the stream.
#include "fault/raw_writer.hpp"

#include "fault/read_stream.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <stdexcept>

namespace aether::fault {

namespace json = boost::json;

namespace {

constexpr std::int64_t wrong_last_sequence = 10071;

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
  o.end = call_end::unknown;
  try {
    publish(o, data, last, patience);
  } catch (std::runtime_error const&) {
    o.end = mistake_ == mistake::takes_a_timeout_for_a_failure ? call_end::failed : call_end::unknown;
  }
  if (o.end == call_end::unknown)
    resolve(o, data);
  log_.end(o);
  return o;
}

void raw_writer::publish(operation& o, std::string const& data, std::uint64_t last,
                         std::chrono::milliseconds patience) {
  wire_client client(port_);
  wire_headers headers = {{"Nats-Msg-Id", o.events.front().id}};
  if (last != 0 || mistake_ != mistake::expects_nothing_of_a_new_actor)
    headers.emplace_back("Nats-Expected-Last-Subject-Sequence", std::to_string(last));
  auto const reply = client.send(subject_of(o.actor_id), data, headers);
  auto const answer = client.answer_to(reply, wire_client::clock::now() + patience);
  if (!answer)
    throw std::runtime_error("no answer");
  auto const told = json::parse(answer->data).as_object();
  if (auto const* error = told.if_contains("error")) {
    if (error->at("err_code").to_number<std::int64_t>() != wrong_last_sequence)
      o.end = call_end::failed;
    return; // else it is unknown whose message stands there
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
void raw_writer::resolve(operation& o, std::string const& data) {
  try {
    wire_client client(port_);
    auto const messages = read_stream(client, stream_);
    std::int64_t current = 0;
    for (auto const& m : messages) {
      if (m.subject != subject_of(o.actor_id))
        continue;
      current = json::parse(m.data).at("version").to_number<std::int64_t>();
      if (m.data != data)
        continue;
      o.end = call_end::already_saved;
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
