// Commands decided together: whose events go where, what does not fit, who fails alone, and what each is told.
#include "actor_batch.hpp"

#include <aether/detail/actor_templates.hpp>
#include <aether/error.hpp>
#include <support/account.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(actor_batches)

using namespace aether;
using namespace aether::detail;
using namespace aether::test;

namespace {

using calls = std::vector<std::shared_ptr<actor_call>>;

template <class D = account, class C> std::shared_ptr<actor_call> call_of(C command, std::string id = {}) {
  auto const c = std::make_shared<actor_call>();
  c->command = std::make_unique<actor_command_of<D, C>>(std::in_place, std::move(command));
  c->options.command_id = std::move(id);
  return c;
}

struct patient_account : account {
  static constexpr auto multi_event = aether::multi_event::one_by_one;
};

/// A batch on an account with a balance of 10 at version 7.
template <class D = account> struct stage {
  std::string const id = "account-1";
  actor_state_of<D> state;
  actor_batch batch;
  command_window window;

  stage() { state.value.balance = 10; }
  void decide(calls const& all, actor_batch::limits most = {}) {
    for (auto const& c : all)
      batch.add(c);
    again(most);
  }
  void again(actor_batch::limits most = {}, std::int64_t version = 7) {
    actor_batch::place on;
    on.type = &actor_type_of<D>::instance();
    on.actor_id = &id;
    on.state = &state;
    on.version = version;
    batch.decide(on, most);
  }
};

/// "3-4", "3-4 repeated", "nothing at 3", "rejected insufficient_funds", or the error's code.
std::string told(actor_call const& c) {
  if (c.failure) {
    try {
      std::rethrow_exception(c.failure);
    } catch (error const& e) {
      return e.code().message();
    }
  }
  if (auto const* const why = std::get_if<rejection>(&c.outcome))
    return "rejected " + why->code;
  auto const r = std::get<command_result>(c.outcome);
  if (r.first_version == 0)
    return "nothing at " + std::to_string(r.last_version);
  return std::to_string(r.first_version) + "-" + std::to_string(r.last_version) + (r.repeated ? " repeated" : "");
}

std::string text_of(errc code) { return make_error_code(code).message(); }

BOOST_AUTO_TEST_CASE(each_is_decided_on_what_those_before_it_brought) {
  stage<> s;
  calls const all{call_of(deposit{"x", 5}), call_of(withdraw{15}), call_of(withdraw{1}), call_of(withdraw{0}),
                  call_of(deposit_in_parts{6, 3})};
  s.decide(all);
  BOOST_TEST(s.batch.event_count() == 5u);
  BOOST_TEST(s.batch.base() == 7);
  auto const events = s.batch.make_events();
  std::set<std::string> ids;
  for (std::size_t i = 0; i < events.size(); ++i) {
    BOOST_TEST(events[i].version == 8 + static_cast<std::int64_t>(i));
    BOOST_TEST(events[i].actor_id == "account-1");
    BOOST_TEST(ids.insert(events[i].id).second);
    BOOST_TEST((s.batch.make_event(i) == events[i])); // the same each time
  }
  BOOST_TEST(events[1].event_type == "Withdrawn");
  s.batch.stored(s.window);
  std::vector<std::string> const expected{"8-8", "9-9", "rejected insufficient_funds", "nothing at 9", "10-12"};
  for (std::size_t i = 0; i < all.size(); ++i)
    BOOST_TEST(told(*all[i]) == expected[i]);
  auto const after = s.batch.take_state();
  BOOST_TEST(state_of<account>(*after).balance == 6);
  BOOST_TEST(s.state.value.balance == 10); // a copy
}

BOOST_AUTO_TEST_CASE(a_redo_has_other_ids_and_rests_on_the_new_state) {
  stage<> s;
  calls const all{call_of(withdraw{10}, "c-1"), call_of(deposit{"x", 1})};
  s.decide(all);
  auto const before = s.batch.make_events();
  s.state.value.balance = 3;
  s.again({}, 9);
  BOOST_TEST(s.batch.event_count() == 1u);
  auto const e = s.batch.make_event(0);
  BOOST_TEST(e.version == 10);
  BOOST_TEST(e.event_type == "Deposited");
  for (auto const& old : before)
    BOOST_TEST(e.id != old.id);
  s.batch.stored(s.window);
  BOOST_TEST(told(*all[0]) == "rejected insufficient_funds");
  BOOST_TEST(told(*all[1]) == "10-10");
  BOOST_TEST(s.window.size() == 0u);
}

BOOST_AUTO_TEST_CASE(who_throws_fails_alone) {
  stage<> s;
  calls const all{call_of(deposit{"x", 1}), call_of(break_decide{}), call_of(break_evolve{}), call_of(deposit{"x", 2})};
  s.decide(all);
  BOOST_TEST(s.batch.event_count() == 2u);
  s.batch.stored(s.window);
  BOOST_TEST(told(*all[0]) == "8-8");
  BOOST_TEST(told(*all[1]) == text_of(errc::decide_failed));
  BOOST_TEST(told(*all[2]) == text_of(errc::evolve_failed));
  BOOST_TEST(told(*all[3]) == "9-9");
  BOOST_TEST(state_of<account>(*s.batch.take_state()).balance == 13);
}

BOOST_AUTO_TEST_CASE(an_id_counts_once_in_a_batch) {
  stage<> s;
  calls const all{call_of(withdraw{99}, "c-1"), call_of(deposit_in_parts{100, 2}, "c-2"), call_of(withdraw{99}, "c-1"),
                  call_of(deposit_in_parts{100, 2}, "c-2"), call_of(withdraw{99}, "c-1")};
  s.decide(all);
  BOOST_TEST(s.batch.event_count() == 3u);
  s.batch.stored(s.window);
  std::vector<std::string> const expected{"rejected insufficient_funds", "8-9", "10-10", "8-9 repeated",
                                          "10-10 repeated"};
  for (std::size_t i = 0; i < all.size(); ++i)
    BOOST_TEST(told(*all[i]) == expected[i]);
  std::size_t before = 0;
  auto const place = s.window.find(command_window::hash_of("c-2"), before);
  BOOST_TEST_REQUIRE(place.has_value());
  BOOST_TEST(place->last_version == 9);
  BOOST_TEST(place->events == 2u);
  BOOST_TEST(s.window.size() == 2u);
}

struct fit {
  std::size_t commands, events;
  bool batches;
  std::size_t decided;
};

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_left) {
  // of 1, 2, 0 and 3 events
  for (auto const& [commands, events, batches, decided] :
       {fit{256, 1000, true, 4}, fit{3, 1000, true, 3}, fit{1, 1000, true, 1}, fit{256, 6, true, 4},
        fit{256, 5, true, 3}, fit{256, 3, true, 3}, fit{256, 2, true, 1}, fit{256, 1, true, 1},
        fit{256, 1000, false, 1}}) {
    stage<> s;
    calls const all{call_of(deposit{"x", 1}), call_of(deposit_in_parts{2, 2}), call_of(withdraw{0}),
                    call_of(deposit_in_parts{3, 3})};
    actor_batch::limits most;
    most.commands = commands;
    most.events = events;
    most.batches = batches;
    s.decide(all, most);
    auto const left = s.batch.take_undecided();
    BOOST_TEST(s.batch.size() == decided);
    BOOST_TEST_REQUIRE(left.size() == 4 - decided);
    for (std::size_t i = 0; i < left.size(); ++i)
      BOOST_TEST(left[i] == all[decided + i]);
  }
  stage<> s; // one that never fits is the store's to refuse
  actor_batch::limits most;
  most.events = 2;
  s.decide({call_of(deposit_in_parts{3, 3})}, most);
  BOOST_TEST(s.batch.event_count() == 3u);
  BOOST_TEST(s.batch.take_undecided().empty());
}

