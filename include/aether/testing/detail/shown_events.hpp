// Events as a failed expectation shows them, and what it says. See given.hpp.
#pragma once

#include <aether/decision.hpp>
#include <aether/typed_event.hpp>

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <typeinfo>
#include <variant>
#include <vector>

namespace aether::testing::detail {

/// An event as it is shown and compared: as it would be stored.
struct shown_event {
  std::string type;
  boost::json::value data;
};
using shown_events = std::vector<shown_event>;

shown_event show(event const& e);
void check_storable(event const& e); ///< throws what a store would: NaN, strings that are not UTF-8, data too deep
std::string text_of(shown_events const& events);

void compare_events(shown_events const& expected, rejection const* refused, shown_events const& actual);
void compare_rejection(std::string_view expected, rejection const* refused, shown_events const& actual);
void compare_states(boost::json::value const& expected, boost::json::value const& actual);
[[noreturn]] void fail(std::string const& what);
/// Inside a catch block: `decide(withdraw) threw: …`, and what happened before.
[[noreturn]] void fail_by_exception(std::string const& call, shown_events const& before);
[[noreturn]] void fail_by_exception(std::string const& call, shown_event const& at);
std::string name_of(std::type_info const& type);

template <class Event> event as_stored(Event const& body) {
  event e;
  aether::detail::write_body(e, body);
  return e;
}

template <class Event> shown_events show_all(std::vector<Event> const& events) {
  shown_events all;
  for (auto const& one : events)
    all.push_back(show(as_stored(one)));
  return all;
}

/// Through an event and back, as in a store: what is not described is lost here as it would be there.
template <class D>
void evolve_all(typename D::state& state, std::vector<typename D::event> const& events, char const* which) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    shown_event shown;
    std::string step = "storing";
    try {
      auto const stored = as_stored(events[i]);
      shown = show(stored);
      check_storable(stored);
      step = "evolve of";
      std::visit([&](auto const& one) { D::evolve(state, one); }, event_as_one_of<typename D::event>(stored).value());
    } catch (...) {
      fail_by_exception(step + " " + which + " event " + std::to_string(i + 1), shown);
    }
  }
}

} // namespace aether::testing::detail
