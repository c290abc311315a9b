// Fault plans: nonsense is named, a seed tells everything, and what is drawn is as likely and as long as it says.
#include "testing/fault_draw.hpp"
#include "testing/outage_times.hpp"

#include <aether/error.hpp>
#include <support/events.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(testing_fault_plan)

using namespace aether::testing;
using namespace aether::testing::detail;
using namespace std::chrono_literals;
using aether::errc;

namespace {

template <class Change> void refused(std::string const& option, Change change) {
  fault_plan plan;
  change(plan);
  try {
    plan.validate();
    BOOST_ERROR("taken: " << option);
  } catch (aether::error const& e) {
    BOOST_TEST(e.code() == make_error_code(errc::invalid_argument));
    BOOST_TEST(std::string(e.what()).find(option) != std::string::npos, e.what());
  }
}

fault_plan every_fault() {
  fault_plan plan;
  plan.seed = 42;
  plan.lose_acknowledgement = 0.1;
  plan.lose_request = 0.15;
  plan.store_late = 0.05;
  plan.fail_save = 0.2;
  plan.conflict = 0.1;
  plan.fail_read = 0.3;
  plan.outage = 0.02;
  plan.min_delay = 1ms;
  plan.max_delay = 9ms;
  plan.min_lateness = 1s;
  return settled(plan);
}

bool same(drawn_faults const& a, drawn_faults const& b) {
  return a.what == b.what && a.outage_at == b.outage_at && a.there == b.there && a.back == b.back &&
         a.lateness == b.lateness && a.outage == b.outage;
}

} // namespace

BOOST_AUTO_TEST_CASE(nonsense_is_named) {
  fault_plan().validate();
  every_fault().validate();
  refused("lose_acknowledgement", [](fault_plan& p) { p.lose_acknowledgement = -0.1; });
  refused("lose_request", [](fault_plan& p) { p.lose_request = 1.1; });
  refused("store_late", [](fault_plan& p) { p.store_late = std::numeric_limits<double>::quiet_NaN(); });
  refused("fail_save", [](fault_plan& p) { p.fail_save = 2; });
  refused("conflict", [](fault_plan& p) { p.conflict = -1; });
  refused("fail_read", [](fault_plan& p) { p.fail_read = std::numeric_limits<double>::infinity(); });
  refused("outage is", [](fault_plan& p) { p.outage = 7; });
  refused("saves", [](fault_plan& p) { p.conflict = p.lose_request = 0.6; });
  refused("reads", [](fault_plan& p) { p.fail_read = p.outage = 0.6; });
  refused("min_delay", [](fault_plan& p) { p.min_delay = -1ns; });
  refused("max_delay", [](fault_plan& p) { p.max_delay = -1ns; });
  refused("max_lateness", [](fault_plan& p) { p.min_lateness = 2s, p.max_lateness = 1s; });
  refused("max_outage", [](fault_plan& p) { p.min_outage = 2s, p.max_outage = 1s; });
  refused("outages", [](fault_plan& p) { p.outages.push_back({2s, 2s}); });
  refused("outages", [](fault_plan& p) { p.outages.push_back({-1s, 2s}); });
  refused("answer_wait", [](fault_plan& p) { p.answer_wait = -1s; });
  refused("operation_timeout", [](fault_plan& p) { p.operation_timeout = -1s; });
  refused("rival_data", [](fault_plan& p) { p.rival_data["by"] = "me"; });
  refused("rival_type", [](fault_plan& p) { p.rival_type = std::string(300, 'x'); });
}

BOOST_AUTO_TEST_CASE(zero_is_the_default) {
  fault_plan plan = settled(fault_plan());
  BOOST_TEST((plan.max_delay == 0s));
  BOOST_TEST((plan.max_lateness == 10s));
  BOOST_TEST((plan.max_outage == 20s));
  BOOST_TEST((plan.operation_timeout == 10s));
  plan = fault_plan();
  plan.min_delay = 3s;
  plan.min_lateness = 1min;
  plan = settled(plan);
  BOOST_TEST((plan.max_delay == 3s));
  BOOST_TEST((plan.max_lateness == 1min));
}

BOOST_AUTO_TEST_CASE(the_nth_call_of_a_seed_always_meets_the_same) {
  fault_plan const plan = every_fault();
  fault_plan other = plan;
  other.seed = 43;
  int differ = 0;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    BOOST_TEST(same(draw(plan, operation::save, n), draw(plan, operation::save, n)));
    differ += !same(draw(plan, operation::save, n), draw(other, operation::save, n));
    differ += !same(draw(plan, operation::save, n), draw(plan, operation::read, n));
    differ += !same(draw(plan, operation::save, n), draw(plan, operation::save, n + 1));
  }
  BOOST_TEST(differ > 2900);
}

