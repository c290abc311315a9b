// Nodes on a server: joining, leaving, dying, names used twice, and a bucket that goes with its server.
#include <fault/proxy.hpp>
#include <integration/lossy_proxy.hpp>
#include <integration/short_lease.hpp>
#include <integration/store_support.hpp>
#include <support/nats_py.hpp>
#include <support/recording_logger.hpp>

#include <aether/nats/placement.hpp>
#include <aether/task_group.hpp>

#include <boost/json/parse.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>

BOOST_AUTO_TEST_SUITE(placement_nodes, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;
using nats::placement_options;

namespace {

placement_options as_node(std::string name, std::chrono::nanoseconds lease = short_lease) {
  placement_options o;
  o.node = std::move(name);
  o.lease = lease;
  return o;
}

struct joined_node {
  jetstream_event_store store;
  nats::placement where;

  joined_node() = default;
};

awaitable<joined_node> join(std::string url, std::string stream, placement_options options) {
  joined_node n;
  n.store = co_await open_store(std::move(url), std::move(stream));
  n.where = co_await nats::placement::join(n.store, std::move(options));
  co_return n;
}

awaitable<joined_node> join(std::string stream, placement_options options) {
  return join(shared_server().url(), std::move(stream), std::move(options));
}

std::string names(placement_view const& view) {
  std::string all;
  for (auto const& n : view.nodes)
    all += (all.empty() ? "" : " ") + n.name;
  return all;
}

/// Until the node sees these.
awaitable<void> until_sees(nats::placement where, std::string wanted) {
  for (auto view = where.view(); names(*view) != wanted;) {
    auto const next = co_await where.wait_for_change(view->epoch, within(30s));
    view = next;
  }
}

awaitable<void> until_state(nats::placement where, placement_state wanted) {
  for (auto view = where.view(); view->state != wanted;) {
    auto const next = co_await where.wait_for_change(view->epoch, within(30s));
    view = next;
  }
}

/// Whether the bucket has a message under this key.
awaitable<bool> has_key(raw_client raw, std::string bucket, std::string key) {
  boost::json::object question;
  question["last_by_subj"] = "$KV." + bucket + '.' + key;
  auto const code = co_await raw.api_error("STREAM.MSG.GET.KV_" + bucket, std::move(question));
  co_return code == 0;
}

std::string record(std::string const& node, std::string const& incarnation, int renewal = 1) {
  return R"({"v":1,"node":")" + node + R"(","incarnation":")" + incarnation + R"(","renewal":)" +
         std::to_string(renewal) + R"(,"weight":1})";
}

} // namespace

BOOST_AUTO_TEST_CASE(nodes_find_each_other_and_agree) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto options = as_node("a");
    options.data = "10.0.0.1";
    auto a = co_await join(stream, std::move(options));
    BOOST_TEST(a.where.is_live());
    BOOST_TEST(names(*a.where.view()) == "a");
    BOOST_TEST(a.where.owns("account-1"));
    options = as_node("b.2/\xC3\xB6");
    options.weight = 3;
    auto b = co_await join(stream, std::move(options));
    co_await until_sees(a.where, "a b.2/\xC3\xB6");
    BOOST_TEST((a.where.view()->nodes == b.where.view()->nodes));
    BOOST_TEST((a.where.view()->ring == b.where.view()->ring));
    BOOST_TEST(b.where.view()->find("a")->data == "10.0.0.1");
    int of_b = 0;
    for (int i = 0; i < 400; ++i) {
      auto const id = "account-" + std::to_string(i);
      BOOST_TEST(a.where.owns(id) != b.where.owns(id));
      of_b += b.where.owns(id) ? 1 : 0;
    }
    BOOST_TEST(of_b > 200); // three quarters
    co_await a.where.leave();
    co_await b.where.leave();
  });
}

BOOST_AUTO_TEST_CASE(who_leaves_is_gone_at_once) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a", 60s));
    auto b = co_await join(stream, as_node("b", 60s));
    auto dropped = co_await join(stream, as_node("c", 60s));
    co_await until_sees(a.where, "a b c");
    auto const began = std::chrono::steady_clock::now();
    co_await b.where.leave();
    BOOST_TEST(!b.where.is_live());
    BOOST_TEST((b.where.view()->state == placement_state::left));
    BOOST_TEST(b.where.owner_of("account-1") == "");
    co_await b.where.leave();
    dropped.where = nats::placement(); // the last handle
    co_await until_sees(a.where, "a");
    BOOST_TEST((std::chrono::steady_clock::now() - began < scaled(10s)));
    auto const over = co_await failure_of(b.where.wait_for_change(b.where.view()->epoch));
    BOOST_TEST(over.code == errc::closed);
    auto again = co_await join(stream, as_node("b", 60s)); // the name is free
    co_await until_sees(a.where, "a b");
  });
}

