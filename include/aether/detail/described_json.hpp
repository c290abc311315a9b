// C++ values as JSON and back, as event stores need it: members may come and go. Used by typed events and snapshots.
#pragma once

#include <aether/detail/json_kinds.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace aether::detail {

/// What does not fit, and where. Filled from the inside out.
struct json_fault {
  std::string path; ///< `items[3].amount`
  std::string text; ///< `expected an integer, got a string`

  /// All of these return false.
  bool in_member(std::string_view name);
  bool in_element(std::size_t index);
  bool expected(std::string_view what, boost::json::value const& got);

  std::string message() const; ///< path and text
};

// What needs no template. The readers return false with the fault filled; the writers throw aether::error
// (invalid_argument) for what has no form.

bool read_bool(boost::json::value const& from, bool& to, json_fault& fault);
bool read_signed(boost::json::value const& from, std::int64_t& to, std::int64_t min, std::int64_t max,
                 json_fault& fault);
bool read_unsigned(boost::json::value const& from, std::uint64_t& to, std::uint64_t max, json_fault& fault);
bool read_real(boost::json::value const& from, double& to, double max, json_fault& fault);
bool read_string(boost::json::value const& from, std::string& to, json_fault& fault);
bool read_itself(boost::json::value const& from, boost::json::value& to, json_fault& fault);
bool read_itself(boost::json::value const& from, boost::json::object& to, json_fault& fault);
bool read_itself(boost::json::value const& from, boost::json::array& to, json_fault& fault);
bool read_itself(boost::json::value const& from, boost::json::string& to, json_fault& fault);
boost::json::array const* read_array(boost::json::value const& from, json_fault& fault);
boost::json::array const* read_array(boost::json::value const& from, std::size_t size, json_fault& fault);
boost::json::object const* read_object(boost::json::value const& from, json_fault& fault);
/// Ticks of so many nanoseconds; a value between two ticks does not fit.
bool read_duration(boost::json::value const& from, std::int64_t& ticks, std::int64_t tick, json_fault& fault);
bool read_time(boost::json::value const& from, std::int64_t& ticks, std::int64_t tick, json_fault& fault);

void write_unsigned(boost::json::value& to, std::uint64_t from);
void write_duration(boost::json::value& to, std::int64_t ticks, std::int64_t tick);
void write_time(boost::json::value& to, std::int64_t ticks, std::int64_t tick);

struct json_enumerator {
  std::string_view name;
  std::int64_t value;
};
bool read_enum(boost::json::value const& from, std::int64_t& to, std::span<json_enumerator const> names,
               json_fault& fault);
void write_enum(boost::json::value& to, std::int64_t from, std::span<json_enumerator const> names);

/// A described member of a struct whose type is not known here.
struct json_member {
  std::string_view name;
  bool may_be_absent;
  bool (*read)(boost::json::value const& from, void* owner, json_fault& fault);
  bool (*write)(boost::json::value& to, void const* owner); ///< false: it is left out
};
bool read_members(boost::json::object const& from, void* owner, std::span<json_member const> members,
                  json_fault& fault);
void write_members(boost::json::object& to, void const* owner, std::span<json_member const> members);

/// Calls a user's conversion; what it throws is the fault.
bool read_custom(boost::json::value const& from, void* to, void (*convert)(boost::json::value const&, void*),
                 json_fault& fault);

template <class T> bool read_json(boost::json::value const& from, T& to, json_fault& fault);
template <class T> void write_json(boost::json::value& to, T const& from);

namespace custom {

template <class T> void convert(boost::json::value const& from, void* to) {
  if constexpr (read<T>)
    *static_cast<T*>(to) = tag_invoke(boost::json::value_to_tag<T>(), from);
  else
    *static_cast<T*>(to) = tag_invoke(boost::json::try_value_to_tag<T>(), from).value();
}

template <class T> void write(boost::json::value& to, T const& from) {
  tag_invoke(boost::json::value_from_tag(), to, from);
}

} // namespace custom

