// A set of event structs: which one an event is, and the handler that is called for it. See typed_event.hpp.
#pragma once

#include <aether/detail/event_kind.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace aether {

template <class... Ts> struct event_set;

namespace detail {

struct set_name {
  std::string_view name;
  std::size_t index; ///< of the type in the set
};
inline constexpr std::size_t not_found = static_cast<std::size_t>(-1);

/// Compares sizes and bytes; allocates nothing.
std::size_t find_name(std::span<set_name const> names, std::string_view name) noexcept;
/// unknown_event_type: the name is none of these, or it is one and the version is newer.
[[noreturn]] void refuse_unknown_event(event const& e, std::span<set_name const> known);

template <class... Ts> constexpr auto collect_names() {
  std::array<set_name, (event_names<Ts>.size() + ...)> all{};
  std::size_t at = 0, index = 0;
  auto const add = [&](auto const& names) {
    for (auto const name : names)
      all[at++] = {name, index};
    ++index;
  };
  (add(event_names<Ts>), ...);
  return all;
}
template <class... Ts> inline constexpr auto set_names = collect_names<Ts...>();

constexpr bool all_differ(std::span<set_name const> all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (all[i].name == all[k].name)
        return false;
  return true;
}
template <class... Ts> constexpr bool names_differ() {
  if constexpr (!(check_event<Ts>() && ...))
    return true; // has told what is wrong
  else if constexpr (sizeof...(Ts) > 0)
    return all_differ(set_names<Ts...>);
  else
    return true;
}

template <class Set> struct set_of {};
template <class... Ts> struct set_of<event_set<Ts...>> {
  using type = event_set<Ts...>;
};
template <class... Ts> struct set_of<std::variant<Ts...>> {
  using type = event_set<Ts...>;
};

/// An event_set, or a std::variant.
template <class Set>
concept event_types = requires { typename set_of<Set>::type; };

template <class Set> struct set_reader;
template <class... Ts> struct set_reader<event_set<Ts...>> {
  using variant = std::variant<Ts...>;

  template <class T> static std::optional<variant> read(event const& e, int version) {
    if (version > kind_of<T>.version())
      return std::nullopt;
    return variant(std::in_place_type<T>, read_body<T>(e, version));
  }

  static std::optional<variant> read_one(event const& e) {
    using reader = std::optional<variant> (*)(event const&, int);
    static constexpr std::array<reader, sizeof...(Ts)> readers{&read<Ts>...};
    std::size_t const index = find_name(set_names<Ts...>, e.event_type);
    if (index == not_found)
      return std::nullopt;
    return readers[index](e, stored_event_version(e));
  }
};

/// The handlers of unknown_events.
struct skip_unknown {
  void operator()(event const&) const noexcept {}
};
struct refuse_unknown {
  void operator()(event const&) const; ///< visit_event throws with the set's names instead
};

template <std::size_t N> constexpr std::size_t first_true(std::array<bool, N> const& flags) {
  for (std::size_t i = 0; i < N; ++i)
    if (flags[i])
      return i;
  return not_found;
}

template <std::size_t N> constexpr std::size_t count_true(std::array<bool, N> const& flags) {
  std::size_t count = 0;
  for (bool const flag : flags)
    count += flag;
  return count;
}

/// What a temporary callable beside co_await must be for g++ 12 not to destroy it twice.
template <class R, class... Handlers> constexpr bool safe_beside_await() {
  if constexpr (requires { typename std::coroutine_traits<R>::promise_type; })
    return ((std::is_lvalue_reference_v<Handlers> || std::is_trivially_destructible_v<Handlers>) && ...);
  else
    return true;
}

template <class R, class C, class A> std::is_reference<A> refers(R (C::*)(A));
template <class R, class C, class A> std::is_reference<A> refers(R (C::*)(A) const);
template <class R, class A> std::is_reference<A> refers(R (*)(A));

/// Takes what it handles by reference, as far as that can be seen: not of overloads and generic ones.
template <class Handler> constexpr bool takes_reference() {
  if constexpr (requires { refers(&Handler::operator()); })
    return decltype(refers(&Handler::operator()))::value;
  else if constexpr (requires(Handler h) { refers(h); })
    return decltype(refers(std::declval<Handler>()))::value;
  else
    return false;
}

template <class T, std::size_t Handlers> struct handlers_for {
  static_assert(Handlers != 0, "aether: visit_event has no handler for T, which is in the set");
  static_assert(Handlers < 2, "aether: visit_event has several handlers for T, which is in the set");
  static constexpr bool one = Handlers == 1;
};

/// Which handler is for which type of the set, and which for the rest: the one that takes none of them.
template <class Set, class... Handlers> struct visit_plan;
template <class... Ts, class... Handlers> struct visit_plan<event_set<Ts...>, Handlers...> {
  template <class T> static constexpr std::array<bool, sizeof...(Handlers)> takes{std::is_invocable_v<Handlers&, T>...};
  template <class Handler> static constexpr bool takes_none = !(std::is_invocable_v<Handler&, Ts> || ...);
  static constexpr std::array<bool, sizeof...(Handlers)> for_the_rest{takes_none<Handlers>...};

  static constexpr bool each_has_one() { return (handlers_for<Ts, count_true(takes<Ts>)>::one & ...); }
  static constexpr bool rest_has_one() {
    return count_true(for_the_rest) == 1 &&
           ((!takes_none<Handlers> || std::is_invocable_v<Handlers&, event const&>) && ...);
  }
};

/// Calls them: of a plan that has one for each.
template <class Set, class... Handlers> struct visit_call;
template <class... Ts, class... Handlers>
struct visit_call<event_set<Ts...>, Handlers...> : visit_plan<event_set<Ts...>, Handlers...> {
  using plan = visit_plan<event_set<Ts...>, Handlers...>;
  template <class T> static constexpr std::size_t position_for = first_true(plan::template takes<T>);
  static constexpr std::size_t rest_position = first_true(plan::for_the_rest);

