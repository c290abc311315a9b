// Each rule about a whole run: seen red once, in a run that is right but for that.
#include "fault/check_run.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>

BOOST_AUTO_TEST_SUITE(check_run_rules)

using namespace aether::fault;

namespace {

constexpr std::int64_t second = 1'000'000'000;

operation save_at(std::uint32_t process, std::int64_t from, std::int64_t to, std::int64_t version, call_end end) {
  operation o;
  o.process = process;
  o.number = static_cast<std::uint64_t>(version);
  o.actor_id = "order-1";
  o.invoked = from;
  o.returned = to;
  o.end = end;
  o.sequence = static_cast<std::uint64_t>(version);
  o.version = version;
  auto& e = o.events.emplace_back();
  e.version = version;
  e.id = "e" + std::to_string(version);
  return o;
}

// Three saves; a fault from 2 s to 3 s, which the second one meets.
run_record good_run() {
  run_record run;
  run.operations.push_back(save_at(1, 1 * second, 1 * second + 5, 1, call_end::saved));
  run.operations.push_back(save_at(1, 2 * second, 4 * second, 2, call_end::saved));
  run.operations.push_back(save_at(2, 5 * second, 6 * second, 3, call_end::saved));
  run.faults.push_back({2 * second, 3 * second});
  std::vector<stored_message> stored;
  for (auto const& o : run.operations) {
    auto& m = stored.emplace_back();
    m.sequence = o.sequence;
    m.actor_id = o.actor_id;
    m.event = o.events.front();
    m.expected_sequence = m.sequence - 1;
  }
  run.of_the_library = true;
  run.longest_call = std::chrono::seconds(30);
  run.fitting_errors = {7};
  run.replicas.assign(3, stored);
  return run;
}

bool broken(rule which, std::function<void(run_record&)> const& change) {
  auto run = good_run();
  change(run);
  auto const v = check_run(run);
  return !v.violations.empty() && std::all_of(v.violations.begin(), v.violations.end(),
                                              [&](violation const& one) { return one.broken == which; });
}

} // namespace

BOOST_AUTO_TEST_CASE(a_good_run_passes) {
  auto const v = check_run(good_run());
  for (auto const& broken : v.violations)
    BOOST_ERROR(broken.text);
  BOOST_TEST(v.counts.met_a_fault == 1u);
  BOOST_TEST(text_of(v.counts) == "3 saved, 1 met a fault");
}

BOOST_AUTO_TEST_CASE(a_replica_that_lacks_a_message_or_has_another_is_found) {
  BOOST_TEST(broken(rule::replicas_agree, [](auto& run) { run.replicas[2].pop_back(); }));
  BOOST_TEST(broken(rule::replicas_agree, [](auto& run) { run.replicas[1][1].event.digest ^= 1; }));
  BOOST_TEST(broken(rule::replicas_agree, [](auto& run) { run.replicas[1][0].sequence = 0; }));
}

BOOST_AUTO_TEST_CASE(a_call_that_never_ends_is_found) {
  auto const never_ends = [](auto& run) { run.operations.push_back(save_at(2, 2 * second, 0, 4, call_end::open)); };
  BOOST_TEST(broken(rule::every_call_ends, never_ends));
  auto run = good_run();
  never_ends(run);
  run.killed.insert(2);
  BOOST_TEST(check_run(run).violations.empty());
  BOOST_TEST(broken(rule::every_call_ends, [](auto& r) { r.operations[1].returned = 33 * second; }));
}

BOOST_AUTO_TEST_CASE(an_expectation_that_was_not_sent_or_names_another_message_is_found) {
  BOOST_TEST(broken(rule::expectation_was_sent, [](auto& run) { run.replicas[0][0].expected_sequence.reset(); }));
  BOOST_TEST(broken(rule::expectation_was_sent, [](auto& run) { run.replicas[0][2].expected_sequence = 1; }));
  auto run = good_run(); // of other writers nothing is asked
  run.of_the_library = false;
  run.replicas[0][0].expected_sequence.reset();
  BOOST_TEST(check_run(run).violations.empty());
}

BOOST_AUTO_TEST_CASE(an_error_that_no_fault_can_cause_is_found) {
  BOOST_TEST(broken(rule::error_is_fitting, [](auto& run) {
    run.operations.push_back(save_at(1, 4 * second, 5 * second, 9, call_end::failed));
    run.operations.back().error = 8;
  }));
}

BOOST_AUTO_TEST_CASE(no_progress_after_a_fault_is_found) {
  BOOST_TEST(broken(rule::progress_after_faults, [](auto& run) { run.operations[2].returned = 34 * second; }));
  BOOST_TEST(broken(rule::progress_after_faults, [](auto& run) { run.faults.push_back({50 * second, 51 * second}); }));
  // A process that goes on and is told of nothing.
  BOOST_TEST(broken(rule::progress_after_faults, [](auto& r) {
    r.operations.push_back(save_at(3, 20 * second, 34 * second, 9, call_end::unknown));
  }));
  auto run = good_run(); // before the next fault there was no time
  run.faults.insert(run.faults.begin(), {second, 2 * second - 1});
  BOOST_TEST(check_run(run).violations.empty());
}

BOOST_AUTO_TEST_CASE(a_failure_far_from_every_fault_is_found) {
  for (auto const end : {call_end::failed, call_end::unknown}) {
    auto const with_one = [end](std::int64_t from, std::int64_t to) {
      return [=](run_record& run) {
        run.operations.push_back(save_at(1, from, to, 4, end));
        run.operations.back().error = 7;
      };
    };
    BOOST_TEST(broken(rule::no_failure_without_a_fault, with_one(34 * second, 34 * second)) == false); // no progress
    auto run = good_run();
    with_one(20 * second, 32 * second)(run);
    BOOST_TEST(check_run(run).violations.empty());
    BOOST_TEST(broken(rule::no_failure_without_a_fault, [&](run_record& r) { // it goes on, and far from the fault fails
      r.operations.push_back(save_at(1, 20 * second, 21 * second, 3, call_end::already_saved));
      with_one(40 * second, 41 * second)(r);
    }));
    BOOST_TEST(broken(rule::no_failure_without_a_fault, [&](run_record& r) { // a killed writer is no excuse for others
      r.faults.front().of_a_server = false;
      with_one(3 * second, 4 * second)(r);
    }));
  }
}

BOOST_AUTO_TEST_CASE(contested_is_what_several_processes_wanted_at_one_time) {
  auto run = good_run();
  BOOST_TEST(contested_versions(run.operations) == 0u);
  run.operations.push_back(save_at(2, 3 * second, 5 * second, 2, call_end::conflict));
  run.operations.push_back(
      save_at(1, 3 * second, 5 * second, 2, call_end::conflict)); // the same process as one of them
  BOOST_TEST(contested_versions(run.operations) == 1u);
  run.operations.push_back(save_at(1, 7 * second, 8 * second, 3, call_end::conflict)); // later
  BOOST_TEST(contested_versions(run.operations) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
