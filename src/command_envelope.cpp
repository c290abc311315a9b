// A command on its way to another node, and the answer to it, as JSON.
#include "command_envelope.hpp"

#include "detail/utf8.hpp"
#include "error_names.hpp"
#include "json_object.hpp"
#include "json_writer.hpp"

#include <aether/json.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace aether::detail {
namespace {

namespace json = boost::json;

constexpr std::int64_t envelope_version = 1;
constexpr std::int64_t longest_timeout = std::int64_t{24} * 3600 * 1000;
constexpr int max_levels = max_json_depth + 2; // of an envelope or answer

/// The members of an envelope or answer, one by one; the first that does not fit is told.
class envelope_fields {
public:
  envelope_fields(json::object const& of, std::string& why) : of_(of), why_(why) {}

  bool text(char const* name, std::string& out, bool is_needed) {
    auto const* const found = find(name);
    if (!found)
      return !is_needed || fail(name, "is missing");
    if (!found->is_string())
      return fail(name, "is no string");
    out.assign(found->get_string().data(), found->get_string().size());
    return true;
  }
  bool id(char const* name, std::string& out) {
    return text(name, out, true) && (valid_id(out) || fail(name, "is not 1 to 255 bytes of UTF-8 without NUL"));
  }
  bool number(char const* name, std::int64_t& out, std::int64_t most, bool is_needed) {
    auto const* const found = find(name);
    if (!found)
      return !is_needed || fail(name, "is missing");
    if (!found->is_int64() || found->get_int64() < 0 || found->get_int64() > most)
      return fail(name, "is no integer from 0 on, or too large");
    out = found->get_int64();
    return true;
  }
  bool flag(char const* name, bool& out) {
    auto const* const found = find(name);
    if (found && !found->is_bool())
      return fail(name, "is neither true nor false");
    out = found && found->get_bool();
    return true;
  }
  bool object(char const* name, json::object const*& out, bool is_needed) {
    auto const* const found = find(name);
    if (!found)
      return !is_needed || fail(name, "is missing");
    out = found->if_object();
    return out || fail(name, "is no object");
  }
  bool fail(char const* name, char const* what) {
    why_ = std::string(name) + ' ' + what;
    return false;
  }

private:
  json::value const* find(char const* name) const {
    auto const* const found = of_.if_contains(name);
    return found && !found->is_null() ? found : nullptr;
  }

  json::object const& of_;
  std::string& why_;
};

bool read_envelope_metadata(json::object const& from, aether::metadata& to, std::string& why) {
  for (auto const& entry : from) {
    auto const* const value = entry.value().if_string();
    if (!value) {
      why = "metadata holds what is no string";
      return false;
    }
    to.set(std::string_view(entry.key().data(), entry.key().size()), std::string(value->data(), value->size()));
  }
  return true;
}

bool read_envelope(json::object const& from, command_envelope& out, std::string& why) {
  envelope_fields f(from, why);
  json::object const *data = nullptr, *metadata = nullptr, *lease = nullptr;
  std::int64_t timeout = 0;
  if (!f.id("type", out.type) || !f.id("actorId", out.actor_id) || !f.id("commandId", out.command_id) ||
      !f.object("data", data, true) || !f.object("metadata", metadata, false) ||
      !f.flag("maybeRepeated", out.maybe_repeated) || !f.number("timeoutMs", timeout, longest_timeout, false) ||
      !f.number("hop", out.hop, 16, false) || !f.object("lease", lease, false) || !f.text("from", out.from, false))
    return false;
  if (json_depth(*data, max_json_depth) > max_json_depth)
    return f.fail("data", "is nested deeper than 32 levels");
  out.timeout = std::chrono::milliseconds(timeout);
  out.data = *data;
  if (metadata && !read_envelope_metadata(*metadata, out.metadata, why))
    return false;
  if (!lease)
    return true;
  envelope_fields l(*lease, why);
  std::int64_t renewal = 0;
  if (!l.text("incarnation", out.stamp.incarnation, true) ||
      !l.number("renewal", renewal, std::numeric_limits<std::int64_t>::max(), true))
    return false;
  if (!out.stamp.incarnation.empty()) // else the sender knows nothing of this node
    out.stamp.renewal = static_cast<std::uint64_t>(renewal);
  return true;
}

bool read_answer(json::object const& from, command_answer& out, std::string& why) {
  using end = command_answer::end;
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  envelope_fields f(from, why);
  std::string outcome, name;
  if (!f.text("outcome", outcome, true))
    return false;
  if (outcome == "done") {
    out.how = end::done;
    return f.number("firstVersion", out.result.first_version, most, true) &&
           f.number("lastVersion", out.result.last_version, most, true) && f.flag("repeated", out.result.repeated);
  }
  if (outcome == "rejected") {
    out.how = end::rejected;
    return f.text("code", out.reason.code, true) && f.text("text", out.reason.text, false);
  }
  if (outcome == "moved") {
    out.how = end::moved;
    return f.text("owner", out.owner, false);
  }
  if (outcome != "failed")
    return f.fail("outcome", "is unknown");
  out.how = end::failed;
  if (!f.text("error", name, true) || !f.text("text", out.text, false))
    return false;
  auto const known = error_of(name);
  out.error = known.value_or(errc::server_error);
  if (!known)
    out.text = escaped(name) + ": " + out.text;
  return true;
}

/// Words of a decider or of an exception may be any bytes; JSON has UTF-8.
std::string sendable(std::string const& words) { return valid_utf8(words) ? words : escaped(words); }

} // namespace

