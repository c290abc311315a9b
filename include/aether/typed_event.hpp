// Typed events: structs described by Boost.Describe become events and back, old versions of them too.
#pragma once

#include <aether/detail/event_kind.hpp>
#include <aether/detail/event_visit.hpp>
#include <aether/error.hpp>
#include <aether/event.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace aether {

/// An event struct says its stored name itself, and its members to Boost.Describe:
///
///   struct deposited {
///     static constexpr std::string_view event_type = "Deposited"; // stays when the struct is renamed
///     static constexpr int event_version = 2;                     // left out: 1
///     static void upcast(aether::from_version<1>, boost::json::object& data); // lifts data to version 2
///     std::string reference;
///     std::int64_t amount = 0;
///   };
///   BOOST_DESCRIBE_STRUCT(deposited, (), (reference, amount))
///
/// Optional: `former_event_types`, an array of names it once had. An upcaster is needed for every version below
/// event_version, each lifting to the next one; they may be called from any thread.
template <class T>
concept described_event = detail::names_event<T> && detail::json_object_convertible<T>;

/// Says which version an upcaster lifts.
template <int Version> struct from_version {};

/// Specialise it for a struct that you cannot change, with the static members above in it.
template <class T> struct event_traits {
  using stands_in = T; ///< not in a specialisation
};

/// A new event with a random UUID as its id, the time of now, and the struct (or a std::variant of such) as its data.
/// An event_version above 1 is metadata `eventVersion`. Members that are empty optionals are left out. Throws
/// invalid_argument for what has no form in JSON: an enum's value that has no described name.
///
/// Beside co_await the struct must be a named variable: `deposited{…}` inside such an expression is destroyed twice by
/// g++ 12.
template <class T> event to_event(std::string actor_id, std::int64_t version, T const& body) {
  event made = make_event({}, std::move(actor_id), version);
  detail::write_body(made, body);
  return made;
}

/// The same, made in answer to `cause`: correlation and causation are filled in.
template <class T> event to_event(event const& cause, std::string actor_id, std::int64_t version, T const& body) {
  event made = make_event(cause, {}, std::move(actor_id), version);
  detail::write_body(made, body);
  return made;
}

/// The event is of this type, by its name or a former one; of whichever version.
template <class T> bool is_event(event const& e) noexcept {
  return detail::check_event<T>() && detail::is_named(detail::event_names<T>, e.event_type);
}

/// The struct, none when the event is of another type. Members that T does not have are ignored; those it has must be
/// there, but for optionals. Throws unknown_event_type when the event is of a newer version than T, malformed_event
/// when its data does not fit or an upcaster throws: the text names actor, version, type, and the member's path.
template <class T> std::optional<T> event_if(event const& e) {
  if (!is_event<T>(e))
    return std::nullopt;
  int const version = detail::stored_event_version(e);
  if (version > detail::kind_of<T>.version())
    detail::refuse_newer(e, version, detail::kind_of<T>);
  return detail::read_body<T>(e, version);
}

/// The same, but another type is an error, too: unknown_event_type.
template <class T> T event_as(event const& e) {
  auto body = event_if<T>(e);
  if (!body)
    detail::refuse_type(e, detail::event_names<T>[0]);
  return *std::move(body);
}

/// Event types that belong together: those of an actor, or those a projection knows. No stored name, current or
/// former, may stand for two of them. Wherever a set is asked for, a std::variant of the same types is one.
template <class... Ts> struct event_set {
  static_assert(sizeof...(Ts) > 0, "aether: an event_set has at least one type");
  static_assert(detail::names_differ<Ts...>(), "aether: two types of this event_set have a stored name in common");
  using variant = std::variant<Ts...>;
};

/// The event as the one it is; none when its name is not in the set, or its version is newer than the struct's.
/// Throws malformed_event as event_if does.
template <detail::event_types Set>
std::optional<typename detail::set_of<Set>::type::variant> event_as_one_of(event const& e) {
  return detail::set_reader<typename detail::set_of<Set>::type>::read_one(e);
}

/// What visit_event does with an event whose name is not in the set, or whose version is newer than the struct's.
struct unknown_events {
  static constexpr detail::skip_unknown skip{};
  static constexpr detail::refuse_unknown error{}; ///< throws unknown_event_type
};

/// Calls the handler that is for the event's type and returns what it does. Exactly one handler takes each type of the
/// set (as `T const&` or `T`; a generic one may take several), and exactly one more says what becomes of the rest:
/// unknown_events::skip, unknown_events::error, or a callable that takes `event const&`. What is missing or ambiguous
/// does not compile. All return the same type.
///
/// Handlers that are coroutines take the struct by value, as it is gone when they are awaited, and capture nothing that
/// has a destructor. Throws what handlers throw, and malformed_event.
template <detail::event_types Set, class... Handlers>
decltype(auto) visit_event(event const& e, Handlers&&... handlers) {
  using plan = detail::visit_plan<typename detail::set_of<Set>::type, std::remove_reference_t<Handlers>...>;
  static_assert(sizeof(typename detail::set_of<Set>::type) > 0); // a set's own errors come first
  constexpr bool each_has_one = plan::each_has_one();
  static_assert(plan::rest_has_one(), "aether: visit_event needs exactly one handler for what is not in the set: "
                                      "unknown_events::skip, unknown_events::error or one that takes event const&; "
                                      "every other handler takes a type of the set");
  if constexpr (each_has_one && plan::rest_has_one()) {
    using call = detail::visit_call<typename detail::set_of<Set>::type, std::remove_reference_t<Handlers>...>;
    static_assert(call::same_results(), "aether: the handlers of visit_event return the same type, the one for what is "
                                        "not in the set too (unknown_events::skip returns void)");
    static_assert(
        detail::safe_beside_await<typename call::result, Handlers...>(),
        "aether: a handler that is a coroutine captures by reference or nothing that has a destructor: g++ 12 "
        "destroys such temporaries twice");
    static_assert(!call::outlive_bodies(), "aether: a handler that is a coroutine takes its struct by value: what a "
                                           "reference is of is gone when the coroutine goes on");
    if constexpr (call::same_results())
      return call::run(e, handlers...);
  }
}

} // namespace aether
