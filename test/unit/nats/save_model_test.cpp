// Random walks over simulated servers, stores and faults: no walk breaks a promise, and every save ends.
#include "save_model.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(save_model_walks)

using namespace save_model;

namespace {

#ifdef AETHER_TEST_SANITIZED
constexpr std::uint64_t walks_per_row = 3'000;
#else
constexpr std::uint64_t walks_per_row = 15'000;
#endif

/// Runs walks of different lengths, the short ones first, and shows the first one that breaks a promise.
std::optional<tally> run_walks(walk_settings settings) {
  tally ends;
  for (std::uint64_t seed = 1; seed <= walks_per_row; ++seed) {
    settings.events = seed % 4 == 0 ? 120 : seed % 4 == 1 ? 30 : 60;
    walk w(settings, seed, ends);
    if (w.run().empty())
      continue;
    walk again(settings, seed, ends, true);
    again.run();
    std::string told;
    for (auto const& line : again.trace())
      told += "\n  " + line;
    BOOST_ERROR("seed " << seed << ": " << again.run() << told);
    return std::nullopt;
  }
  BOOST_TEST_MESSAGE("saved " << ends.saved << ", already " << ends.already << ", conflicts " << ends.conflict
                              << " and by expectation " << ends.expectation << ", unknown " << ends.unknown << " ("
                              << ends.resolved << " resolved at rest), timed out " << ends.timed_out
                              << ", duplicate ids " << ends.duplicate_id << ", longest " << ends.longest);
  return ends;
}

void holds_on(server_kind kind) {
  for (bool const batches : {false, true})
    for (bool const retention : {false, true})
      BOOST_TEST_CONTEXT((batches ? "batches, " : "single events, ") << (retention ? "retention" : "nothing expires")) {
        auto const ends = run_walks({.kind = kind, .batches = batches, .retention = retention});
        // Walks that reach nothing prove nothing.
        if (!ends)
          continue;
        for (auto const count : {ends->saved, ends->already, ends->conflict, ends->expectation, ends->unknown,
                                 ends->resolved, ends->timed_out, ends->duplicate_id})
          BOOST_TEST(count > walks_per_row / 1'000);
      }
}

} // namespace

BOOST_AUTO_TEST_CASE(promises_hold_where_the_id_is_checked_first) { holds_on(server_kind::dedupe_first); }
BOOST_AUTO_TEST_CASE(promises_hold_where_the_expectation_is_checked_first) { holds_on(server_kind::expectation_first); }
BOOST_AUTO_TEST_CASE(promises_hold_with_replicas) { holds_on(server_kind::replicas_dedupe_first); }
BOOST_AUTO_TEST_CASE(promises_hold_with_replicas_that_check_the_expectation_first) {
  holds_on(server_kind::replicas_expectation_first);
}

BOOST_AUTO_TEST_CASE(saves_end_on_a_server_that_lost_its_tail) {
  for (auto const kind :
       {server_kind::dedupe_first, server_kind::expectation_first, server_kind::replicas_dedupe_first})
    run_walks({.kind = kind, .batches = true, .retention = true, .loses_tail = true});
}

BOOST_AUTO_TEST_SUITE_END()
