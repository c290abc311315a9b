// How a save on JetStream ends: expectations, failures, batches and what is kept afterwards, as scripted conversations.
#include "save_script.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(save_machine_ends)

using namespace save_script;
using save_script::answer;

// The context may go between a save's last step and the word to its caller.
BOOST_AUTO_TEST_CASE(what_has_ended_is_not_undone_by_the_deadline) {
  save_request request;
  request.first_version = request.last_version = 4;
  save_machine machine(request);
  BOOST_TEST(!machine.has_ended());
  machine.start(at_three, {}, false);
  machine.on_published(publish_answer::stored, 8, {});
  BOOST_TEST(machine.has_ended());
  auto const step = machine.on_out_of_time();
  BOOST_TEST((step.end == save_end::saved));
  BOOST_TEST(step.success.sequence == 8u);
}

BOOST_AUTO_TEST_CASE(what_was_not_handed_over_leaves_open_only_what_was) {
  for (bool const remembers : {false, true}) {
    save_request request;
    request.first_version = request.last_version = 4;
    save_machine machine(request);
    if (remembers) {
      remembered_attempt attempt;
      attempt.sequence = 7;
      machine.start({}, attempt, false);
      machine.on_first_after({});
    } else {
      machine.start({}, {}, false);
    }
    auto const step = machine.on_last(at_three);
    BOOST_TEST((step.what == save_do::publish));
    machine.on_published(publish_answer::not_handed_over, 0, {});
    auto const end = machine.on_out_of_time();
    BOOST_TEST((end.end == (remembers ? save_end::unknown : save_end::failed)));
    BOOST_TEST(machine.has_open_attempt() == remembers);
  }
}

BOOST_AUTO_TEST_CASE(expectation_and_policy) {
  check({
      {"met, from the cache", expecting(3), {{start(at_three), "publish on 7"}, {stored(8), "saved 4 at 8"}}},
      {"the cached version lies below: the leader is asked before it refuses",
       expecting(2),
       {{start(holds(6, 1)), "read last"}, {last(holds(7, 2)), "publish on 7"}, {stored(8), "saved 4 at 8"}}},
      {"the same for contiguous",
       contiguous(),
       {{start(holds(6, 2)), "read last"}, {last(at_three), "publish on 7"}, {stored(8), "saved 4 at 8"}}},
      {"the cached version lies below, and the last message is this event",
       contiguous(),
       {{start(holds(6, 2)), "read last"}, {last(ours_is_last(8, 4)), "already saved 4 at 8"}}},
      {"a version taken or passed refuses from the cache", expecting(3), {{start(holds(9, 5)), "conflict with 5"}}},
      {"unmet on the first fresh read", expecting(3), {{start(), "read last"}, {last(holds(6, 2)), "conflict with 2"}}},
      {"unmet on the first fresh read, contiguous",
       contiguous(),
       {{start(), "read last"}, {last(holds(6, 2)), "conflict with 2"}}},
      {"no event yet is expected by 0",
       expecting(0),
       {{start(), "read last"}, {empty_subject(), "publish on 0"}, {stored(1), "saved 4 at 1"}}},
      {"contiguous on an emptied actor goes on at 1",
       contiguous(1),
       {{start(), "read last"}, {empty_subject(), "publish on 0"}, {stored(9), "saved 1 at 9"}}},
      {"contiguous on an emptied actor takes nothing else",
       contiguous(),
       {{start(), "read last"}, {empty_subject(), "conflict with 0"}}},
      {"an expectation stands in the policy's place",
       {.first_version = 9, .last_version = 9, .expected_version = 3, .policy = version_policy::contiguous},
       {{start(at_three), "publish on 7"}, {stored(8), "saved 9 at 8"}}},
      {"unmet after another's message",
       {.first_version = 9, .last_version = 9, .expected_version = 3},
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {first_after(another(8, 4)), "read last"},
        {last(holds(8, 4)), "conflict with 4"}}},
      {"unmet before repeating at a remembered S: the attempt may still be stored",
       expecting(2),
       {{start_remembering(7), "read first after 7"}, {nothing_after(), "read last"}, {last(at_three), "unknown"}},
       7},
      {"unmet after a remembered attempt proved dead",
       expecting(2),
       {{start_remembering(7), "read first after 7"},
        {first_after(malformed(8)), "read last"},
        {last({8, 3}), "conflict with 3"}}},
      {"unmet after the sequence went back",
       expecting(3),
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {nothing_after(), "read last"},
        {empty_subject(), "conflict with 0"}}},
      {"unmet after the sequence went back, with an attempt open",
       expecting(3),
       {{start(at_three), "publish on 7"},
        {unanswered(), "wait"},
        {ready(), "read first after 7"},
        {nothing_after(), "pause 0"},
        {ready(), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {nothing_after(), "read last"},
        {empty_subject(), "unknown"}},
       7},
      {"this event is already saved whatever the expectation",
       expecting(1),
       {{start_remembering(7), "read first after 7"}, {first_after(ours(8, 4)), "already saved 4 at 8"}}},
      {"this event as the latest is already saved whatever the expectation",
       expecting(1),
       {{start(ours_is_last(8, 4)), "already saved 4 at 8"}}},
  });
}

