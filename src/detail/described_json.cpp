// What reading and writing C++ values as JSON needs no template for: ranges, times, names, and the texts of faults.
#include <aether/detail/described_json.hpp>

#include <aether/json.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>

namespace aether::detail {
namespace {

std::string_view view(boost::json::string const& s) noexcept { return {s.data(), s.size()}; }

char const* name_of_kind(boost::json::value const& v) noexcept {
  switch (v.kind()) {
  case boost::json::kind::null:
    return "null";
  case boost::json::kind::bool_:
    return "a boolean";
  case boost::json::kind::string:
    return "a string";
  case boost::json::kind::array:
    return "an array";
  case boost::json::kind::object:
    return "an object";
  default:
    return "a number";
  }
}

bool has_fraction(boost::json::value const& v) noexcept {
  auto const* d = v.if_double();
  return d && std::isfinite(*d) && std::trunc(*d) != *d;
}

/// Numbers themselves, as they are what did not fit; of the rest only what it is.
std::string describe(boost::json::value const& v) {
  if (auto const* n = v.if_int64())
    return std::to_string(*n);
  if (auto const* n = v.if_uint64())
    return std::to_string(*n);
  if (has_fraction(v))
    return "a number with a fraction";
  return name_of_kind(v);
}

template <class Integer>
bool refuse_integer(boost::json::value const& got, Integer min, Integer max, json_fault& fault) {
  if (got.is_number() && !has_fraction(got))
    return fault.expected("an integer from " + std::to_string(min) + " to " + std::to_string(max), got);
  return fault.expected("an integer", got);
}

/// The integer that a number is, whichever way it is held; 2^63 and 2^64 are the first doubles beyond.
bool to_signed(boost::json::value const& from, std::int64_t& to) noexcept {
  if (auto const* n = from.if_int64()) {
    to = *n;
    return true;
  }
  if (auto const* n = from.if_uint64(); n && std::in_range<std::int64_t>(*n)) {
    to = static_cast<std::int64_t>(*n);
    return true;
  }
  if (auto const* d = from.if_double(); d && *d >= -0x1p63 && *d < 0x1p63 && std::trunc(*d) == *d) {
    to = static_cast<std::int64_t>(*d);
    return true;
  }
  return false;
}

bool to_unsigned(boost::json::value const& from, std::uint64_t& to) noexcept {
  if (auto const* n = from.if_uint64()) {
    to = *n;
    return true;
  }
  if (auto const* n = from.if_int64(); n && *n >= 0) {
    to = static_cast<std::uint64_t>(*n);
    return true;
  }
  if (auto const* d = from.if_double(); d && *d >= 0 && *d < 0x1p64 && std::trunc(*d) == *d) {
    to = static_cast<std::uint64_t>(*d);
    return true;
  }
  return false;
}

/// Whole ticks of so many nanoseconds.
bool to_ticks(std::int64_t nanoseconds, std::int64_t tick, boost::json::value const& from, std::int64_t& ticks,
              json_fault& fault) {
  ticks = nanoseconds / tick;
  return nanoseconds % tick == 0 || fault.expected("a multiple of " + std::to_string(tick) + " ns", from);
}

std::int64_t to_nanoseconds(std::int64_t ticks, std::int64_t tick) {
  using limits = std::numeric_limits<std::int64_t>;
  if (ticks > limits::max() / tick || ticks < limits::min() / tick)
    throw error(errc::invalid_argument, "a time is beyond what 64 bits of nanoseconds hold");
  return ticks * tick;
}

} // namespace

bool json_fault::in_member(std::string_view name) {
  if (!path.empty() && path.front() != '[')
    path.insert(0, 1, '.');
  path.insert(0, name);
  return false;
}

bool json_fault::in_element(std::size_t index) {
  if (!path.empty() && path.front() != '[')
    path.insert(0, 1, '.');
  path.insert(0, "[" + std::to_string(index) + "]");
  return false;
}

bool json_fault::expected(std::string_view what, boost::json::value const& got) {
  text = "expected ";
  text += what;
  text += ", got ";
  text += describe(got);
  return false;
}

std::string json_fault::message() const { return path.empty() ? text : path + ": " + text; }

bool read_bool(boost::json::value const& from, bool& to, json_fault& fault) {
  if (!from.is_bool())
    return fault.expected("a boolean", from);
  to = from.get_bool();
  return true;
}

bool read_signed(boost::json::value const& from, std::int64_t& to, std::int64_t min, std::int64_t max,
                 json_fault& fault) {
  return (to_signed(from, to) && to >= min && to <= max) || refuse_integer(from, min, max, fault);
}

bool read_unsigned(boost::json::value const& from, std::uint64_t& to, std::uint64_t max, json_fault& fault) {
  return (to_unsigned(from, to) && to <= max) || refuse_integer<std::uint64_t>(from, 0, max, fault);
}

bool read_real(boost::json::value const& from, double& to, double max, json_fault& fault) {
  if (auto const* d = from.if_double())
    to = *d;
  else if (auto const* n = from.if_int64())
    to = static_cast<double>(*n);
  else if (auto const* u = from.if_uint64())
    to = static_cast<double>(*u);
  else
    return fault.expected("a number", from);
  return std::abs(to) <= max || fault.expected("a smaller number", from);
}

bool read_string(boost::json::value const& from, std::string& to, json_fault& fault) {
  auto const* text = from.if_string();
  if (!text)
    return fault.expected("a string", from);
  to = view(*text);
  return true;
}

bool read_itself(boost::json::value const& from, boost::json::value& to, json_fault&) {
  to = from;
  return true;
}

bool read_itself(boost::json::value const& from, boost::json::object& to, json_fault& fault) {
  auto const* object = read_object(from, fault);
  if (object)
    to = *object;
  return object != nullptr;
}

bool read_itself(boost::json::value const& from, boost::json::array& to, json_fault& fault) {
  auto const* list = read_array(from, fault);
  if (list)
    to = *list;
  return list != nullptr;
}

bool read_itself(boost::json::value const& from, boost::json::string& to, json_fault& fault) {
  auto const* text = from.if_string();
  if (!text)
    return fault.expected("a string", from);
  to = *text;
  return true;
}

boost::json::array const* read_array(boost::json::value const& from, json_fault& fault) {
  auto const* list = from.if_array();
  if (!list)
    fault.expected("an array", from);
  return list;
}

boost::json::array const* read_array(boost::json::value const& from, std::size_t size, json_fault& fault) {
  auto const* list = read_array(from, fault);
  if (!list || list->size() == size)
    return list;
  fault.text = "expected an array of " + std::to_string(size) + ", got one of " + std::to_string(list->size());
  return nullptr;
}

boost::json::object const* read_object(boost::json::value const& from, json_fault& fault) {
  auto const* object = from.if_object();
  if (!object)
    fault.expected("an object", from);
  return object;
}

bool read_duration(boost::json::value const& from, std::int64_t& ticks, std::int64_t tick, json_fault& fault) {
  std::int64_t nanoseconds = 0;
  if (!to_signed(from, nanoseconds))
    return fault.expected("nanoseconds as an integer", from);
  return to_ticks(nanoseconds, tick, from, ticks, fault);
}

bool read_time(boost::json::value const& from, std::int64_t& ticks, std::int64_t tick, json_fault& fault) {
  time_point time;
  auto const* text = from.if_string();
  if (!text || !parse_time(view(*text), time))
    return fault.expected("a time of RFC 3339 such as 2026-01-31T12:00:00Z", from);
  return to_ticks(time.time_since_epoch().count(), tick, from, ticks, fault);
}

void write_unsigned(boost::json::value& to, std::uint64_t from) {
  if (std::in_range<std::int64_t>(from)) // as a reader of text has it
    to = static_cast<std::int64_t>(from);
  else
    to = from;
}

void write_duration(boost::json::value& to, std::int64_t ticks, std::int64_t tick) { to = to_nanoseconds(ticks, tick); }

void write_time(boost::json::value& to, std::int64_t ticks, std::int64_t tick) {
  to = format_time(time_point(std::chrono::nanoseconds(to_nanoseconds(ticks, tick))));
}

bool read_enum(boost::json::value const& from, std::int64_t& to, std::span<json_enumerator const> names,
               json_fault& fault) {
  auto const* text = from.if_string();
  auto const found =
      std::find_if(names.begin(), names.end(), [&](json_enumerator const& e) { return text && e.name == view(*text); });
  if (found != names.end()) {
    to = found->value;
    return true;
  }
  std::string known = "one of";
  for (auto const& e : names)
    (known += known.size() == 6 ? " " : ", ") += e.name;
  return fault.expected(known, from);
}

void write_enum(boost::json::value& to, std::int64_t from, std::span<json_enumerator const> names) {
  auto const found = std::find_if(names.begin(), names.end(), [&](auto const& e) { return e.value == from; });
  if (found == names.end())
    throw error(errc::invalid_argument, "an enum's value " + std::to_string(from) + " has no described name");
  to = found->name;
}

bool read_members(boost::json::object const& from, void* owner, std::span<json_member const> members,
                  json_fault& fault) {
  static boost::json::value const absent;
  for (auto const& member : members) {
    auto const* there = from.if_contains(member.name);
    if (!there && !member.may_be_absent) {
      fault.text = "missing";
      return fault.in_member(member.name);
    }
    if (!member.read(there ? *there : absent, owner, fault))
      return fault.in_member(member.name);
  }
  return true;
}

void write_members(boost::json::object& to, void const* owner, std::span<json_member const> members) {
  to.clear();
  to.reserve(members.size());
  for (auto const& member : members) {
    boost::json::value made(to.storage());
    if (member.write(made, owner))
      to.emplace(member.name, std::move(made));
  }
}

bool read_custom(boost::json::value const& from, void* to, void (*convert)(boost::json::value const&, void*),
                 json_fault& fault) {
  try {
    convert(from, to);
    return true;
  } catch (std::bad_alloc const&) {
    throw;
  } catch (std::exception const& e) {
    fault.text = e.what();
  } catch (...) {
    fault.text = "its conversion threw";
  }
  return false;
}

} // namespace aether::detail
