// Events and snapshots from JSON text: one pass over the envelope, straight into the object's own fields.
#include "json_fields.hpp"
#include "json_object.hpp"
#include "json_scanner.hpp"

#include <aether/json.hpp>

#include <boost/json/value_stack.hpp>

#include <string>
#include <utility>
#include <vector>

namespace aether {
namespace {

using detail::field_state;
using detail::json_number;
using detail::json_scanner;
using detail::json_type;
using fault = field_state::fault;

/// Builds values as boost::json's own parser does, each container in one allocation of the right size.
class value_builder {
public:
  explicit value_builder(boost::json::value_stack& stack) noexcept : stack_(stack) {}

  void null() { stack_.push_null(); }
  void boolean(bool b) { stack_.push_bool(b); }
  void string(std::string_view s) { stack_.push_string({s.data(), s.size()}); }
  void name(std::string_view s) { stack_.push_key({s.data(), s.size()}); }
  void array(std::size_t count) { stack_.push_array(count); }
  void object(std::size_t count) { stack_.push_object(count); }
  void number(json_number const& n) {
    switch (n.kind) {
    case json_number::form::int64:
      return stack_.push_int64(n.as_int64());
    case json_number::form::uint64:
      return stack_.push_uint64(n.magnitude);
    case json_number::form::other: {
      double d = 0;
      if (!to_double(n, d))
        finite_ = false;
      stack_.push_double(d);
    }
    }
  }
  /// False once a number was too large for a double.
  bool finite() const noexcept { return finite_; }

private:
  boost::json::value_stack& stack_;
  bool finite_ = true;
};

/// Reads a value that is not wanted, and tells integers from other numbers, which their first character does not.
bool skip_unwanted(json_scanner& in, json_type& type, int levels) {
  if (type != json_type::integer)
    return in.skip_value(levels);
  json_number n;
  bool const ok = in.number(n);
  type = n.type;
  return ok;
}

/// Reads the fields of one record. Each function reads one value wholly and notes what is wrong with it; false is
/// returned only for text that is no JSON.
class record_reader {
public:
  explicit record_reader(json_scanner& in) noexcept : in_(in) {}

  bool id(std::string& out, field_state& state, bool required) {
    json_type type{};
    if (!in_.type(type))
      return false;
    if (type != json_type::string) {
      if (type == json_type::null && !required) {
        out.clear();
        state.set(fault::none);
        return in_.skip_value(max_json_depth);
      }
      return mistyped(type, state);
    }
    std::string_view text;
    if (!in_.string(text))
      return false;
    state.set(detail::check_id(text, required));
    out.assign(text);
    return true;
  }

  bool version(std::int64_t& out, field_state& state) {
    json_type type{};
    if (!in_.type(type))
      return false;
    if (type != json_type::integer)
      return mistyped(type, state);
    json_number n;
    if (!in_.number(n))
      return false;
    if (n.type != json_type::integer)
      state.set(fault::mistyped, n.type);
    else if (n.kind != json_number::form::int64 || n.as_int64() < 1)
      state.set(fault::version_range);
    else
      state.set(fault::none);
    out = n.as_int64();
    return true;
  }

  bool time(time_point& out, field_state& state) {
    json_type type{};
    if (!in_.type(type))
      return false;
    if (type != json_type::string)
      return mistyped(type, state);
    std::string_view text;
    if (!in_.string(text))
      return false;
    state.set(parse_time(text, out) ? fault::none : fault::not_a_time);
    return true;
  }

  bool object(boost::json::object& out, field_state& state) {
    json_type type{};
    if (!in_.type(type))
      return false;
    if (type == json_type::null) {
      out.clear();
      state.set(fault::none);
      return in_.skip_value(max_json_depth);
    }
    if (type != json_type::object)
      return mistyped(type, state);
    unsigned char buffer[2048];
    boost::json::value_stack stack({}, buffer, sizeof buffer);
    stack.reset();
    value_builder builder(stack);
    if (!in_.value(builder, max_json_depth))
      return false;
    out = std::move(stack.release().get_object());
    state.set(builder.finite() ? fault::none : fault::not_finite);
    return true;
  }

  bool metadata(aether::metadata& out, field_state& state) {
    json_type type{};
    if (!in_.type(type))
      return false;
    if (!out.empty())
      out = {};
    if (type == json_type::null) {
      state.set(fault::none);
      return in_.skip_value(max_json_depth);
    }
    if (type != json_type::object)
      return mistyped(type, state);
    bad_entries bad;
    bool const ok = in_.object([&](std::string_view name) { return entry(name, out, bad); });
    if (bad.empty())
      state.set(fault::none);
    else
      state.set(fault::bad_entry, bad.front().second);
    return ok;
  }

private:
  /// Entries that are no strings, until one of the same name mends them.
  using bad_entries = std::vector<std::pair<std::string, json_type>>;