BOOST_AUTO_TEST_CASE(failures_and_the_deadline) {
  check({
      {"rejected",
       single(),
       {{start(at_three), "publish on 7"}, {rejected(aether::errc::storage_full), "failed: storage full"}}},
      {"rejected, an attempt of this call open",
       single(),
       {{start(at_three), "publish on 7"},
        {unanswered(), "wait"},
        {ready(), "read first after 7"},
        {nothing_after(), "pause 0"},
        {ready(), "publish on 7"},
        {rejected(aether::errc::storage_full), "unknown"}},
       7},
      {"a read that fails",
       single(),
       {{start(), "read last"}, {read_failed(aether::errc::permission_denied), "failed: permission"}}},
      {"out of time before anything was sent",
       single(),
       {{start(), "read last"}, {out_of_time(), "failed: timed out"}}},
      {"out of time with a publish under way",
       single(),
       {{start(at_three), "publish on 7"}, {out_of_time(), "unknown"}},
       7},
      {"out of time while waiting with an attempt open",
       single(),
       {{start(at_three), "publish on 7"}, {unanswered(), "wait"}, {out_of_time(), "unknown"}},
       7},
      {"out of time after a refusal",
       single(),
       {{start(at_three), "publish on 7"}, {wrong_last(), "read first after 7"}, {out_of_time(), "failed: timed out"}}},
      {"out of time in the pause before a publish",
       single(),
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {nothing_after(), "read last"},
        {last(at_three), "pause 0"},
        {out_of_time(), "failed: timed out"}}},
      {"not handed over: nothing is open, and it goes on when connected",
       single(),
       {{start(at_three), "publish on 7"},
        {not_handed_over(), "wait"},
        {ready(), "pause 0"},
        {ready(), "publish on 7"},
        {not_handed_over(), "wait"},
        {out_of_time(), "failed: timed out"}}},
      {"not handed over, and then out of time with the next one under way",
       single(),
       {{start(at_three), "publish on 7"},
        {not_handed_over(), "wait"},
        {ready(), "pause 0"},
        {ready(), "publish on 7"},
        {out_of_time(), "unknown"}},
       7},
      {"a read without an answer is asked again, not in a tight loop, and keeps what is open",
       single(),
       {{start_remembering(7), "read first after 7"},
        {read_unanswered(), "wait"},
        {ready(), "pause 0"},
        {ready(), "read first after 7"},
        {nothing_after(), "read last"},
        {read_unanswered(), "wait"},
        {ready(), "pause 1"},
        {ready(), "read last"},
        {last(holds(9, 5)), "read first after 7"},
        {out_of_time(), "unknown"}},
       7},
  });
}

