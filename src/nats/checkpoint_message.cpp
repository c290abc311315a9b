// A checkpoint as it is stored in its stream, and what a read of it after an unclear write means.
#include "nats/checkpoint_message.hpp"

#include "nats/json_fields.hpp"

#include <aether/error.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace aether::nats::detail {

namespace json = boost::json;

std::string checkpoint_message::to_text(std::string_view time) const {
  json::object o;
  o["projection"] = projection;
  o["position"] = value.position ? json::parse(value.position->to_text()) : json::value(nullptr);
  o["resetDue"] = value.reset_due;
  o["writer"] = writer;
  o["write"] = write;
  o["time"] = json::string_view(time.data(), time.size());
  return json::serialize(o);
}

checkpoint_message checkpoint_message::from_text(std::string_view text) {
  auto const refuse = [](char const* what) {
    return error(errc::position_invalid, std::string("the stored checkpoint: ") + what);
  };
  boost::system::error_code failed;
  auto const parsed = json::parse(json::string_view(text.data(), text.size()), failed);
  auto const* o = failed ? nullptr : parsed.if_object();
  if (!o)
    throw refuse("it is no JSON object");
  auto const name = string_at(*o, "projection");
  auto const reset = bool_at(*o, "resetDue");
  auto const writer = string_at(*o, "writer");
  auto const write = unsigned_at(*o, "write");
  auto const* position = o->if_contains("position");
  if (!name || !reset || !writer || !write || !position)
    throw refuse("a field is missing or of another type");
  checkpoint_message m;
  m.projection = *name;
  m.value.reset_due = *reset;
  m.writer = *writer;
  m.write = *write;
  if (!position->is_null())
    m.value.position = position::from_text(json::serialize(*position));
  return m;
}

write_verdict judge_write(std::uint64_t expected, std::string_view writer, std::uint64_t write,
                          std::uint64_t last_sequence, std::string_view last_writer,
                          std::uint64_t last_write) noexcept {
  write_verdict v;
  v.sequence = last_sequence;
  if (last_sequence < expected)
    v.state = write_state::ask_again;
  else if (last_sequence == expected)
    v.state = write_state::again;
  else if (last_writer != writer)
    v.state = write_state::taken_over;
  else
    v.state = last_write == write ? write_state::stored : write_state::again;
  return v;
}

} // namespace aether::nats::detail