  bool entry(std::string_view name, aether::metadata& out, bad_entries& bad) {
    json_type type{};
    if (!in_.type(type))
      return false;
    if (type == json_type::string) {
      std::string_view text;
      if (!in_.string(text))
        return false;
      out.set(name, std::string(text));
      if (!bad.empty())
        mended(name, bad);
      return true;
    }
    return bad_entry(name, type, bad);
  }

  // Rare, and out of line so that they do not weigh on what is not.
  [[gnu::noinline, gnu::cold]] static void mended(std::string_view name, bad_entries& bad) {
    std::erase_if(bad, [name](auto const& entry) { return entry.first == name; });
  }
  [[gnu::noinline, gnu::cold]] bool bad_entry(std::string_view name, json_type type, bad_entries& bad) {
    std::string kept(name); // the name's own memory is used again by objects in the value
    if (!skip_unwanted(in_, type, max_json_depth - 1))
      return false;
    bad.emplace_back(std::move(kept), type);
    return true;
  }

  bool mistyped(json_type type, field_state& state) {
    bool const ok = skip_unwanted(in_, type, max_json_depth);
    state.set(fault::mistyped, type);
    return ok;
  }

  json_scanner& in_;
};

bool not_an_object(json_scanner& in, errc code, parse_error& error) {
  json_type type{};
  in.skip_space();
  bool const json = in.type(type) && skip_unwanted(in, type, max_json_depth) && in.finish();
  error.code = make_error_code(code);
  error.reason = json ? std::string("expected an object, got ") + detail::name_of(type) : in.reason();
  return false;
}

/// Reads the whole text as one object, calling `read(field)` for each known field.
template <std::size_t Count, class Read>
bool read_record(json_scanner& in, std::array<detail::field_spec, Count> const& specs, errc code, parse_error& error,
                 Read read) {
  in.skip_space();
  if (in.peek() != '{')
    return not_an_object(in, code, error);
  bool const json = in.object([&](std::string_view name) {
    std::size_t const field = detail::find_field(specs, name);
    return field == Count ? in.skip_value(max_json_depth) : read(field);
  });
  if (json && in.finish())
    return true;
  error.code = make_error_code(code);
  error.reason = in.reason();
  return false;
}

} // namespace

bool parse_event(std::string_view text, event& out, parse_error& error) {
  namespace field = detail::event_field;
  out.command_id.clear();
  if (!out.metadata.empty())
    out.metadata = {};
  std::array<field_state, field::count> states;
  json_scanner in(text);
  record_reader reader(in);
  auto const read = [&](std::size_t which) {
    field_state& state = states[which];
    switch (which) {
    case field::id:
      return reader.id(out.id, state, true);
    case field::event_type:
      return reader.id(out.event_type, state, true);
    case field::actor_id:
      return reader.id(out.actor_id, state, true);
    case field::command_id:
      return reader.id(out.command_id, state, false);
    case field::version:
      return reader.version(out.version, state);
    case field::data:
      return reader.object(out.data, state);
    case field::metadata:
      return reader.metadata(out.metadata, state);
    default:
      return reader.time(out.timestamp, state);
    }
  };
  return read_record(in, field::specs, errc::malformed_event, error, read) &&
         detail::check_fields(field::specs, states, errc::malformed_event, error);
}

bool parse_snapshot(std::string_view text, actor_snapshot& out, parse_error& error) {
  namespace field = detail::snapshot_field;
  std::array<field_state, field::count> states;
  json_scanner in(text);
  record_reader reader(in);
  auto const read = [&](std::size_t which) {
    field_state& state = states[which];
    switch (which) {
    case field::actor_id:
      return reader.id(out.actor_id, state, true);
    case field::version:
      return reader.version(out.version, state);
    case field::state:
      return reader.object(out.state, state);
    default:
      return reader.time(out.timestamp, state);
    }
  };
  return read_record(in, field::specs, errc::malformed_snapshot, error, read) &&
         detail::check_fields(field::specs, states, errc::malformed_snapshot, error);
}

event event_from_json(std::string_view text) {
  event e;
  parse_error failure;
  if (!parse_event(text, e, failure))
    throw error(failure.code, failure.reason);
  return e;
}

actor_snapshot snapshot_from_json(std::string_view text) {
  actor_snapshot s;
  parse_error failure;
  if (!parse_snapshot(text, s, failure))
    throw error(failure.code, failure.reason);
  return s;
}

bool detail::parse_json_object(std::string_view text, int levels, boost::json::object& out, std::string& why) {
  json_scanner in(text);
  boost::json::value_stack stack;
  stack.reset();
  value_builder builder(stack);
  in.skip_space();
  if (!in.value(builder, levels) || !in.finish()) {
    why = "it is " + in.reason();
    return false;
  }
  auto value = stack.release();
  if (!value.is_object())
    why = "it is not a JSON object";
  else if (!builder.finite())
    why = "it holds a number that is too large for a double";
  else
    out = std::move(value.get_object());
  return why.empty();
}

} // namespace aether
