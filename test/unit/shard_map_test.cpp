// Shards on nodes: what moves, versions, and the map as JSON, read strictly.
#include <aether/shard_map.hpp>

#include <aether/error.hpp>

#include <support/child_process.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <set>

BOOST_AUTO_TEST_SUITE(shard_maps)

using namespace aether;
namespace json = boost::json;

namespace {

shard_map map_of(int nodes, std::size_t shards = 0, std::size_t replicas = 0) {
  shard_map_config config;
  config.shard_count = shards;
  config.replication_factor = replicas;
  shard_map map(config);
  std::vector<ring_node> all;
  for (int i = 0; i < nodes; ++i)
    all.emplace_back("node-" + std::to_string(i));
  map.set_nodes(std::move(all));
  return map;
}

bool is_refused(std::function<void()> const& call) {
  try {
    call();
  } catch (error const& e) {
    return e.code() == errc::invalid_argument;
  }
  return false;
}

json::object with(json::object o, std::string_view name, json::value value) {
  o[name] = std::move(value);
  return o;
}

} // namespace

BOOST_AUTO_TEST_CASE(defaults_and_bounds) {
  shard_map const map;
  BOOST_TEST(map.shard_count() == 1024u);
  BOOST_TEST(map.replication_factor() == 1u);
  BOOST_TEST(map.ring().virtual_nodes() == 150u);
  BOOST_TEST(map.version() == 0);
  BOOST_TEST(map.owners_of(0).empty());
  BOOST_TEST(is_refused([&] { static_cast<void>(map.owner_of(0)); }));
  BOOST_TEST(is_refused([&] { static_cast<void>(map.owners_of(1024)); }));
  shard_map_config config;
  config.shard_count = 65'537;
  BOOST_TEST(is_refused([&] { shard_map{config}; }));
  config.shard_count = 1;
  config.replication_factor = 17;
  BOOST_TEST(is_refused([&] { shard_map{config}; }));
  config.replication_factor = 1;
  config.virtual_nodes = 10'001;
  BOOST_TEST(is_refused([&] { shard_map{config}; }));
}

BOOST_AUTO_TEST_CASE(owners_never_change) {
  auto const all = json::parse(test::read_file(AETHER_SOURCE_DIR "/test/unit/hash_ring_vectors.json")).as_object();
  auto const& o = all.at("shardMap").as_object();
  shard_map_config config;
  config.shard_count = o.at("shardCount").to_number<std::size_t>();
  config.replication_factor = o.at("replicationFactor").to_number<std::size_t>();
  shard_map map(config);
  for (auto const& n : o.at("nodes").as_array())
    map.add_node(std::string(n.as_array()[0].as_string()), n.as_array()[1].to_number<std::size_t>());
  auto const& owners = o.at("owners").as_array();
  for (std::size_t s = 0; s < owners.size(); ++s) {
    auto const found = map.owners_of(s);
    BOOST_TEST_REQUIRE(found.size() == 2u);
    BOOST_TEST(std::string_view(found[0]) == std::string_view(owners[s].as_array()[0].as_string()));
    BOOST_TEST(std::string_view(found[1]) == std::string_view(owners[s].as_array()[1].as_string()));
  }
  for (auto const& row : o.at("shardOf").as_array())
    BOOST_TEST(map.shard_of(std::string_view(row.as_array()[0].as_string())) ==
               row.as_array()[1].to_number<std::size_t>());
}

BOOST_AUTO_TEST_CASE(a_node_that_comes_takes_its_share_and_no_more_moves) {
  auto map = map_of(9);
  auto const before = map;
  auto const moves = map.add_node("new");
  BOOST_TEST(map.version() == before.version() + 1);
  BOOST_TEST(moves.size() == map.shards_of("new").size());
  BOOST_TEST((moves.size() > 60 && moves.size() < 150), moves.size());
  for (auto const& m : moves) {
    BOOST_TEST(m.to == "new");
    BOOST_TEST(m.from == before.owner_of(m.shard));
    BOOST_TEST(map.owner_of(m.shard) == "new");
  }
  auto const back = map.remove_node("new");
  BOOST_TEST(back.size() == moves.size());
  for (auto const& m : back)
    BOOST_TEST(m.from == "new");
  for (std::size_t s = 0; s < map.shard_count(); ++s)
    BOOST_TEST(map.owner_of(s) == before.owner_of(s));
}

BOOST_AUTO_TEST_CASE(replicas_move_alone) {
  auto map = map_of(5, 256, 3);
  auto const before = map;
  auto const moves = map.remove_node("node-2");
  BOOST_TEST(moves.size() == before.shards_of("node-2").size());
  std::set<std::size_t> seen;
  for (auto const& m : moves) {
    BOOST_TEST(m.from == "node-2");
    BOOST_TEST(!m.to.empty());
    BOOST_TEST(seen.insert(m.shard).second);
  }
  for (std::size_t s = 0; s < map.shard_count(); ++s) {
    auto expected = before.owners_of(s);
    auto const owners = map.owners_of(s);
    BOOST_TEST(owners.size() == 3u);
    std::erase(expected, "node-2"); // who stays keeps the order, so that the second one leads after the first
    BOOST_TEST(std::equal(expected.begin(), expected.end(), owners.begin()));
  }
}