std::string to_text(command_envelope const& e) {
  json::object o;
  o["v"] = envelope_version;
  o["type"] = e.type;
  o["actorId"] = e.actor_id;
  o["commandId"] = e.command_id;
  if (!e.metadata.empty()) {
    auto& metadata = o["metadata"].emplace_object();
    for (auto const& [key, value] : e.metadata)
      metadata[key] = value;
  }
  if (e.maybe_repeated)
    o["maybeRepeated"] = true;
  if (e.timeout.count() > 0)
    o["timeoutMs"] = std::min<std::int64_t>(e.timeout.count(), longest_timeout);
  if (e.hop > 0)
    o["hop"] = e.hop;
  if (!e.stamp.incarnation.empty()) {
    auto& lease = o["lease"].emplace_object();
    lease["incarnation"] = e.stamp.incarnation;
    lease["renewal"] = static_cast<std::int64_t>(e.stamp.renewal);
  }
  if (!e.from.empty())
    o["from"] = e.from;
  auto text = json::serialize(o);
  text.back() = ',';
  text += R"("data":)";
  text += json_text(e.data);
  text += '}';
  return text;
}

std::string to_text(command_answer const& a) {
  using end = command_answer::end;
  json::object o;
  o["v"] = envelope_version;
  if (a.how == end::done) {
    o["outcome"] = "done";
    o["firstVersion"] = a.result.first_version;
    o["lastVersion"] = a.result.last_version;
    o["repeated"] = a.result.repeated;
  } else if (a.how == end::rejected) {
    o["outcome"] = "rejected";
    o["code"] = sendable(a.reason.code);
    if (!a.reason.text.empty())
      o["text"] = sendable(a.reason.text);
  } else if (a.how == end::moved) {
    o["outcome"] = "moved";
    if (!a.owner.empty())
      o["owner"] = a.owner;
  } else {
    auto const name = error_name(a.error);
    o["outcome"] = "failed";
    o["error"] = name.empty() ? error_name(errc::server_error) : name;
    o["text"] = sendable(a.text);
  }
  return json::serialize(o);
}

envelope_fault parse_envelope(std::string_view text, command_envelope& out, std::string& why) {
  out = command_envelope();
  why.clear();
  json::object parsed;
  if (!parse_json_object(text, max_levels, parsed, why))
    return envelope_fault::malformed;
  std::int64_t v = 0;
  envelope_fields f(parsed, why);
  if (!f.number("v", v, std::numeric_limits<std::int64_t>::max(), true))
    return envelope_fault::malformed;
  if (v != envelope_version) {
    why = "the command's envelope is of version " + std::to_string(v) + ", and this node takes version 1";
    return envelope_fault::other_version;
  }
  return read_envelope(parsed, out, why) ? envelope_fault::none : envelope_fault::malformed;
}

bool parse_answer(std::string_view text, command_answer& out, std::string& why) {
  out = command_answer();
  why.clear();
  json::object parsed;
  if (!parse_json_object(text, max_levels, parsed, why))
    return false;
  std::int64_t v = 0;
  envelope_fields f(parsed, why);
  if (!f.number("v", v, std::numeric_limits<std::int64_t>::max(), true))
    return false;
  if (v != envelope_version) {
    why = "it is of version " + std::to_string(v) + ", and this node takes version 1";
    return false;
  }
  return read_answer(parsed, out, why);
}

} // namespace aether::detail
