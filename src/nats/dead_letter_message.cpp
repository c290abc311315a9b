// A dead letter as a message.
#include "nats/dead_letter_message.hpp"

#include "detail/utf8.hpp"
#include "nats/json_fields.hpp"

#include <aether/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace aether::nats::detail {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<dead_letter_cause, std::string_view>, 3> causes = {{
    {dead_letter_cause::max_attempts, "max_attempts"},
    {dead_letter_cause::rejected, "rejected"},
    {dead_letter_cause::malformed, "malformed"},
}};

// What stands in a header has to be UTF-8 for those who read it.
std::string readable(std::string const& text) {
  return aether::detail::valid_utf8(text) ? text : aether::detail::quoted(text);
}

} // namespace

std::string write_letter_facts(letter_facts const& f) {
  auto const cause = std::find_if(causes.begin(), causes.end(), [&](auto const& c) { return c.first == f.note.cause; });
  json::object o;
  o["sequence"] = f.sequence;
  o["created"] = format_time(f.created);
  o["stored"] = format_time(f.stored);
  o["cause"] = cause == causes.end() ? "" : cause->second;
  o["attempts"] = f.note.attempts;
  o["reason"] = readable(f.note.reason);
  if (!f.subject.empty() && aether::detail::valid_utf8(f.subject))
    o["subject"] = f.subject;
  if (f.left_out)
    o["left_out"] = true;
  return json::serialize(o);
}

std::optional<letter_facts> read_letter_facts(std::string_view text) {
  boost::system::error_code failed;
  auto const value = json::parse(json::string_view(text.data(), text.size()), failed);
  auto const* o = failed ? nullptr : value.if_object();
  if (!o)
    return std::nullopt;
  letter_facts f;
  auto const sequence = unsigned_at(*o, "sequence");
  auto const attempts = unsigned_at(*o, "attempts");
  auto const named = string_at(*o, "cause").value_or("");
  auto const cause = std::find_if(causes.begin(), causes.end(), [&](auto const& c) { return c.second == named; });
  if (!sequence || !attempts || cause == causes.end() ||
      !parse_time(string_at(*o, "created").value_or(""), f.created) ||
      !parse_time(string_at(*o, "stored").value_or(""), f.stored))
    return std::nullopt;
  f.sequence = *sequence;
  f.note.cause = cause->first;
  f.note.attempts = static_cast<unsigned>(*attempts);
  f.note.reason = string_at(*o, "reason").value_or("");
  f.subject = string_at(*o, "subject").value_or("");
  f.left_out = bool_at(*o, "left_out").value_or(false);
  return f;
}

} // namespace aether::nats::detail
