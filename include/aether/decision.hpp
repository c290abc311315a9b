// What an actor answers to a command: events, nothing, or a rejection; and what makes a type a decider.
#pragma once

#include <aether/error.hpp>

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace aether {

/// The actor refuses a command, for a reason of the business. Nothing is stored.
struct rejection {
  std::string code; ///< for programs: `insufficient_funds`
  std::string text; ///< for people; may be empty

  rejection() = default;
  explicit rejection(std::string why, std::string words = {}) : code(std::move(why)), text(std::move(words)) {}
  friend bool operator==(rejection const&, rejection const&) = default;
};

/// A command was refused by the decider.
class command_rejected : public error {
public:
  /// The text names the actor, its version, and the command's type or id as far as known.
  command_rejected(rejection why, std::string const& concerning)
      : error(errc::command_rejected, concerning + ": " + why.code + (why.text.empty() ? "" : ": " + why.text)),
        reason_(std::move(why)) {}

  rejection const& reason() const noexcept { return reason_; }

private:
  rejection reason_;
};

/// The decision that a command changes nothing.
struct no_events_t {
  explicit constexpr no_events_t() = default;
};
inline constexpr no_events_t no_events{};

namespace detail {

template <class T, class Variant> inline constexpr bool is_alternative = false;
template <class T, class... Ts>
inline constexpr bool is_alternative<T, std::variant<Ts...>> = (std::is_same_v<T, Ts> || ...);

template <class T> inline constexpr bool is_variant = false;
template <class... Ts> inline constexpr bool is_variant<std::variant<Ts...>> = true;

} // namespace detail

/// Made implicitly from what a decider returns: an event, several, no_events, or a rejection. `Event` is a
/// std::variant.
template <class Event> class decision {
public:
  decision(no_events_t) {}
  decision(rejection why) : value_(std::move(why)) {}
  decision(std::vector<Event> events) : value_(std::move(events)) {}
  template <class E>
    requires detail::is_alternative<std::remove_cvref_t<E>, Event> || std::same_as<std::remove_cvref_t<E>, Event>
  decision(E&& event) {
    events_().emplace_back(std::forward<E>(event));
  }

  /// Several, in this order.
  template <class... Es> static decision of(Es&&... events) {
    decision made(no_events);
    made.events_().reserve(sizeof...(events));
    (made.events_().emplace_back(std::forward<Es>(events)), ...);
    return made;
  }

  bool is_rejected() const noexcept { return std::holds_alternative<rejection>(value_); }
  rejection const& reason() const { return std::get<rejection>(value_); }
  /// Empty: nothing is to be stored. Throws std::bad_variant_access when it is a rejection.
  std::vector<Event> const& events() const { return std::get<std::vector<Event>>(value_); }

private:
  std::vector<Event>& events_() { return std::get<std::vector<Event>>(value_); }

  std::variant<std::vector<Event>, rejection> value_;
};

namespace detail {

template <class D, class E>
concept evolves_by = requires(typename D::state& s, E const& e) { D::evolve(s, e); };

template <class D, class Variant> inline constexpr bool evolves_all = false;
template <class D, class... Es> inline constexpr bool evolves_all<D, std::variant<Es...>> = (evolves_by<D, Es> && ...);

} // namespace detail

/// A struct with `state` (default-constructible, copyable), `event` (a std::variant of described structs), static
/// overloads `evolve(state&, Event const&)` for each of them, and `decide(Command const&, state const&)` for each
/// command, which returns what a decision is made of.
///
/// decide is pure: it may run several times for a command, also on state that is never stored. evolve is pure too, and
/// takes every event that decide returned and every one that is in the store.
template <class D>
concept decider =
    requires {
      typename D::state;
      typename D::event;
    } && std::default_initializable<typename D::state> && std::copyable<typename D::state> &&
    detail::is_variant<typename D::event> && detail::evolves_all<D, typename D::event>;

/// There is a `D::decide(C const&, D::state const&)`.
template <class D, class C>
concept handles = decider<D> && requires(C const& command, typename D::state const& state) {
  { D::decide(command, state) } -> std::convertible_to<decision<typename D::event>>;
};

} // namespace aether
