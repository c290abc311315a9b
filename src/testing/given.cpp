// What given/when/then says when it was not so.
#include <aether/testing/given.hpp>

#include "testing/json_difference.hpp"

#include <aether/json.hpp>

#include <boost/core/demangle.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace aether::testing::detail {
namespace {

std::string count_of(shown_events const& events) {
  if (events.empty())
    return "no event";
  return std::to_string(events.size()) + (events.size() == 1 ? " event:\n" : " events:\n") + text_of(events);
}

std::string outcome_of(rejection const* refused, shown_events const& actual) {
  if (refused)
    return "but the command was rejected: " + refused->code + (refused->text.empty() ? "" : ": " + refused->text);
  return "but it decided on " + count_of(actual);
}

/// `event 2, cents: expected 5, got 6`
std::string difference_of(shown_events const& expected, shown_events const& actual) {
  for (std::size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
    std::string const which = "event " + std::to_string(i + 1);
    if (i >= expected.size())
      return which + ": expected none, got " + actual[i].type;
    if (i >= actual.size())
      return which + ": expected " + expected[i].type + ", got none";
    if (expected[i].type != actual[i].type)
      return which + ": expected " + expected[i].type + ", got " + actual[i].type;
    if (auto const what = first_difference(expected[i].data, actual[i].data); !what.empty())
      return which + ", " + what;
  }
  return {};
}

/// What is being handled, in its own words.
std::string current_exception_text() {
  try {
    throw;
  } catch (std::exception const& e) {
    return e.what();
  } catch (...) {
    return "no std::exception";
  }
}

} // namespace

shown_event show(event const& e) { return {e.event_type, e.data}; }

void check_storable(event const& e) { to_json(e); }

std::string text_of(shown_events const& events) {
  std::string text;
  for (auto const& one : events)
    text += (text.empty() ? "  " : "\n  ") + one.type + " " + boost::json::serialize(one.data);
  return text;
}

void fail(std::string const& what) { throw expectation_failed(what); }

void compare_events(shown_events const& expected, rejection const* refused, shown_events const& actual) {
  std::string const difference = refused ? std::string() : difference_of(expected, actual);
  if (refused || !difference.empty())
    fail("expected " + count_of(expected) + "\n" + outcome_of(refused, actual) +
         (refused ? "" : "\nfirst difference: " + difference));
}

void compare_rejection(std::string_view expected, rejection const* refused, shown_events const& actual) {
  if (!refused || refused->code != expected)
    fail("expected the rejection " + std::string(expected) + "\n" + outcome_of(refused, actual));
}

void compare_states(boost::json::value const& expected, boost::json::value const& actual) {
  if (auto const difference = first_difference(expected, actual); !difference.empty())
    fail("expected the state\n  " + boost::json::serialize(expected) + "\nbut it is\n  " +
         boost::json::serialize(actual) + "\nfirst difference: " + difference);
}

void fail_by_exception(std::string const& call, shown_events const& before) {
  fail(call + " threw: " + current_exception_text() + "\nafter " + count_of(before));
}

void fail_by_exception(std::string const& call, shown_event const& at) {
  fail(call + (at.type.empty() ? "" : ", " + at.type + " " + boost::json::serialize(at.data) + ",") +
       " threw: " + current_exception_text());
}

std::string name_of(std::type_info const& type) { return boost::core::demangle(type.name()); }

} // namespace aether::testing::detail