BOOST_AUTO_TEST_CASE(batches) {
  check({
      {"stored: the sequence is that of the last message",
       batch(),
       {{start(at_three), "publish on 7"}, {stored(10), "saved 6 at 10"}}},
      {"the first message after S carries our batch id",
       batch(),
       {{start(at_three), "publish on 7"},
        {unanswered(), "wait"},
        {ready(), "read first after 7"},
        {first_after(our_batch(8, 4)), "saved 6 at 10"}}},
      {"our batch, remembered",
       batch(),
       {{start_remembering(7), "read first after 7"}, {first_after(our_batch(8, 4)), "already saved 6 at 10"}}},
      {"our batch, its first message expired: where its last one stands is read",
       batch(),
       {{start_remembering(7), "read first after 7"},
        {first_after(seen_message{.sequence = 9, .version = 5, .has_our_batch_id = true}), "read batch"},
        {batch_found(2, 10), "already saved 6 at 10"}}},
      {"our batch, expired while it was looked at",
       batch(),
       {{start_remembering(7), "read first after 7"},
        {first_after(seen_message{.sequence = 9, .version = 5, .has_our_batch_id = true}), "read batch"},
        {batch_found(0), "read last"},
        {empty_subject(), "pause 0"},
        {ready(), "publish on 0"},
        {stored(12), "saved 6 at 12"}}},
      {"its first event is there, stored otherwise: every event is looked for, and found",
       batch(),
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {first_after(ours(8, 4)), "read last"},
        {last(holds(10, 6)), "read batch"},
        {batch_found(3, 10), "already saved 6 at 10"}}},
      {"part of it found: conflict",
       batch(),
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {first_after(ours(8, 4)), "read last"},
        {last(holds(10, 6)), "read batch"},
        {batch_found(2, 10), "conflict with 6"}}},
      {"its last version is not there yet: conflict without looking",
       batch(),
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {first_after(ours(8, 4)), "read last"},
        {last(holds(8, 4)), "conflict with 4"}}},
      {"another's event in its place",
       batch(),
       {{start(at_three), "publish on 7"},
        {wrong_last(), "read first after 7"},
        {first_after(another(8, 4)), "read last"},
        {last(holds(10, 6)), "conflict with 6"}}},
      {"stored by another store behind a smaller event",
       batch(),
       {{start(holds(6, 2)), "publish on 6"},
        {wrong_last(), "read first after 6"},
        {first_after(another(7, 3)), "read last"},
        {last(holds(11, 7)), "read batch"},
        {batch_found(3, 10), "already saved 6 at 10"}}},
      {"never decided as saved from the cache: the leader tells",
       batch(),
       {{start(ours_is_last(10, 6)), "read last"},
        {last(holds(10, 6)), "read batch"},
        {batch_found(3, 10), "already saved 6 at 10"}}},
      {"passed, from the cache", batch(), {{start(holds(11, 7)), "conflict with 7"}}},
      {"passed, in a forgetful store",
       batch(),
       {{start_forgetful(holds(11, 7)), "read last"},
        {last(holds(11, 7)), "read batch"},
        {batch_found(3, 10), "already saved 6 at 10"}}},
      {"a version inside it taken", batch(), {{start(holds(9, 5)), "conflict with 5"}}},
      {"a used id refuses the whole batch: resolved, then again",
       batch(),
       {{start(at_three), "publish on 7"},
        {id_refused(), "read first after 7"},
        {nothing_after(), "read last"},
        {last(at_three), "pause 0"},
        {ready(), "publish on 7, suffixed"},
        {stored(10), "saved 6 at 10"}}},
  });
}

namespace {

std::string learned(save_request request, std::vector<answer> const& answers) {
  save_machine machine(request);
  for (auto const& a : answers)
    a(machine);
  auto const& state = machine.learned();
  return state ? "version " + std::to_string(state->version) + " at " + std::to_string(state->last_sequence) +
                     (state->is_this_event ? ", ours" : "")
               : "nothing";
}

} // namespace

BOOST_AUTO_TEST_CASE(what_the_cache_learns) {
  BOOST_TEST(learned(single(), {start(at_three), stored(8)}) == "version 4 at 8, ours");
  BOOST_TEST(learned(batch(), {start(at_three), stored(10)}) == "version 6 at 10");
  std::vector<answer> const overtaken = {start(at_three), wrong_last(), first_after(another(8, 4))};
  auto then = [&](std::vector<answer> const& more) {
    auto all = overtaken;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  BOOST_TEST(learned(single(), then({last(holds(11, 6))})) == "version 6 at 11");
  // A later message was seen: the cache must not go back to ours.
  BOOST_TEST(learned(single(5), then({last(holds(10, 6)), deciding(ours(9, 5))})) == "version 6 at 10");
  // What a lost tail left counts, though its sequence is smaller.
  BOOST_TEST(learned(single(), {start(at_three), wrong_last(), nothing_after(), last(holds(5, 2)), ready(),
                                stored(6)}) == "version 4 at 6, ours");
  // Another's message proved the cache stale, and no fresh read came.
  BOOST_TEST(learned(single(), then({out_of_time()})) == "nothing");
  // An empty subject has no message whose age would end the entry.
  BOOST_TEST(learned(contiguous(), {start(), empty_subject()}) == "nothing");
  // Nothing was learned: the cache keeps what it had.
  BOOST_TEST(learned(single(), {start(at_three), out_of_time()}) == "version 3 at 7");
}

BOOST_AUTO_TEST_SUITE_END()
