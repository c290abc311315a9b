// Tests of deciders in three steps, in any test framework: given what happened, when a command comes, then what.
#pragma once

#include <aether/decision.hpp>
#include <aether/detail/described_json.hpp>
#include <aether/testing/detail/shown_events.hpp>
#include <aether/typed_event.hpp>

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace aether::testing {

/// What was expected is not what came. The text shows both, and the path of the first difference.
class expectation_failed : public std::logic_error {
public:
  using logic_error::logic_error;
};

/// What came of a command. Each of its functions throws expectation_failed when that is not so, and returns the same
/// object, so that several can be asked for.
template <decider D> class decided {
public:
  using state_type = typename D::state;
  using event_type = typename D::event;

  decided(state_type before, decision<event_type> made)
      : after_(std::move(before)), decision_(std::move(made)), refused_(decision_.is_rejected()) {
    if (!refused_)
      detail::evolve_all<D>(after_, decision_.events(), "decided");
  }

  /// Exactly these events, in this order. They are compared as they are stored; no operator== is needed.
  template <class... Events> decided const& then(Events const&... expected) const {
    static_assert(sizeof...(Events) > 0, "aether: then() names the expected events; see then_nothing()");
    static_assert((aether::detail::is_alternative<Events, event_type> && ...),
                  "aether: then() takes events of the decider");
    detail::compare_events(detail::show_all<event_type>({event_type(expected)...}), reason(), actual());
    return *this;
  }

  /// Accepted, without an event.
  decided const& then_nothing() const {
    detail::compare_events({}, reason(), actual());
    return *this;
  }

  /// Refused, with this code.
  decided const& then_rejected(std::string_view code) const {
    detail::compare_rejection(code, reason(), actual());
    return *this;
  }

  /// The state afterwards, which is that before when the command was refused. Given a callable, this is called with it,
  /// and must not return false; given a state, it is to be equal: by operator==, else by its form in JSON.
  template <class Expected> decided const& then_state(Expected const& expected) const {
    if constexpr (std::is_invocable_v<Expected const&, state_type const&>) {
      if constexpr (std::same_as<std::invoke_result_t<Expected const&, state_type const&>, bool>) {
        if (!expected(after_))
          detail::fail("the state is not as expected" + shown_state());
      } else {
        expected(after_);
      }
    } else {
      static_assert(std::same_as<Expected, state_type>,
                    "aether: then_state() takes a state, or what can be called with "
                    "one");
      compare(expected);
    }
    return *this;
  }

private:
  rejection const* reason() const { return refused_ ? &decision_.reason() : nullptr; }
  detail::shown_events actual() const {
    return refused_ ? detail::shown_events() : detail::show_all(decision_.events());
  }

  std::string shown_state() const {
    if constexpr (aether::detail::json_convertible<state_type>)
      return ":\n" + detail::text_of({{"state", aether::detail::to_json_value(after_)}});
    else
      return {};
  }

  void compare(state_type const& expected) const {
    static_assert(std::equality_comparable<state_type> || aether::detail::json_convertible<state_type>,
                  "aether: to compare states they need operator== or a form in JSON (BOOST_DESCRIBE_STRUCT)");
    if constexpr (std::equality_comparable<state_type>)
      if (expected == after_)
        return;
    if constexpr (aether::detail::json_convertible<state_type>)
      detail::compare_states(aether::detail::to_json_value(expected), aether::detail::to_json_value(after_));
    if constexpr (std::equality_comparable<state_type>)
      detail::fail("the state is not equal to what was expected" + shown_state());
  }

  state_type after_;
  decision<event_type> decision_;
  bool refused_;
};

/// What happened before.
template <decider D> class given_events {
public:
  explicit given_events(std::vector<typename D::event> history) : history_(std::move(history)) {
    detail::evolve_all<D>(state_, history_, "given");
  }

  /// Decides on the command, and takes in what was decided.
  template <class Command> decided<D> when(Command const& command) const {
    static_assert(handles<D, Command>, "aether: the decider has no decide(Command const&, state const&) that returns a "
                                       "decision");
    return decided<D>(state_, decide(command));
  }

private:
  template <class Command> decision<typename D::event> decide(Command const& command) const {
    try {
      return D::decide(command, state_);
    } catch (...) {
      detail::fail_by_exception("decide(" + detail::name_of(typeid(Command)) + ")", detail::show_all(history_));
    }
  }

  typename D::state state_{};
  std::vector<typename D::event> history_;
};

/// Begins a test of the decider D: `given<account>(deposited{"r", 10}).when(withdraw{5}).then(withdrawn{5});`. Without
/// events: an actor that is new. Events go through JSON on their way, as in a store. Throws expectation_failed when
/// evolve throws; an exception out of decide is one, too.
template <decider D, class... Events>
  requires(aether::detail::is_alternative<Events, typename D::event> && ...)
given_events<D> given(Events const&... happened) {
  std::vector<typename D::event> history{typename D::event(happened)...};
  return given_events<D>(std::move(history));
}
template <decider D> given_events<D> given(std::vector<typename D::event> happened) {
  return given_events<D>(std::move(happened));
}

} // namespace aether::testing
