// Consistent hashing: what must never change, what moves when nodes come and go, and how evenly keys spread.
#include <aether/hash_ring.hpp>

#include <aether/error.hpp>

#include <support/child_process.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <map>

BOOST_AUTO_TEST_SUITE(hash_rings)

using namespace aether;
namespace json = boost::json;

namespace {

json::object vectors() {
  return json::parse(test::read_file(AETHER_SOURCE_DIR "/test/unit/hash_ring_vectors.json")).as_object();
}

std::string text(json::value const& v) { return std::string(std::string_view(v.as_string())); }

std::vector<std::string> texts(json::value const& v) {
  std::vector<std::string> out;
  for (auto const& item : v.as_array())
    out.push_back(text(item));
  return out;
}

hash_ring ring_of(json::array const& nodes, std::size_t virtual_nodes) {
  hash_ring ring(virtual_nodes);
  for (auto const& n : nodes)
    ring.add(text(n.as_array()[0]), n.as_array()[1].to_number<std::size_t>());
  return ring;
}

std::string key(int i) { return "order-" + std::to_string(i); }

hash_ring ring_of_size(int nodes) {
  std::vector<ring_node> all;
  for (int i = 0; i < nodes; ++i)
    all.emplace_back("node-" + std::to_string(i));
  hash_ring ring;
  ring.add(std::move(all));
  return ring;
}

errc code_of(std::function<void()> const& call) {
  try {
    call();
  } catch (error const& e) {
    return static_cast<errc>(e.code().value());
  }
  return errc{};
}

} // namespace

BOOST_AUTO_TEST_CASE(hashes_never_change) {
  auto const all = vectors();
  for (auto const& row : all.at("hashes").as_array())
    BOOST_TEST(std::to_string(placement_hash(text(row.as_array()[0]))) == text(row.as_array()[1]));
}

BOOST_AUTO_TEST_CASE(places_never_change) {
  auto const all = vectors();
  for (auto const& item : all.at("rings").as_array()) {
    auto const& o = item.as_object();
    auto const ring = ring_of(o.at("nodes").as_array(), o.at("virtualNodes").to_number<std::size_t>());
    for (auto const& walk : o.at("walks").as_array()) {
      auto const name = text(walk.as_array()[0]);
      auto const expected = texts(walk.as_array()[1]);
      BOOST_TEST(ring.nodes_of(name, 3) == expected, boost::test_tools::per_element());
      BOOST_TEST(ring.node_of(name) == expected.front());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_order_in_which_nodes_come_does_not_matter) {
  hash_ring a, b;
  for (int i = 0; i < 10; ++i)
    a.add("node-" + std::to_string(i));
  b.add("gone", 7);
  b.add("node-3", 9);
  for (int i = 9; i >= 0; --i)
    b.add("node-" + std::to_string(i));
  b.remove("gone");
  BOOST_TEST((a == b));
  for (int i = 0; i < 1000; ++i)
    BOOST_TEST(a.node_of(key(i)) == b.node_of(key(i)));
}

BOOST_AUTO_TEST_CASE(one_that_comes_takes_only_for_itself_and_one_that_goes_gives_only_its_own) {
  constexpr int keys = 20'000;
  auto const before = ring_of_size(9);
  auto after = before;
  after.add("new");
  int moved = 0;
  for (int i = 0; i < keys; ++i)
    if (auto const& now = after.node_of(key(i)); now != before.node_of(key(i))) {
      ++moved;
      BOOST_TEST(now == "new");
    }
  BOOST_TEST(moved > keys / 10 * 0.8);
  BOOST_TEST(moved < keys / 10 * 1.2);
  after.remove("new");
  BOOST_TEST((after == before));
  after.remove("node-4");
  for (int i = 0; i < keys; ++i)
    if (auto const& was = before.node_of(key(i)); was != "node-4")
      BOOST_TEST(after.node_of(key(i)) == was);
}

BOOST_AUTO_TEST_CASE(replicas_are_distinct_and_the_next_one_takes_over) {
  auto const ring = ring_of_size(7);
  for (int i = 0; i < 500; ++i) {
    auto const three = ring.nodes_of(key(i), 3);
    BOOST_TEST_REQUIRE(three.size() == 3u);
    BOOST_TEST(three.front() == ring.node_of(key(i)));
    BOOST_TEST((three[0] != three[1] && three[1] != three[2] && three[0] != three[2]));
    auto without = ring;
    without.remove(three[0]);
    BOOST_TEST(without.node_of(key(i)) == three[1]);
  }
  BOOST_TEST(ring.nodes_of("a", 0).empty());
  BOOST_TEST(ring.nodes_of("a", 100).size() == 7u);
  BOOST_TEST(hash_ring().nodes_of("a", 1).empty());
}

BOOST_AUTO_TEST_CASE(weights_are_shares) {
  constexpr int keys = 60'000;
  hash_ring ring;
  ring.add("one", 1);
  ring.add("two", 2);
  ring.add("three", 3);
  std::map<std::string, int> count;
  for (int i = 0; i < keys; ++i)
    ++count[ring.node_of(key(i))];
  for (auto const& n : ring.nodes()) {
    auto const share = static_cast<double>(count[n.name]) / keys, wanted = static_cast<double>(n.weight) / 6;
    BOOST_TEST(std::abs(share / wanted - 1) < 0.25, n.name << " has " << share << " instead of " << wanted);
  }
}

BOOST_AUTO_TEST_CASE(keys_spread_evenly) {
  constexpr int keys = 100'000;
  auto const ring = ring_of_size(10);
  std::map<std::string, int> count;
  for (int i = 0; i < keys; ++i)
    ++count[ring.node_of(key(i))];
  for (auto const& [name, n] : count)
    BOOST_TEST((n > 0.75 * keys / 10 && n < 1.3 * keys / 10), name << " has " << n);
}

BOOST_AUTO_TEST_CASE(what_is_asked_of_nobody_and_nonsense_are_refused) {
  hash_ring ring(10);
  BOOST_TEST((code_of([&] { static_cast<void>(ring.node_of("a")); }) == errc::invalid_argument));
  BOOST_TEST((code_of([&] { ring.add(""); }) == errc::invalid_id));
  BOOST_TEST((code_of([&] { ring.add(std::string(256, 'n')); }) == errc::invalid_id));
  BOOST_TEST((code_of([&] { ring.add("\xFF"); }) == errc::invalid_id));
  BOOST_TEST((code_of([&] { ring.add("a", hash_ring::max_weight + 1); }) == errc::invalid_argument));
  BOOST_TEST((code_of([] { hash_ring(hash_ring::max_virtual_nodes + 1); }) == errc::invalid_argument));
  BOOST_TEST(ring.empty());

  hash_ring full(hash_ring::max_virtual_nodes);
  full.add("a", 300);
  BOOST_TEST((code_of([&] { full.add("b", 200); }) == errc::invalid_argument));
  BOOST_TEST(full.size() == 1u);
  BOOST_TEST(full.node_of("x") == "a");

  BOOST_TEST(hash_ring().virtual_nodes() == 150u);
  ring.add("a");
  BOOST_TEST(ring.nodes().front().weight == 1u);
  BOOST_TEST(ring.contains("a"));
  BOOST_TEST(!ring.contains("b"));
  BOOST_TEST(!ring.remove("b"));
  BOOST_TEST(ring.remove("a"));
  BOOST_TEST(ring.empty());
}

BOOST_AUTO_TEST_SUITE_END()
