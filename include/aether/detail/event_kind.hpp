// What is known of an event struct at compile time: its names, version and upcasters. See typed_event.hpp.
#pragma once

#include <aether/detail/described_json.hpp>
#include <aether/event.hpp>

#include <boost/json/object.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace aether {

template <int Version> struct from_version;
template <class T> struct event_traits;

namespace detail {

/// Where the names of T stand: in T, or in a specialisation of event_traits.
template <class T> struct declaration_of {
  using type = event_traits<T>;
};
template <class T>
  requires requires { typename event_traits<T>::stands_in; }
struct declaration_of<T> {
  using type = T;
};
template <class T> using event_declaration = typename declaration_of<T>::type;

template <class T>
concept names_event = requires {
  { event_declaration<T>::event_type } -> std::convertible_to<std::string_view>;
};

template <class T> constexpr int declared_version() {
  if constexpr (requires { event_declaration<T>::event_version; })
    return event_declaration<T>::event_version;
  else
    return 1;
}

/// The stored name, and those it had before.
template <class T> constexpr auto declared_names() {
  if constexpr (requires { event_declaration<T>::former_event_types; }) {
    std::array<std::string_view, 1 + std::size(event_declaration<T>::former_event_types)> names{
        event_declaration<T>::event_type};
    std::size_t i = 0;
    for (std::string_view const name : event_declaration<T>::former_event_types)
      names[++i] = name;
    return names;
  } else {
    return std::array<std::string_view, 1>{event_declaration<T>::event_type};
  }
}
template <class T> inline constexpr auto event_names = declared_names<T>();

constexpr bool usable_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.find('\0') == std::string_view::npos;
}
template <class T> constexpr bool usable_names() {
  for (auto const name : event_names<T>)
    if (!usable_name(name))
      return false;
  return true;
}

using upcaster = void (*)(boost::json::object& data);

template <class T, int Version>
concept upcasts_from =
    requires(boost::json::object& data) { event_declaration<T>::upcast(from_version<Version>(), data); };

template <class T, int Version> constexpr upcaster upcaster_from() {
  static_assert(upcasts_from<T, Version>, "aether: an event struct needs 'static void upcast(aether::from_version<V>, "
                                          "boost::json::object& data)' for every V below its event_version; here the "
                                          "one of 'Version' is missing");
  if constexpr (upcasts_from<T, Version>)
    return [](boost::json::object& data) { event_declaration<T>::upcast(from_version<Version>(), data); };
  else
    return nullptr;
}

template <class T, int... Before>
constexpr std::array<upcaster, sizeof...(Before)> all_upcasters(std::integer_sequence<int, Before...>) {
  return {upcaster_from<T, Before + 1>()...};
}
template <class T>
inline constexpr auto upcasters = all_upcasters<T>(std::make_integer_sequence<int, declared_version<T>() - 1>());

/// An event struct without its type.
struct event_kind {
  std::span<std::string_view const> names; ///< the first is the one to write
  std::span<upcaster const> upcasters;     ///< from version 1 on

  constexpr int version() const noexcept { return static_cast<int>(upcasters.size()) + 1; }
};
template <class T> inline constexpr event_kind kind_of{event_names<T>, upcasters<T>};

template <class T, class Member, bool HasForm> struct member_of {
  static_assert(HasForm, "aether: a member of this event struct has no form in JSON, nor tag_invoke for Boost.JSON in "
                         "both directions");
};
template <class T, class List> struct members_of;
template <class T, template <class...> class List, class... Ds>
struct members_of<T, List<Ds...>> : member_of<T, described_type<T, Ds>, json_convertible<described_type<T, Ds>>>... {};

/// One readable error a fault; true when there is none.
template <class T> constexpr bool check_event() {
  static_assert(names_event<T>, "aether: an event struct needs 'static constexpr std::string_view event_type', in "
                                "itself or in a specialisation of aether::event_traits");
  if constexpr (json_struct<T> && !json_object_convertible<T>)
    static_assert(sizeof(members_of<T, described_members<T>>) == 0, "aether: so the event struct cannot be stored");
  else
    static_assert(json_object_convertible<T>,
                  "aether: an event struct must be described by BOOST_DESCRIBE_STRUCT and default-constructible");
  if constexpr (names_event<T> && json_object_convertible<T>) {
    static_assert(declared_version<T>() >= 1, "aether: event_version begins at 1");
    static_assert(usable_names<T>(), "aether: an event's names have 1 to 255 bytes and no NUL");
    return declared_version<T>() >= 1 && usable_names<T>();
  } else {
    return false;
  }
}

// What needs no template.

bool is_named(std::span<std::string_view const> names, std::string_view name) noexcept;
/// The metadata's eventVersion, 1 without one. Throws malformed_event when it is no version.
int stored_event_version(event const& e);
void set_kind(event& into, event_kind const& kind);
void set_object(event& into, boost::json::value&& body); ///< throws invalid_argument when it is no object
/// The data at the kind's version: of an older event a copy in `lifted`. Throws malformed_event when an upcaster
/// throws.
boost::json::object const& current_data(event const& e, event_kind const& kind, int version,
                                        boost::json::object& lifted);
[[noreturn]] void refuse_data(event const& e, json_fault const& fault);                  ///< malformed_event
[[noreturn]] void refuse_type(event const& e, std::string_view expected);                ///< unknown_event_type
[[noreturn]] void refuse_newer(event const& e, int version, event_kind const& kind);     ///< unknown_event_type

/// Event type, data and the metadata's eventVersion.
template <class T> void write_body(event& into, T const& body) {
  if constexpr (check_event<T>()) {
    set_kind(into, kind_of<T>);
    if constexpr (json_struct<T>)
      write_members(into.data, &body, json_members<T>);
    else
      set_object(into, to_json_value(body));
  }
}

template <class... Ts> void write_body(event& into, std::variant<Ts...> const& body) {
  std::visit([&](auto const& one) { write_body(into, one); }, body);
}

/// The body of an event that is of this type; the version is not newer than T's.
template <class T> T read_body(event const& e, int version) {
  boost::json::object lifted;
  auto const& data = current_data(e, kind_of<T>, version, lifted);
  T body{};
  json_fault fault;
  if constexpr (json_struct<T>) {
    if (!read_members(data, &body, json_members<T>, fault))
      refuse_data(e, fault);
  } else {
    if (!read_json(boost::json::value(data), body, fault))
      refuse_data(e, fault);
  }
  return body;
}

} // namespace detail
} // namespace aether