template <class T, class Descriptor> struct member_access {
  using type = described_type<T, Descriptor>;

  static bool read(boost::json::value const& from, void* owner, json_fault& fault) {
    return read_json(from, static_cast<T*>(owner)->*Descriptor::pointer, fault);
  }
  static bool write(boost::json::value& to, void const* owner) {
    type const& member = static_cast<T const*>(owner)->*Descriptor::pointer;
    if constexpr (is_optional<type>)
      if (!member)
        return false;
    write_json(to, member);
    return true;
  }
};

template <class T, class List> struct member_table;
template <class T, template <class...> class List, class... Ds> struct member_table<T, List<Ds...>> {
  static constexpr std::array<json_member, sizeof...(Ds)> value{
      {{Ds::name, is_optional<described_type<T, Ds>>, &member_access<T, Ds>::read, &member_access<T, Ds>::write}...}};
};
template <class T, template <class...> class List> struct member_table<T, List<>> {
  static constexpr std::array<json_member, 0> value{};
};
template <class T>
inline constexpr std::span<json_member const> json_members{member_table<T, described_members<T>>::value};

template <class List> struct enumerator_table;
template <template <class...> class List, class... Ds> struct enumerator_table<List<Ds...>> {
  static constexpr std::array<json_enumerator, sizeof...(Ds)> value{
      {{Ds::name, static_cast<std::int64_t>(Ds::value)}...}};
};
template <class E>
inline constexpr std::span<json_enumerator const> json_enumerators{
    enumerator_table<boost::describe::describe_enumerators<E>>::value};

template <class T> bool read_elements(boost::json::array const& from, T& to, json_fault& fault) {
  to.clear();
  if constexpr (requires { to.reserve(from.size()); })
    to.reserve(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    typename T::value_type element{};
    if (!read_json(from[i], element, fault))
      return fault.in_element(i);
    to.insert(to.end(), std::move(element));
  }
  return true;
}

template <class T> bool read_entries(boost::json::object const& from, T& to, json_fault& fault) {
  to.clear();
  for (auto const& entry : from) {
    typename T::mapped_type element{};
    if (!read_json(entry.value(), element, fault))
      return fault.in_member({entry.key().data(), entry.key().size()});
    to.insert_or_assign(std::string(entry.key().data(), entry.key().size()), std::move(element));
  }
  return true;
}

template <class T> bool read_number(boost::json::value const& from, T& to, json_fault& fault) {
  using limits = std::numeric_limits<T>;
  if constexpr (json_real<T>) {
    double number = 0;
    bool const fits = read_real(from, number, static_cast<double>(limits::max()), fault);
    to = static_cast<T>(number);
    return fits;
  } else if constexpr (std::is_signed_v<T>) {
    std::int64_t number = 0;
    bool const fits = read_signed(from, number, limits::min(), limits::max(), fault);
    to = static_cast<T>(number);
    return fits;
  } else {
    std::uint64_t number = 0;
    bool const fits = read_unsigned(from, number, limits::max(), fault);
    to = static_cast<T>(number);
    return fits;
  }
}

template <class Duration>
bool fit_ticks(boost::json::value const& from, std::int64_t ticks, Duration& to, json_fault& fault) {
  using rep = typename Duration::rep;
  if (!std::in_range<rep>(ticks))
    return fault.expected("a shorter time", from);
  to = Duration(static_cast<rep>(ticks));
  return true;
}

