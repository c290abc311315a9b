// Making snapshots.
#include <aether/snapshot.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(snapshot)

BOOST_AUTO_TEST_CASE(make_snapshot_fills_every_field) {
  auto const before = std::chrono::system_clock::now();
  aether::actor_snapshot const s = aether::make_snapshot("order-42", 7, {{"total", 30}});
  auto const after = std::chrono::system_clock::now();
  BOOST_TEST(s.actor_id == "order-42");
  BOOST_TEST(s.version == 7);
  BOOST_TEST(s.state.at("total").as_int64() == 30);
  BOOST_TEST((s.timestamp >= before && s.timestamp <= after));
}

BOOST_AUTO_TEST_CASE(equality_looks_at_every_field) {
  aether::actor_snapshot const s = aether::make_snapshot("a-1", 1, {{"x", 1}});
  BOOST_TEST((aether::actor_snapshot(s) == s));
  auto other = s;
  other.actor_id += '!';
  BOOST_TEST((other != s));
  other = s;
  ++other.version;
  BOOST_TEST((other != s));
  other = s;
  other.state["x"] = 2;
  BOOST_TEST((other != s));
  other = s;
  other.timestamp += std::chrono::nanoseconds(1);
  BOOST_TEST((other != s));
}

BOOST_AUTO_TEST_SUITE_END()