BOOST_AUTO_TEST_CASE(the_bucket_is_kept_in_memory_with_the_lease_as_its_age) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a"));
    BOOST_TEST(a.where.bucket() == stream + "_nodes");
    auto raw = co_await raw_client::connect();
    auto const config = co_await raw.stream_config("KV_" + stream + "_nodes");
    BOOST_TEST(config.at("storage").as_string() == "memory");
    BOOST_TEST(config.at("max_age").to_number<std::int64_t>() == short_lease.count());
    BOOST_TEST(config.at("max_msgs_per_subject").to_number<std::int64_t>() == 1);
    auto const kept = co_await raw.last_message("KV_" + stream + "_nodes", "$KV." + stream + "_nodes.a");
    BOOST_TEST(contains(std::string(kept.at("hdrs").as_string()), "Nats-Expected-Last-Subject-Sequence"));
    auto const value = boost::json::parse(kept.at("data").as_string()).as_object();
    BOOST_TEST(value.at("node").as_string() == "a");
    BOOST_TEST(value.at("v").to_number<int>() == 1);
  });
}

BOOST_AUTO_TEST_CASE(another_lease_is_refused_with_both) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a", 50s));
    auto const refused = co_await failure_of(join(stream, as_node("b", 30s)));
    BOOST_TEST(refused.code == errc::stream_settings_differ);
    BOOST_TEST(contains(refused.text, "the lease is 50 s, wanted 30 s"), refused.text);
  });
}

BOOST_AUTO_TEST_CASE(options_that_are_nonsense_are_refused) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto const refused_as = [&](placement_options o, errc code) -> awaitable<void> {
      auto const refused = co_await failure_of(join(stream, std::move(o)));
      BOOST_TEST(refused.code == code);
    };
    co_await refused_as(as_node(std::string(256, 'x')), errc::invalid_id);
    co_await refused_as(as_node("a", 999ms), errc::invalid_argument);
    co_await refused_as(as_node("a", 2h), errc::invalid_argument);
    co_await refused_as(as_node("a", -1s), errc::invalid_argument);
    auto heavy = as_node("a");
    heavy.weight = 101;
    co_await refused_as(std::move(heavy), errc::invalid_argument);
    auto large = as_node("a");
    large.data = std::string(4097, 'x');
    co_await refused_as(std::move(large), errc::invalid_argument);
    BOOST_CHECK_THROW(nats::placement().view(), error);
  });
}

BOOST_AUTO_TEST_CASE(nodes_that_come_at_the_same_moment_find_each_other) {
  auto live = true;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        for (int round = 0; round < 8; ++round) {
          auto const stream = new_stream();
          std::vector<joined_node> nodes(6);
          std::string all;
          for (std::size_t i = 0; i < nodes.size(); ++i) {
            nodes[i].store = co_await open_store(stream);
            all += (i == 0 ? "n" : " n") + std::to_string(i);
          }
          task_group group(context.get_executor());
          auto const come = [](joined_node& n, placement_options o) -> awaitable<void> {
            n.where = co_await nats::placement::join(n.store, std::move(o));
          };
          for (std::size_t i = 0; i < nodes.size(); ++i)
            group.spawn(come(nodes[i], as_node("n" + std::to_string(i), 60s)));
          co_await group.join();
          for (auto const& n : nodes) {
            co_await until_sees(n.where, all);
            live = live && n.where.is_live();
          }
        }
      },
      on(4));
  BOOST_TEST(live);
}

BOOST_AUTO_TEST_CASE(a_name_is_one_living_process_s) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a"));
    auto const refused = co_await failure_of(join(stream, as_node("a")));
    BOOST_TEST(refused.code == errc::node_name_taken);
    BOOST_TEST(contains(refused.text, "node \"a\""), refused.text);
    BOOST_TEST(a.where.is_live());
    BOOST_TEST(a.where.metrics().lapses == 0u);
  });
}

BOOST_AUTO_TEST_CASE(a_name_whose_process_died_is_free_when_its_lease_has_ended) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto b = co_await join(stream, as_node("b"));
    auto raw = co_await raw_client::connect();
    co_await raw.publish("$KV." + stream + "_nodes.a", record("a", "dead"));
    auto const began = std::chrono::steady_clock::now();
    auto a = co_await join(stream, as_node("a"));
    auto const took = std::chrono::steady_clock::now() - began;
    BOOST_TEST((took > short_lease * 9 / 10));
    BOOST_TEST((took < short_lease + scaled(2s)));
    co_await until_sees(b.where, "a b");
    BOOST_TEST(b.where.view()->find("a")->incarnation != "dead");
  });
}