BOOST_AUTO_TEST_CASE(without_batches_several_events_are_the_types_own_wish) {
  actor_batch::limits single;
  single.batches = false;
  stage<> s;
  calls const all{call_of(deposit_in_parts{3, 3}), call_of(withdraw{99}), call_of(deposit{"x", 1}),
                  call_of(withdraw{0})};
  s.decide(all, single);
  BOOST_TEST(s.batch.take_undecided().size() == 1u);
  BOOST_TEST(s.batch.event_count() == 1u);
  s.batch.stored(s.window);
  BOOST_TEST(told(*all[0]) == text_of(errc::batch_not_supported));
  BOOST_TEST(told(*all[1]) == "rejected insufficient_funds");
  BOOST_TEST(told(*all[2]) == "8-8");
  stage<patient_account> p;
  auto const patient = call_of<patient_account>(deposit_in_parts{3, 3});
  p.decide({patient}, single);
  BOOST_TEST(p.batch.event_count() == 3u);
}

BOOST_AUTO_TEST_CASE(nothing_to_store) {
  stage<> s;
  calls const all{call_of(withdraw{0}), call_of(withdraw{11}), call_of(break_decide{})};
  s.decide(all);
  BOOST_TEST(s.batch.event_count() == 0u);
  s.batch.decided_for_nothing();
  BOOST_TEST(told(*all[0]) == "nothing at 7");
  BOOST_TEST(told(*all[1]) == "rejected insufficient_funds");
  BOOST_TEST(told(*all[2]) == text_of(errc::decide_failed));
}

BOOST_AUTO_TEST_CASE(a_batch_that_fails_fails_all_and_can_be_emptied) {
  stage<> s;
  calls const all{call_of(withdraw{0}), call_of(deposit{"x", 1})};
  s.decide(all);
  s.batch.fail(std::make_exception_ptr(error(errc::timed_out, "a test")));
  for (auto const& c : all)
    BOOST_TEST(told(*c) == text_of(errc::timed_out));
  BOOST_TEST((s.batch.take_calls() == all));
  BOOST_TEST(s.batch.empty());
  BOOST_TEST(s.batch.event_count() == 0u);
}

BOOST_AUTO_TEST_CASE(events_carry_the_commands_words) {
  stage<> s;
  auto const plain = call_of(deposit{"x", 1});
  auto const named = call_of(deposit{"x", 1}, "c-1");
  auto const caused = call_of(deposit{"x", 1}, "c-2");
  caused->options.metadata.correlation_id("order").causation_id("event");
  s.decide({plain, named, caused});
  auto const events = s.batch.make_events();
  BOOST_TEST(events[0].command_id == "");
  BOOST_TEST(events[0].metadata.empty());
  BOOST_TEST(events[1].command_id == "c-1");
  BOOST_TEST(events[1].metadata.correlation_id() == "c-1");
  BOOST_TEST(events[1].metadata.causation_id() == "c-1");
  BOOST_TEST(events[2].metadata.correlation_id() == "order");
  BOOST_TEST(events[2].metadata.causation_id() == "event");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
