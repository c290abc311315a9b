// What a store remembers of unanswered saves, as tables.
#include "testing/open_attempts.hpp"

#include <support/events.hpp>

#include <boost/test/unit_test.hpp>

#include <optional>
#include <vector>

BOOST_AUTO_TEST_SUITE(testing_open_attempts)

using namespace aether;
using namespace aether::testing::detail;
using aether::test::events_of;

namespace {

save_request request_of(std::vector<event> events, std::optional<std::int64_t> expected = {}) {
  save_request request;
  request.batch = events.size() > 1;
  request.events = std::move(events);
  request.options.expected_version = expected;
  return request;
}

saved as(std::int64_t version, std::uint64_t sequence) { return {version, sequence, false}; }
save_outcome conflict_at(std::int64_t current) { return version_conflict("order-1", 0, current); }

} // namespace

BOOST_AUTO_TEST_CASE(an_attempt_stands_on_the_version_that_it_asks_for) {
  struct row {
    std::int64_t version;
    std::optional<std::int64_t> expected;
    std::int64_t current;
    bool stands;
  };
  row const table[] = {
      {1, {}, 0, true}, {5, {}, 3, true}, {3, {}, 3, false}, {2, {}, 3, false},
      {4, 3, 3, true},  {5, 4, 3, false}, {5, 2, 3, false},  {3, 2, 3, false},
  };
  for (row const& r : table)
    BOOST_TEST(stands(request_of(events_of("order-1", r.version, r.version), r.expected), r.current) == r.stands,
               "version " << r.version << " on " << r.current);
}

// What the store behind answers while an attempt of the same event, made at `base`, is unanswered (or none was made).
BOOST_AUTO_TEST_CASE(how_an_answer_is_told) {
  struct row {
    std::optional<std::int64_t> base;
    std::optional<std::int64_t> first_expected;
    std::optional<std::int64_t> now_expected;
    save_outcome answer;
    told how;
  };
  row const table[] = {
      {{}, {}, {}, as(5, 1), told::as_answered},
      {{}, {}, {}, conflict_at(7), told::as_answered},
      {{}, {}, 4, conflict_at(3), told::as_answered},
      {3, {}, {}, as(5, 1), told::as_answered},
      {3, {}, {}, conflict_at(5), told::as_answered}, // its version is taken
      {3, {}, {}, conflict_at(9), told::as_answered},
      {3, {}, {}, conflict_at(3), told::as_answered}, // a policy refused both
      {3, 3, 3, conflict_at(4), told::as_answered},   // nobody can store it on 3 any more
      {3, {}, 4, conflict_at(3), told::unknown},      // still on its way, and it may be stored
      {3, 3, 4, conflict_at(3), told::unknown},
      {3, 3, {}, conflict_at(3), told::unknown},
      {3, 3, 2, conflict_at(4), told::as_answered},
  };
  for (row const& r : table) {
    std::vector<event> const events = events_of("order-1", 5, 5);
    open_attempts open;
    if (r.base) {
      open.hand_over(request_of(events, r.first_expected), *r.base);
      open.lost(request_of(events, r.first_expected));
    }
    std::size_t const row_number = static_cast<std::size_t>(&r - table);
    BOOST_TEST((open.tell(request_of(events, r.now_expected), r.answer) == r.how), "row " << row_number);
    BOOST_TEST(open.is_open(request_of(events)) == (r.how == told::unknown), "row " << row_number);
  }
}

BOOST_AUTO_TEST_CASE(an_error_is_plain_only_while_nothing_is_open) {
  save_request const r = request_of(events_of("order-1", 1, 1));
  open_attempts open;
  BOOST_TEST((open.tell_error(r) == told::as_answered));
  open.hand_over(r, 0);
  BOOST_TEST((open.tell_error(r) == told::unknown)); // another call's, under way
  open.answered(r);
  BOOST_TEST((open.tell_error(r) == told::as_answered));
  open.hand_over(r, 0);
  open.lost(r);
  open.hand_over(r, 0);
  open.answered(r); // a second attempt's answer says nothing of the first
  BOOST_TEST((open.tell_error(r) == told::unknown));
}

// Two calls with the same event: the end of one leaves the other's attempt remembered.
BOOST_AUTO_TEST_CASE(attempts_under_way_together_are_counted) {
  save_request const r = request_of(events_of("order-1", 1, 1));
  open_attempts open;
  open.hand_over(r, 0);
  open.hand_over(r, 0);
  open.answered(r);
  BOOST_TEST((open.tell(r, as(1, 1)) == told::as_answered));
  BOOST_TEST(open.is_open(r));
  open.lost(r);
  BOOST_TEST(open.all().size() == 1u);
  BOOST_TEST((open.tell(r, as(1, 1)) == told::as_answered));
  BOOST_TEST(open.all().empty());
}

BOOST_AUTO_TEST_CASE(the_same_event_has_equal_actor_version_and_id) {
  std::vector<event> const events = events_of("order-1", 1, 1);
  open_attempts open;
  open.hand_over(request_of(events), 0);
  open.lost(request_of(events));
  BOOST_TEST(open.is_open(request_of(events)));
  std::vector<event> other = events;
  other[0].id += "x";
  BOOST_TEST(!open.is_open(request_of(other)));
  other = events;
  other[0].version = 2;
  BOOST_TEST(!open.is_open(request_of(other)));
  other = events;
  other[0].actor_id = "order-2";
  BOOST_TEST(!open.is_open(request_of(other)));
  other = events;
  other[0].data.clear(); // the payload is not compared
  BOOST_TEST(open.is_open(request_of(other)));
}

BOOST_AUTO_TEST_CASE(what_is_known_to_be_stored_needs_no_question) {
  save_request const r = request_of(events_of("order-1", 1, 3));
  save_request const part = request_of({r.events[2]});
  open_attempts open;
  open.was_stored(r, as(3, 7)); // nobody waits for it
  BOOST_TEST(!open.known(r).has_value());
  open.hand_over(r, 0);
  BOOST_TEST(!open.known(r).has_value());
  open.was_stored(r, as(3, 7));
  open.lost(r);
  auto const known = open.known(r);
  BOOST_TEST_REQUIRE(known.has_value());
  BOOST_TEST(known->version == 3);
  BOOST_TEST(known->sequence == 7u);
  BOOST_TEST(known->already_saved);
  BOOST_TEST(!open.known(part).has_value()); // its own sequence is not known
  BOOST_TEST(open.is_open(part));
  BOOST_TEST((open.tell(part, as(3, 7)) == told::as_answered));
  BOOST_TEST(!open.known(r).has_value());
  BOOST_TEST(open.all().size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