BOOST_AUTO_TEST_CASE(a_node_whose_name_was_taken_owns_nothing_any_more) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a", 60s));
    auto raw = co_await raw_client::connect();
    co_await raw.publish("$KV." + stream + "_nodes.a", record("a", "thief"));
    co_await until_state(a.where, placement_state::name_taken);
    BOOST_TEST(!a.where.is_live());
    co_await a.where.leave();
    auto const kept = co_await raw.last_message("KV_" + stream + "_nodes", "$KV." + stream + "_nodes.a");
    BOOST_TEST(contains(std::string(kept.at("data").as_string()), "thief"));
  });
}

BOOST_AUTO_TEST_CASE(a_key_that_was_removed_comes_again) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a"));
    auto b = co_await join(stream, as_node("b"));
    co_await until_sees(a.where, "a b");
    auto raw = co_await raw_client::connect();
    auto const bucket = "KV_" + stream + "_nodes";
    nats::header_list removes{{"KV-Operation", "DEL"}};
    co_await raw.publish("$KV." + stream + "_nodes.a", "", removes);
    co_await until_sees(b.where, "b");
    co_await until_sees(b.where, "a b");
    co_await raw.api("STREAM.DELETE." + bucket); // all of it
    auto const before = a.where.view()->epoch;
    for (auto there = false; !there; co_await pause(20ms)) {
      auto const has_b = co_await has_key(raw, stream + "_nodes", "b");
      there = has_b;
    }
    co_await pause(short_lease);
    BOOST_TEST(a.where.view()->epoch == before, "somebody was taken for dead: " << names(*a.where.view()));
    BOOST_TEST(b.where.is_live());
  });
}

BOOST_AUTO_TEST_CASE(what_others_write_into_the_bucket_harms_nobody) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a"));
    auto raw = co_await raw_client::connect();
    auto const put = [&](std::string key, std::string text) -> awaitable<void> {
      co_await raw.publish("$KV." + stream + "_nodes." + key, std::move(text));
    };
    co_await put("x", "garbage");
    co_await put("x.y", record("x.y", "1"));
    co_await put("=zz", record("x", "1"));
    co_await put("y", record("z", "1"));
    co_await put("w", R"({"v":1,"node":"w","incarnation":"1","renewal":1,"weight":1000000})");
    co_await put("v", R"({"v":2,"node":"v","incarnation":"1","renewal":1,"weight":1})");
    auto b = co_await join(stream, as_node("b"));
    co_await until_sees(a.where, "a b");
    BOOST_TEST(a.where.metrics().malformed >= 6u);
    BOOST_TEST(a.where.is_live());
  });
}

BOOST_AUTO_TEST_CASE(who_observes_owns_nothing_and_is_seen_by_nobody) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a"));
    auto options = as_node("watcher");
    options.observes = true;
    auto w = co_await join(stream, std::move(options));
    BOOST_TEST(!w.where.is_live());
    BOOST_TEST(w.where.owner_of("account-1") == "a");
    BOOST_TEST(names(*a.where.view()) == "a");
    co_await w.where.leave();
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_restarts_has_forgotten_the_bucket_and_nobody_is_taken_for_dead) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const lease = 5 * short_lease;
    auto a = co_await join(server.url(), "orders", as_node("a", lease));
    auto b = co_await join(server.url(), "orders", as_node("b", lease));
    co_await until_sees(a.where, "a b");
    auto const before = a.where.view()->epoch;
    server.kill();
    server.start();
    auto raw = co_await raw_client::connect(server.url());
    for (auto there = false; !there; co_await pause(20ms)) {
      auto const has_a = co_await has_key(raw, "orders_nodes", "a");
      auto const has_b = co_await has_key(raw, "orders_nodes", "b");
      there = has_a && has_b;
    }
    co_await pause(lease / 2);
    BOOST_TEST(a.where.view()->epoch == before);
    BOOST_TEST(names(*b.where.view()) == "a b");
    BOOST_TEST(a.where.is_live());
    BOOST_TEST(b.where.is_live());
  });
}

