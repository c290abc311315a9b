// Every operation, ended at its suspension points: cancelled, by its deadline, by its owners going. It ends, nothing is
// left, what it says is so, and what it said of a save is what the stream holds.
#include "fault/campaign/cancel_matrix.hpp"

#include <support/nats_server.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>

using namespace aether;
using namespace aether::fault;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace {

// AETHER_CAMPAIGN=1 takes every suspension point.
int stride() { return std::getenv("AETHER_CAMPAIGN") ? 1 : 4; }

struct way_of_ending {
  ending how;
  bool two_contexts;
};
constexpr way_of_ending ways[] = {
    {ending::signal, false},          {ending::signal, true},          {ending::stalled_deadline, true},
    {ending::late_deadline, false},   {ending::handles, false},        {ending::handles, true},
    {ending::callers_context, false}, {ending::callers_context, true}, {ending::homes_context, true},
};

void run_all(nats_server& server, std::vector<tried_call> const& operations) {
  cancel_matrix matrix(server.port(), stride());
  for (auto const& o : operations) {
    int points = 0;
    for (auto const& w : ways) {
      auto const counts = matrix.run(o, w.how, w.two_contexts);
      for (auto const& text : counts.wrong)
        BOOST_ERROR(w.how << (w.two_contexts ? ", two contexts: " : ", one context: ") << text);
      points += counts.points;
      BOOST_TEST(counts.points >= 1, o.name << ": never " << w.how);
    }
    for (auto const& text : matrix.check_saves())
      BOOST_ERROR(o.name << ": " << text);
    BOOST_TEST_MESSAGE(o.name << ": ended at " << points << " points");
    BOOST_TEST(points >= (stride() == 1 ? 40 : 15), o.name << " was ended at too few points");
  }
}

BOOST_AUTO_TEST_SUITE(cancel_matrices, *boost::unit_test::precondition(has_nats_server))

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
