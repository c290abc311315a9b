// Every operation, ended at its suspension points: cancelled, by its deadline, by its owners going. It ends, nothing is
// left, what it says is so, and what it said of a save is what the stream holds.
#include "fault/campaign/cancel_matrix.hpp"

#include <support/nats_server.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>

BOOST_AUTO_TEST_SUITE(cancel_matrices, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::fault;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace {

// AETHER_CAMPAIGN=1 takes every suspension point.
int stride() { return std::getenv("AETHER_CAMPAIGN") ? 1 : 4; }

struct way_of_ending {
  ending how;
  contexts where;
};

std::vector<way_of_ending> ways() {
  using enum contexts;
  std::vector<way_of_ending> all = {{ending::signal, one},
                                    {ending::signal, callers_first},
                                    {ending::stalled_signal, callers_first},
                                    {ending::stalled_signal, one},
                                    {ending::stalled_deadline, callers_first},
                                    {ending::late_deadline, one},
                                    {ending::handles, one},
                                    {ending::handles, callers_first},
                                    {ending::callers_context, one},
                                    {ending::callers_context, callers_first},
                                    {ending::homes_context, callers_first}};
  if (stride() == 1)
    for (auto const e :
         {ending::signal, ending::late_deadline, ending::handles, ending::callers_context, ending::homes_context})
      all.push_back({e, home_first});
  return all;
}

char const* words_of(contexts where) {
  return where == contexts::one             ? ", one context: "
         : where == contexts::callers_first ? ", two contexts, the caller's first: "
                                            : ", two contexts, the connection's first: ";
}

void run_all(nats_server& server, std::vector<tried_call> const& operations) {
  cancel_matrix matrix(server.port(), stride());
  for (auto const& o : operations) {
    int points = 0, longest = 0;
    for (auto const& w : ways()) {
      auto const counts = matrix.run(o, w.how, w.where);
      for (auto const& text : counts.wrong)
        BOOST_ERROR(w.how << words_of(w.where) << text);
      points += counts.points;
      longest = std::max(longest, counts.points);
      BOOST_TEST(counts.points >= 1, o.name << ": never " << w.how);
    }
    for (auto const& text : matrix.check_saves())
      BOOST_ERROR(o.name << ": " << text);
    BOOST_TEST_MESSAGE(o.name << ": ended at " << points << " points, up to " << longest << " in one way");
    BOOST_TEST(points >= (stride() == 1 ? 40 : 15), o.name << " was ended at too few points");
  }
}

BOOST_AUTO_TEST_CASE(saves_end_at_any_point) {
  nats_server server;
  run_all(server, save_operations(server.at_least(2, 12, 1)));
}

BOOST_AUTO_TEST_CASE(reads_end_at_any_point) {
  nats_server server;
  make_history(server.url());
  run_all(server, read_operations());
}

BOOST_AUTO_TEST_CASE(opening_and_closing_a_store_end_at_any_point) {
  nats_server server;
  make_history(server.url());
  run_all(server, store_operations());
}

BOOST_AUTO_TEST_CASE(calls_of_a_connection_end_at_any_point) {
  nats_server server;
  run_all(server, connection_operations());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
