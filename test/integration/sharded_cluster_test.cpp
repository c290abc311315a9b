// A sharded store on three servers, three copies of each stream: one server is killed and brought back while several
// programs write and one follows.
#include <fault/nats_cluster.hpp>
#include <integration/store_support.hpp>

#include <aether/nats/sharded_store.hpp>
#include <aether/task_group.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace sharded_cluster_parts {

using namespace aether;
using namespace aether::test;
using fault::nats_cluster;

inline boost::test_tools::assertion_result is_safe_with_replicas(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result good(shared_server().at_least(2, 10, 20));
  good.message() << "the library refuses replicas on this server";
  return good;
}

constexpr std::size_t streams = 6;
constexpr int writers = 3;
constexpr int actors = 18;
constexpr std::int64_t last = 40;

inline std::string actor_name(int i) { return "order-" + std::to_string(i); }

using stored_ids = std::map<std::pair<std::string, std::int64_t>, std::string>;

/// What was seen from outside; checked when everything has ended.
struct observed {
  std::mutex mutex;
  std::map<std::pair<std::string, std::int64_t>, std::set<std::string>> acknowledged; // ids by version
  std::map<std::string, std::int64_t> followed;
  stored_ids followed_ids;
  int out_of_order = 0;
  std::string failure; // the first that is none to be tried again
  std::atomic<int> wins = 0;
  std::atomic<bool> has_failed = false;
};

inline awaitable<sharded_event_store> opened(nats_cluster& cluster) {
  auto on = co_await nats::connection::connect(cluster.urls());
  nats::sharded_config config;
  config.stream_count = streams;
  config.stream.replica_count = 3;
  co_return co_await nats::open_sharded_store(std::move(on), "orders", config);
}

/// Writes the actor to its last version, against the other writers; an event is saved again until it is known how that
/// ended.
inline awaitable<void> write(sharded_event_store store, std::string actor, observed& seen) {
  for (std::int64_t version = 0; version < last;) {
    auto const e = event_of(actor, version + 1);
    for (;;) {
      save_outcome outcome;
      boost::system::error_code failed;
      std::string text;
      try {
        outcome = co_await store.try_save_event(e);
      } catch (error const& caught) {
        failed = caught.code();
        text = caught.what();
      }
      if (!failed) {
        if (auto const* conflict = std::get_if<version_conflict>(&outcome)) {
          version = conflict->current_version;
        } else {
          std::lock_guard lock(seen.mutex);
          seen.acknowledged[{actor, ++version}].insert(e.id);
          ++seen.wins;
        }
        break;
      }
      if (!is_retryable(failed)) {
        std::lock_guard lock(seen.mutex);
        seen.failure = text;
        seen.has_failed = true;
        co_return;
      }
    }
  }
}

inline awaitable<void> follow(sharded_event_store store, observed& seen) {
  auto all = co_await store.subscribe();
  for (int events = 0; events < actors * last;) {
    auto const item = co_await all.next(call_options{scaled(std::chrono::seconds(60))});
    if (!item)
      co_return;
    if (auto const* e = std::get_if<recorded_event>(&*item)) {
      ++events;
      std::lock_guard lock(seen.mutex);
      seen.out_of_order += e->event.version != ++seen.followed[e->event.actor_id];
      seen.followed_ids[{e->event.actor_id, e->event.version}] = e->event.id;
    }
  }
}

/// What is there when everything is over.
inline awaitable<void> read_all(sharded_event_store store, stored_ids& into) {
  for (int i = 0; i < actors; ++i) {
    auto const events = co_await store.get_events(actor_name(i));
    for (auto const& e : events)
      into[{e.actor_id, e.version}] = e.id;
  }
}

/// Kills who leads a stream when a third is written, and starts it again when two thirds are.
inline awaitable<void> kill_one(nats_cluster& cluster, observed& seen, int& kills) {
  auto const reached = [&](int part) { return seen.wins >= actors * last * part / 3 || seen.has_failed; };
  while (!reached(1))
    co_await pause(std::chrono::milliseconds(5));
  auto const victim = cluster.leader_of(nats::sharded_stream_name("orders", 2)).value_or(0);
  cluster.node(victim).kill();
  ++kills;
  while (!reached(2))
    co_await pause(std::chrono::milliseconds(5));
  cluster.node(victim).start();
}

} // namespace sharded_cluster_parts

BOOST_AUTO_TEST_SUITE(sharded_cluster, *boost::unit_test::precondition(aether::test::has_nats_server) *
                                           boost::unit_test::precondition(sharded_cluster_parts::is_safe_with_replicas))

BOOST_AUTO_TEST_CASE(nothing_acknowledged_is_lost_while_a_server_dies_and_comes_back) {
  using namespace sharded_cluster_parts;
  fault::nats_cluster_options three;
  three.nodes = 3;
  nats_cluster cluster(std::move(three));
  observed seen;
  int kills = 0;
  stored_ids stored;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        task_group group(context.get_executor());
        group.spawn(follow(co_await opened(cluster), seen));
        for (int w = 0; w < writers; ++w) {
          auto store = co_await opened(cluster);
          for (int i = 0; i < actors; ++i)
            group.spawn(write(store, actor_name(i), seen));
        }
        group.spawn(kill_one(cluster, seen, kills));
        co_await group.join();
        for (std::size_t i = 0; i < streams; ++i)
          cluster.wait_until_whole(nats::sharded_stream_name("orders", i));
        auto fresh = co_await opened(cluster);
        co_await read_all(std::move(fresh), stored);
      },
      on(3, std::chrono::seconds(120)));
  BOOST_TEST(seen.failure == "");
  BOOST_TEST(kills == 1);
  BOOST_TEST(seen.out_of_order == 0);
  BOOST_TEST(seen.acknowledged.size() <= static_cast<std::size_t>(actors * last));
  BOOST_TEST(seen.followed_ids.size() == static_cast<std::size_t>(actors * last));
  for (auto const& [version, ids] : seen.acknowledged) {
    BOOST_TEST(ids.size() == 1u, version.first << '@' << version.second << " was won more than once");
    BOOST_TEST(seen.followed_ids[version] == *ids.begin(), version.first << '@' << version.second << " is lost");
    BOOST_TEST(stored[version] == *ids.begin(), version.first << '@' << version.second << " is lost afterwards");
  }
}

BOOST_AUTO_TEST_SUITE_END()