BOOST_AUTO_TEST_CASE(with_too_few_nodes_each_owns_everything) {
  auto map = map_of(2, 16, 3);
  BOOST_TEST(map.owners_of(3).size() == 2u);
  auto const more = map.add_node("third");
  BOOST_TEST(more.size() == 16u);
  for (auto const& m : more) {
    BOOST_TEST(m.from.empty());
    BOOST_TEST(m.to == "third");
  }
  auto const fewer = map.remove_node("node-0");
  BOOST_TEST(fewer.size() == 16u);
  for (auto const& m : fewer) {
    BOOST_TEST(m.from == "node-0");
    BOOST_TEST(m.to.empty());
  }
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_moves_nothing) {
  auto map = map_of(4);
  auto const before = map;
  BOOST_TEST(map.add_node("node-1").empty());
  BOOST_TEST(map.remove_node("nobody").empty());
  BOOST_TEST((map == before));
  BOOST_TEST(!map.add_node("node-1", 3).empty());
  BOOST_TEST(map.version() == before.version() + 1);
  BOOST_TEST(map.shards_of("node-1").size() > before.shards_of("node-1").size());
  BOOST_TEST(is_refused([&] { static_cast<void>(moves_between(map, map_of(4, 8))); }));
}

BOOST_AUTO_TEST_CASE(one_change_of_several_nodes_is_one_version) {
  auto map = map_of(3);
  std::vector<ring_node> nodes;
  nodes.emplace_back("node-0");
  nodes.emplace_back("other", 2);
  auto const before = map;
  auto const moves = map.set_nodes(std::move(nodes));
  BOOST_TEST(map.version() == before.version() + 1);
  BOOST_TEST((moves == moves_between(before, map)));
  BOOST_TEST(map.ring().size() == 2u);
}

BOOST_AUTO_TEST_CASE(json_both_ways) {
  for (int nodes : {0, 1, 5})
    for (std::size_t replicas : {1u, 2u}) {
      auto const map = map_of(nodes, 64, replicas);
      auto const text = json::serialize(map.to_json());
      BOOST_TEST((shard_map::from_json(json::parse(text).as_object()) == map));
    }
  auto const small = map_of(1, 2).to_json();
  BOOST_TEST(json::serialize(small) ==
             R"({"format":1,"hash":"siphash-2-4-128","version":1,"shardCount":2,"replicationFactor":1,)"
             R"("virtualNodes":150,"nodes":[{"name":"node-0","weight":1}],"owners":[[0],[0]]})");
}

BOOST_AUTO_TEST_CASE(json_that_is_no_map_is_refused) {
  auto const good = json::parse(json::serialize(map_of(3, 4).to_json())).as_object();
  for (auto const& [name, value] : good) {
    auto without = good;
    without.erase(name);
    BOOST_TEST(is_refused([&] { static_cast<void>(shard_map::from_json(without)); }), "without " << name);
    BOOST_TEST(is_refused([&] { static_cast<void>(shard_map::from_json(with(good, name, nullptr))); }), name);
    BOOST_TEST(is_refused([&] { static_cast<void>(shard_map::from_json(with(good, name, -1))); }), name);
    BOOST_TEST(is_refused([&] { static_cast<void>(shard_map::from_json(with(good, name, 1e300))); }), name);
    BOOST_TEST(is_refused([&] { static_cast<void>(shard_map::from_json(with(good, name, json::array{7}))); }), name);
  }
  auto const refused = [&](std::string_view name, char const* text) {
    return is_refused([&] { static_cast<void>(shard_map::from_json(with(good, name, json::parse(text)))); });
  };
  BOOST_TEST(refused("format", "2"));
  BOOST_TEST(refused("hash", R"("md5")"));
  BOOST_TEST(refused("shardCount", "5"));
  BOOST_TEST(refused("shardCount", "70000"));
  BOOST_TEST(refused("version", "9223372036854775808"));
  BOOST_TEST(refused("owners", "[[0],[1],[2],[3]]"));
  BOOST_TEST(refused("owners", "[]"));
  BOOST_TEST(refused("nodes", R"([{"name":"b","weight":1},{"name":"a","weight":1},{"name":"c","weight":1}])"));
  BOOST_TEST(refused("nodes", R"([{"name":"a","weight":0}])"));
  BOOST_TEST(refused("nodes", R"([{"name":"a"}])"));
}

BOOST_AUTO_TEST_SUITE_END()