// As a network that is parted: the node cannot tell it from a server that is silent.
BOOST_AUTO_TEST_CASE(a_node_that_is_cut_off_stops_owning_before_others_take_over) {
  fault::proxy way(shared_server().port());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(way.url(), stream, as_node("a"));
    auto b = co_await join(stream, as_node("b"));
    co_await until_sees(a.where, "a b");
    co_await until_sees(b.where, "a b");
    std::string of_a = "account-0";
    for (int i = 0; !a.where.owns(of_a); ++i)
      of_a = "account-" + std::to_string(i);
    way.stall(fault::way::to_server);
    way.stall(fault::way::to_client);
    auto const cut_at = std::chrono::steady_clock::now();
    while (!b.where.owns(of_a)) {
      BOOST_TEST_REQUIRE((std::chrono::steady_clock::now() - cut_at < short_lease + scaled(5s)));
      co_await pause(5ms);
    }
    BOOST_TEST(!a.where.owns(of_a));
    BOOST_TEST(!a.where.is_live());
    auto const took = std::chrono::steady_clock::now() - cut_at;
    BOOST_TEST_MESSAGE("taken over after " << took / 1ms << " ms with a lease of " << short_lease / 1ms << " ms");
    BOOST_TEST(a.where.owner_of(of_a) != "a");
    BOOST_TEST(a.where.metrics().lapses == 1u);
    way.go_on(fault::way::to_server); // with renewals that are too late
    way.go_on(fault::way::to_client);
    co_await until_sees(b.where, "a b");
    co_await until_state(a.where, placement_state::live);
    BOOST_TEST(a.where.owns(of_a));
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_heard_of_a_node_is_found_by_listing) {
  lossy_proxy way(shared_server().port(), 1, 10); // what is heard on the bucket
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(way.url(), stream, as_node("a"));
    auto b = co_await join(stream, as_node("b"));
    co_await until_sees(a.where, "a b");
    auto const before = a.where.view()->epoch;
    co_await pause(2 * short_lease);
    BOOST_TEST(way.lost() > 0);
    BOOST_TEST(a.where.view()->epoch == before);
    co_await b.where.leave();
    co_await until_sees(a.where, "a");
  });
}

BOOST_AUTO_TEST_CASE(connections_that_are_cut_at_any_byte_do_not_end_a_lease) {
  fault::proxy way(shared_server().port());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto const lease = 2 * short_lease;
    auto a = co_await join(way.url(), stream, as_node("a", lease));
    auto b = co_await join(stream, as_node("b", lease));
    auto const until = std::chrono::steady_clock::now() + 2 * lease;
    auto lived = true;
    for (std::uint64_t i = 0; std::chrono::steady_clock::now() < until; ++i) {
      way.cut_after(i % 2 == 0 ? fault::way::to_client : fault::way::to_server, 30 + 97 * i % 800,
                    fault::cut_kind::reset);
      co_await pause(lease / 20);
      lived = lived && b.where.view()->find("a");
    }
    BOOST_TEST(lived);
    BOOST_TEST(way.cuts() > 5);
    BOOST_TEST(a.where.metrics().failures > 0u);
    BOOST_TEST_MESSAGE(way.cuts() << " cuts, " << a.where.metrics().failures << " failures, "
                                  << a.where.metrics().lapses << " lapses");
    co_await pause(lease / 2);
    BOOST_TEST(a.where.is_live());
  });
}

BOOST_AUTO_TEST_CASE(any_client_of_key_value_buckets_reads_the_nodes,
                     *boost::unit_test::precondition(aether::test::has_nats_py)) {
  // nats-py reads the nodes as any key-value bucket.
  temporary_directory const directory;
  auto const script = directory.path() / "nodes.py";
  std::ofstream(script) << R"(
import asyncio, json, sys, nats
async def main():
    nc = await nats.connect(sys.argv[1])
    kv = await nc.jetstream().key_value(sys.argv[2])
    assert sorted(await kv.keys()) == ["a", "b=2E1"], await kv.keys()
    entry = await kv.get("b=2E1")
    value = json.loads(entry.value)
    assert value["node"] == "b.1" and value["v"] == 1, value
    status = await kv.status()
    assert status.ttl == float(sys.argv[3]), status.ttl
    await nc.close()
asyncio.run(main())
)";
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const stream = new_stream();
    auto a = co_await join(stream, as_node("a", 60s));
    auto b = co_await join(stream, as_node("b.1", 60s));
    run_command({nats_py_interpreter().string(), script.string(), shared_server().url(), a.where.bucket(), "60"},
                directory.path() / "nodes.log");
    BOOST_TEST(b.where.is_live());
  });
}

BOOST_AUTO_TEST_SUITE_END()