  template <std::size_t I> using handler = std::tuple_element_t<I, std::tuple<Handlers...>>;
  template <class T> using result_for = std::invoke_result_t<handler<position_for<T>>&, T>;
  using result = result_for<std::tuple_element_t<0, std::tuple<Ts...>>>;

  static constexpr bool same_results() {
    using rest = handler<rest_position>;
    constexpr bool rest_same = std::is_same_v<std::remove_cv_t<rest>, refuse_unknown> ||
                               std::is_same_v<std::invoke_result_t<rest&, event const&>, result>;
    return (std::is_same_v<result_for<Ts>, result> && ...) && rest_same;
  }

  /// Coroutines that would go on with a reference to a struct that is gone.
  static constexpr bool outlive_bodies() {
    if constexpr (requires { typename std::coroutine_traits<result>::promise_type; })
      return ((!plan::template takes_none<Handlers> && takes_reference<Handlers>()) || ...);
    else
      return false;
  }

  template <class T> static result call(event const& e, int version, std::tuple<Handlers&...> const& handlers) {
    return std::get<position_for<T>>(handlers)(read_body<T>(e, version));
  }

  static result run(event const& e, Handlers&... given) {
    using caller = result (*)(event const&, int, std::tuple<Handlers&...> const&);
    static constexpr std::array<caller, sizeof...(Ts)> callers{&call<Ts>...};
    static constexpr std::array<int, sizeof...(Ts)> versions{kind_of<Ts>.version()...};
    std::tuple<Handlers&...> const handlers(given...);
    std::size_t const index = find_name(set_names<Ts...>, e.event_type);
    int const version = index == not_found ? 0 : stored_event_version(e);
    if (index != not_found && version <= versions[index])
      return callers[index](e, version, handlers);
    if constexpr (std::is_same_v<std::remove_cv_t<handler<rest_position>>, refuse_unknown>)
      refuse_unknown_event(e, set_names<Ts...>);
    else
      return std::get<rest_position>(handlers)(e);
  }
};

} // namespace detail
} // namespace aether