BOOST_AUTO_TEST_CASE(faults_are_as_likely_as_the_plan_says) {
  fault_plan const plan = every_fault();
  constexpr int calls = 100'000;
  struct row {
    operation kind;
    fault what;
    double probability;
  };
  row const table[] = {
      {operation::save, fault::lose_acknowledgement, 0.1},
      {operation::save, fault::lose_request, 0.15},
      {operation::save, fault::store_late, 0.05},
      {operation::save, fault::fail, 0.2},
      {operation::save, fault::conflict, 0.1},
      {operation::save, fault::outage, 0.02},
      {operation::save, fault::none, 0.38},
      {operation::save_snapshot, fault::conflict, 0},
      {operation::save_snapshot, fault::none, 0.48},
      {operation::read, fault::fail, 0.3},
      {operation::read, fault::outage, 0.02},
      {operation::read, fault::none, 0.68},
  };
  std::map<std::pair<operation, fault>, int> seen;
  for (operation const kind : {operation::save, operation::save_snapshot, operation::read})
    for (std::uint64_t n = 0; n < calls; ++n)
      ++seen[{kind, draw(plan, kind, n).what}];
  for (row const& r : table)
    BOOST_TEST(std::abs(seen[std::pair(r.kind, r.what)] / double(calls) - r.probability) < 0.01,
               static_cast<int>(r.kind) << '/' << static_cast<int>(r.what));
}

BOOST_AUTO_TEST_CASE(a_certain_fault_always_happens_and_none_never) {
  fault_plan certain;
  certain.conflict = 1;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    BOOST_TEST((draw(settled(certain), operation::save, n).what == fault::conflict));
    BOOST_TEST((draw(settled(fault_plan()), operation::save, n).what == fault::none));
  }
}

BOOST_AUTO_TEST_CASE(durations_are_within_their_range_and_reach_its_ends) {
  fault_plan plan = every_fault();
  plan.min_outage = 3ns;
  plan.max_outage = 5ns;
  std::map<std::chrono::nanoseconds, int> outages;
  std::map<stage, int> stages;
  auto least = std::chrono::nanoseconds::max(), most = std::chrono::nanoseconds::min();
  for (std::uint64_t n = 0; n < 10'000; ++n) {
    drawn_faults const d = draw(plan, operation::save, n);
    ++outages[d.outage];
    ++stages[d.outage_at];
    for (auto const delay : {d.there, d.back}) {
      least = std::min(least, delay);
      most = std::max(most, delay);
    }
  }
  BOOST_TEST(outages.size() == 3u);
  BOOST_TEST((outages.contains(3ns) && outages.contains(5ns)));
  BOOST_TEST(stages.size() == 3u);
  BOOST_TEST((least >= 1ms && least < 1100us));
  BOOST_TEST((most <= 9ms && most > 8900us));
}

BOOST_AUTO_TEST_CASE(a_rival_is_another_event_at_the_same_version) {
  aether::event const e = aether::test::event_of("order-1", 7);
  fault_plan plan;
  aether::event const rival = make_rival(e, plan, 3);
  BOOST_TEST(rival.id != e.id);
  BOOST_TEST(rival.actor_id == e.actor_id);
  BOOST_TEST(rival.version == 7);
  BOOST_TEST(rival.event_type == e.event_type);
  BOOST_TEST((rival == make_rival(e, plan, 3)));
  BOOST_TEST(rival.id != make_rival(e, plan, 4).id);
  BOOST_TEST(rival.id != make_rival(aether::test::event_of("order-1", 7), plan, 3).id);
}

BOOST_AUTO_TEST_CASE(outages_begin_and_end) {
  aether::time_point const start(100s), never = aether::time_point::max();
  outage_times times({{1s, 2s}, {5s, 7s}, {6s, 9s}, {20s, std::chrono::nanoseconds::max()}}, start);
  struct row {
    std::chrono::seconds at;
    std::chrono::seconds ends; // the same: there is none
  };
  for (row const& r : {row{0s, 0s}, row{1s, 2s}, row{2s, 2s}, row{4s, 4s}, row{5s, 9s}, row{8s, 9s}, row{9s, 9s}}) {
    BOOST_TEST((times.end_of(start + r.at) == start + r.ends), r.at.count());
    BOOST_TEST(times.at(start + r.at) == (r.ends > r.at), r.at.count());
  }
  BOOST_TEST((times.end_of(start + 21s) == never));
  times.begin(start + 5s); // up to where another begins
  BOOST_TEST((times.end_of(start + 3s) == start + 9s));
  times.begin(start + 4s); // does not shorten it
  BOOST_TEST((times.end_of(start + 3s) == start + 9s));
  times.begin_by_hand();
  BOOST_TEST((times.end_of(start + 3s) == never));
  times.end();
  BOOST_TEST(!times.at(start + 3s));
  BOOST_TEST(times.at(start + 5s)); // by schedule
}

BOOST_AUTO_TEST_SUITE_END()
