// Which C++ types have a form in JSON, told at compile time.
#pragma once

#include <boost/describe/bases.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/conversion.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ratio>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace aether::detail {

template <class T, class... Us> inline constexpr bool is_one_of = (std::is_same_v<T, Us> || ...);

/// A type that is JSON already.
template <class T>
concept json_itself =
    is_one_of<T, boost::json::value, boost::json::object, boost::json::array, boost::json::string, std::string>;

template <class T>
concept json_integer =
    std::integral<T> && sizeof(T) <= 8 && !is_one_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>;

template <class T>
concept json_real = is_one_of<T, float, double>;

/// Nanoseconds of one tick; 0: not a whole number of them, or ticks that are no signed integers.
template <class T> inline constexpr std::int64_t nanoseconds_of = 0;
template <std::signed_integral Rep, class Period>
  requires(sizeof(Rep) <= 8 && std::ratio_divide<Period, std::nano>::den == 1)
inline constexpr std::int64_t nanoseconds_of<std::chrono::duration<Rep, Period>> =
    std::ratio_divide<Period, std::nano>::num;

template <class T> inline constexpr bool is_system_time = false;
template <class D>
inline constexpr bool is_system_time<std::chrono::time_point<std::chrono::system_clock, D>> = nanoseconds_of<D> != 0;

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;

template <class T> inline constexpr bool is_array = false;
template <class T, std::size_t N> inline constexpr bool is_array<std::array<T, N>> = true;

/// Boost.JSON has overloads of its own for these, and whether they are seen depends on what was included.
template <class T> inline constexpr bool is_boost_converted = is_one_of<T, std::monostate, std::nullopt_t>;
template <class T> inline constexpr bool is_boost_converted<std::optional<T>> = true;
template <class... Ts> inline constexpr bool is_boost_converted<std::variant<Ts...>> = true;

namespace custom {

void tag_invoke(); // found first: overloads come from the namespaces of the arguments only

template <class T>
concept written = requires(boost::json::value& v, T const& t) { tag_invoke(boost::json::value_from_tag(), v, t); };
template <class T>
concept read = requires(boost::json::value const& v) {
  { tag_invoke(boost::json::value_to_tag<T>(), v) } -> std::convertible_to<T>;
};
template <class T>
concept tried = requires(boost::json::value const& v) { tag_invoke(boost::json::try_value_to_tag<T>(), v).value(); };

} // namespace custom

/// The user has overloads of tag_invoke for Boost.JSON. They go before all else, and both directions are needed.
template <class T>
concept json_custom = (std::is_class_v<T> || std::is_enum_v<T>) && !is_boost_converted<T> && !json_itself<T> &&
                      (custom::written<T> || custom::read<T> || custom::tried<T>);

template <class T>
concept json_enum = std::is_enum_v<T> && !json_custom<T> && boost::describe::has_describe_enumerators<T>::value;

template <class T>
concept json_struct = std::is_class_v<T> && !json_custom<T> && boost::describe::has_describe_members<T>::value &&
                      boost::describe::has_describe_bases<T>::value;

/// A map with strings as keys that holds each once.
template <class T>
concept json_map = !json_custom<T> && !json_struct<T> && !json_itself<T> && requires(T& map) {
  typename T::mapped_type;
  requires std::same_as<typename T::key_type, std::string>;
  map.insert_or_assign(std::string(), std::declval<typename T::mapped_type>());
};

/// vector, deque, list, set and the like.
template <class T>
concept json_sequence = !json_custom<T> && !json_struct<T> && !json_itself<T> && !requires {
  typename T::traits_type;
} && !requires { typename T::mapped_type; } && requires(T& list) {
  typename T::value_type;
  list.begin();
  list.clear();
  list.insert(list.end(), std::declval<typename T::value_type>());
};

/// Public data members, and those of bases.
template <class T>
using described_members =
    boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
template <class T, class Descriptor>
using described_type = std::remove_reference_t<decltype(std::declval<T&>().*Descriptor::pointer)>;

template <class T, class... Outer> constexpr bool converts();

template <class T, class... Outer> struct members_convert;
template <class T, template <class...> class List, class... Descriptors, class... Outer>
struct members_convert<T, List<Descriptors...>, Outer...> {
  static constexpr bool value =
      ((!std::is_const_v<described_type<T, Descriptors>> && converts<described_type<T, Descriptors>, T, Outer...>()) &&
       ...);
};

/// Whether T has a form, down to its last member. `Outer`: the structs around it, which may hold themselves.
template <class T, class... Outer> constexpr bool converts() {
  if constexpr (is_one_of<T, Outer...> || json_itself<T> || is_one_of<T, bool> || json_integer<T> || json_real<T> ||
                nanoseconds_of<T> != 0 || is_system_time<T> || json_enum<T>)
    return true;
  else if constexpr (json_custom<T>)
    return custom::written<T> && (custom::read<T> || custom::tried<T>) && std::default_initializable<T>;
  else if constexpr (json_struct<T>)
    return std::default_initializable<T> && members_convert<T, described_members<T>, Outer...>::value;
  else if constexpr (json_map<T>)
    return std::default_initializable<typename T::mapped_type> && converts<typename T::mapped_type, Outer...>();
  else if constexpr (is_optional<T> || is_array<T> || json_sequence<T>)
    return std::default_initializable<typename T::value_type> && converts<typename T::value_type, Outer...>();
  else
    return false;
}

/// Becomes JSON and comes back: a scalar, string or time, JSON itself, a described enum, a type with tag_invoke in both
/// directions, and described structs, optionals, sequences and maps of such. What cannot be kept is found here, not
/// when it is used.
template <class T>
concept json_convertible = converts<T>();

/// Becomes an object: a described struct, or a type with tag_invoke, of which it is seen when it is written.
template <class T>
concept json_object_convertible = json_convertible<T> && (json_struct<T> || json_custom<T>);

} // namespace aether::detail