template <class T> bool read_json(boost::json::value const& from, T& to, json_fault& fault) {
  if constexpr (std::is_same_v<T, bool>) {
    return read_bool(from, to, fault);
  } else if constexpr (json_integer<T> || json_real<T>) {
    return read_number(from, to, fault);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return read_string(from, to, fault);
  } else if constexpr (json_itself<T>) {
    return read_itself(from, to, fault);
  } else if constexpr (json_custom<T>) {
    return read_custom(from, &to, &custom::convert<T>, fault);
  } else if constexpr (json_struct<T>) {
    auto const* object = read_object(from, fault);
    return object && read_members(*object, &to, json_members<T>, fault);
  } else if constexpr (json_enum<T>) {
    std::int64_t number = 0;
    bool const fits = read_enum(from, number, json_enumerators<T>, fault);
    to = static_cast<T>(number);
    return fits;
  } else if constexpr (is_optional<T>) {
    to.reset();
    return from.is_null() || read_json(from, to.emplace(), fault);
  } else if constexpr (is_system_time<T>) {
    std::int64_t ticks = 0;
    typename T::duration since{};
    bool const fits =
        read_time(from, ticks, nanoseconds_of<typename T::duration>, fault) && fit_ticks(from, ticks, since, fault);
    to = T(since);
    return fits;
  } else if constexpr (nanoseconds_of<T> != 0) {
    std::int64_t ticks = 0;
    return read_duration(from, ticks, nanoseconds_of<T>, fault) && fit_ticks(from, ticks, to, fault);
  } else if constexpr (is_array<T>) {
    auto const* list = read_array(from, to.size(), fault);
    for (std::size_t i = 0; list && i < to.size(); ++i)
      if (!read_json((*list)[i], to[i], fault))
        return fault.in_element(i);
    return list != nullptr;
  } else if constexpr (json_map<T>) {
    auto const* object = read_object(from, fault);
    return object && read_entries(*object, to, fault);
  } else {
    auto const* list = read_array(from, fault);
    return list && read_elements(*list, to, fault);
  }
}

template <class T> void write_json(boost::json::value& to, T const& from) {
  if constexpr (is_one_of<T, bool, double> || json_itself<T>) {
    to = from;
  } else if constexpr (json_real<T>) {
    to = static_cast<double>(from);
  } else if constexpr (json_integer<T>) {
    if constexpr (std::is_signed_v<T>)
      to = static_cast<std::int64_t>(from);
    else
      write_unsigned(to, from);
  } else if constexpr (json_custom<T>) {
    custom::write(to, from);
  } else if constexpr (json_struct<T>) {
    write_members(to.emplace_object(), &from, json_members<T>);
  } else if constexpr (json_enum<T>) {
    write_enum(to, static_cast<std::int64_t>(from), json_enumerators<T>);
  } else if constexpr (is_optional<T>) {
    to.emplace_null();
    if (from)
      write_json(to, *from);
  } else if constexpr (is_system_time<T>) {
    write_time(to, from.time_since_epoch().count(), nanoseconds_of<typename T::duration>);
  } else if constexpr (nanoseconds_of<T> != 0) {
    write_duration(to, from.count(), nanoseconds_of<T>);
  } else if constexpr (json_map<T>) {
    auto& object = to.emplace_object();
    for (auto const& [key, element] : from)
      write_json(object[key], element);
  } else {
    auto& list = to.emplace_array();
    for (auto&& element : from)
      write_json<typename T::value_type>(list.emplace_back(nullptr), element);
  }
}

/// Throws aether::error (invalid_argument) for what has no form in JSON: an enum's value without a name, a duration or
/// time that nanoseconds cannot hold. None of an optional member is left out.
template <json_convertible T> boost::json::value to_json_value(T const& from) {
  boost::json::value made;
  write_json(made, from);
  return made;
}

/// False: `why` says what does not fit, behind its path; `to` is in a valid, unspecified state. Members that T does not
/// know are ignored; of those it knows only optional ones may be absent or null. Numbers must fit exactly, but for
/// doubles, which take the nearest.
template <json_convertible T> bool from_json_value(boost::json::value const& from, T& to, std::string& why) {
  json_fault fault;
  if (read_json(from, to, fault))
    return true;
  why = fault.message();
  return false;
}

} // namespace aether::detail
