// Streams that move to other servers of a cluster, or get more copies, while programs use them and one follows. One
// copy is moved while nobody writes: nats-server 2.15.2 was seen to lose an event then that it had acknowledged.
#include <fault/nats_cluster.hpp>
#include <integration/store_support.hpp>

#include <aether/nats/move_stream.hpp>
#include <aether/task_group.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>

namespace move_stream_parts {

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using fault::nats_cluster;
using nats::jetstream_event_store;
using nats::stream_move;

inline boost::test_tools::assertion_result can_have_replicas(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result good(shared_server().at_least(2, 10, 20));
  good.message() << "the library refuses replicas on this server";
  return good;
}

/// On 2.10.27 a stream of one replica was made at another time when it has moved, so that no position is valid any
/// more.
inline boost::test_tools::assertion_result moves_one_copy(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result good(shared_server().at_least(2, 15));
  good.message() << "on this server a stream of one replica is another one when it has moved";
  return good;
}

constexpr int writers = 2;
constexpr int actors = 4;

/// One replica goes from n0 to n3; three from n0, n1, n2 to n1, n2, n3.
inline nats_cluster four() {
  fault::nats_cluster_options options;
  options.nodes = 4;
  options.node_configs = {R"(server_tags: ["one:old", "three:old"])", R"(server_tags: ["three:old", "three:new"])",
                          R"(server_tags: ["three:old", "three:new"])", R"(server_tags: ["one:new", "three:new"])"};
  return nats_cluster(std::move(options));
}

inline nats::stream_placement tagged(std::string tag) {
  nats::stream_placement p;
  p.tags.push_back(std::move(tag));
  return p;
}

inline std::string actor_name(int i) { return "order-" + std::to_string(i); }

/// What was seen from outside; checked when everything has ended.
struct observed {
  std::mutex mutex;
  std::map<std::pair<std::string, std::int64_t>, std::set<std::string>> acknowledged; // ids by version
  std::map<std::string, std::vector<std::string>> followed;                           // ids in order
  int out_of_order = 0, out_of_date = 0;
  std::string failure; // the first that is none to be tried again
  std::atomic<int> wins = 0, received = 0;
  std::atomic<int> saving = 0;
  std::atomic<bool> is_over = false, has_failed = false;
  std::atomic<bool> is_held = false; // nobody is to write
};

inline awaitable<jetstream_event_store> opened(nats_cluster& cluster, int replicas, std::string tag) {
  auto on = co_await nats::connection::connect(cluster.urls());
  nats::jetstream_config config;
  config.replica_count = replicas;
  config.placement = tagged(std::move(tag));
  co_return co_await jetstream_event_store::open(std::move(on), "orders", config);
}

/// What was acknowledged to whomever is read at once.
inline awaitable<void> read_back(jetstream_event_store store, std::string actor, std::int64_t version, observed& seen) {
  try {
    auto const events = co_await store.get_events(actor, std::max<std::int64_t>(version - 4, 0));
    std::lock_guard lock(seen.mutex);
    seen.out_of_date += events.empty() || events.back().version < version;
  } catch (error const& caught) {
    std::lock_guard lock(seen.mutex);
    if (!is_retryable(caught.code()))
      seen.failure = caught.what();
  }
}

/// Writes the actor, against the other writers, until it is over; an event is saved again until it is known how that
/// ended.
inline awaitable<void> write(jetstream_event_store store, std::string actor, observed& seen) {
  for (std::int64_t version = 0;;) {
    ++seen.saving;
    if (seen.is_over) {
      --seen.saving;
      co_return;
    }
    if (seen.is_held) {
      --seen.saving;
      co_await read_back(store, actor, version, seen); // readers go on
      co_await pause(2ms);
      continue;
    }
    auto const e = event_of(actor, version + 1);
    for (bool is_known = false; !is_known;) {
      save_outcome outcome;
      auto const trouble = [&](error const& caught) {
        if (is_retryable(caught.code()))
          return;
        std::lock_guard lock(seen.mutex);
        seen.failure = caught.what();
        seen.has_failed = seen.is_over = true;
      };
      try {
        outcome = co_await store.try_save_event(e);
        is_known = true;
      } catch (error const& caught) {
        trouble(caught);
      }
      if (seen.has_failed && !is_known) {
        --seen.saving;
        co_return;
      }
      if (!is_known)
        continue;
      if (auto const* conflict = std::get_if<version_conflict>(&outcome)) {
        version = conflict->current_version;
      } else {
        std::lock_guard lock(seen.mutex);
        seen.acknowledged[{actor, ++version}].insert(e.id);
        ++seen.wins;
      }
    }
    --seen.saving;
    co_await read_back(store, actor, version, seen);
    co_await pause(2ms);
  }
}

/// Until it has everything that was won, or nothing comes any more.
inline awaitable<void> follow(event_subscription all, observed& seen) {
  auto heard_at = std::chrono::steady_clock::now();
  while (!seen.is_over || seen.saving > 0 || seen.received < seen.wins) {
    if (std::chrono::steady_clock::now() - heard_at > scaled(20s))
      co_return;
    std::optional<subscription_item> item;
    try {
      item = co_await all.next(call_options{200ms});
    } catch (error const& caught) {
      std::lock_guard lock(seen.mutex);
      seen.failure = std::string("following: ") + caught.what();
      seen.has_failed = seen.is_over = true;
      co_return;
    }
    auto const* e = item ? std::get_if<recorded_event>(&*item) : nullptr;
    if (!e)
      continue;
    heard_at = std::chrono::steady_clock::now();
    std::lock_guard lock(seen.mutex);
    auto& ids = seen.followed[e->event.actor_id];
    ids.push_back(e->event.id);
    seen.out_of_order += e->event.version != static_cast<std::int64_t>(ids.size());
    ++seen.received;
  }
}

inline awaitable<void> until_written(observed& seen, int more) {
  for (int const enough = seen.wins + more; seen.wins < enough && !seen.is_over;)
    co_await pause(5ms);
}

/// Each version was won once, and what was acknowledged is what is read, and was followed.
inline awaitable<void> check(jetstream_event_store store, observed& seen) {
  BOOST_TEST(seen.failure == "");
  BOOST_TEST(seen.out_of_order == 0);
  BOOST_TEST(seen.out_of_date == 0);
  std::size_t in_all = 0;
  for (int i = 0; i < actors; ++i) {
    auto const events = co_await store.get_events(actor_name(i));
    in_all += events.size();
    std::vector<std::string> ids;
    for (auto const& e : events) {
      ids.push_back(e.id);
      BOOST_TEST(e.version == static_cast<std::int64_t>(ids.size()));
      auto const& won = seen.acknowledged[{actor_name(i), e.version}];
      BOOST_TEST(won.size() == 1u);
      BOOST_TEST(won.contains(e.id), e.actor_id << '@' << e.version << " was acknowledged to another");
    }
    auto const& followed = seen.followed[actor_name(i)];
    BOOST_TEST((ids == followed), "of " << ids.size() << " events " << followed.size() << " were followed");
  }
  BOOST_TEST(in_all == static_cast<std::size_t>(seen.wins.load()));
  BOOST_TEST(in_all == seen.acknowledged.size());
}

inline std::string servers_of(stream_move const& m) {
  std::set<std::string> names;
  for (auto const& c : m.copies)
    names.insert(c.server);
  std::string text;
  for (auto const& n : names)
    text += n;
  return text;
}

/// All but where it is, and what the server itself adds.
inline awaitable<boost::json::object> settings_of(raw_client raw) {
  auto config = co_await raw.stream_config("orders");
  config.erase("placement");
  config.erase("metadata");
  co_return config;
}

using mover = std::function<awaitable<void>(raw_client)>;

/// Nothing but the placement changes.
inline awaitable<void> check_settings(raw_client raw, mover move) {
  auto const before = co_await settings_of(raw);
  co_await move(raw);
  auto const after = co_await settings_of(raw);
  BOOST_TEST(after == before);
}

/// As an operator does it: the library has no call for it.
inline awaitable<void> set_replicas(raw_client raw, int replicas) {
  auto config = co_await raw.stream_config("orders");
  config["num_replicas"] = replicas;
  auto const refused = co_await raw.api_error("STREAM.UPDATE.orders", std::move(config));
  BOOST_TEST(refused == 0);
  for (int current = 0; current < replicas; co_await pause(20ms)) {
    auto const info = co_await raw.api("STREAM.INFO.orders");
    auto const& where = info.at("cluster").as_object();
    current = where.contains("leader") ? 1 : 0;
    if (auto const* others = where.if_contains("replicas"))
      for (auto const& other : others->as_array())
        current += other.at("current").as_bool() ? 1 : 0;
  }
}

/// Writes, moves as told, goes on writing, and looks at everything.
inline awaitable<void> write_while(boost::asio::io_context& context, nats_cluster& cluster, int replicas,
                                   std::string tag, mover move, bool holds_writers) {
  observed seen;
  auto store = co_await opened(cluster, replicas, tag);
  auto raw = co_await raw_client::connect(cluster.urls());
  task_group group(context.get_executor());
  group.spawn(follow(co_await store.subscribe(), seen));
  for (int w = 0; w < writers; ++w) {
    auto own = co_await opened(cluster, replicas, tag);
    for (int i = 0; i < actors; ++i)
      group.spawn(write(own, actor_name(i), seen));
  }
  co_await until_written(seen, 100);
  seen.is_held = holds_writers;
  while (holds_writers && seen.saving > 0 && !seen.is_over)
    co_await pause(5ms);
  std::exception_ptr failed;
  try {
    co_await move(raw);
  } catch (...) {
    failed = std::current_exception();
  }
  seen.is_held = false;
  if (!failed)
    co_await until_written(seen, 100);
  seen.is_over = true;
  co_await group.join();
  if (failed)
    std::rethrow_exception(failed);
  co_await check(store, seen);
}

} // namespace move_stream_parts

BOOST_AUTO_TEST_SUITE(moving_streams, *boost::unit_test::precondition(aether::test::has_nats_server) *
                                          boost::unit_test::precondition(move_stream_parts::can_have_replicas))

using namespace move_stream_parts;

BOOST_AUTO_TEST_CASE(three_copies_move_while_they_are_written) {
  auto cluster = four();
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const move = [&](raw_client raw) -> awaitable<void> {
          auto const on = raw.connection();
          nats::move_options options;
          options.progress = [](stream_move const& so_far) {
            if (so_far.was_asked)
              throw std::runtime_error("interrupted");
          };
          bool was_interrupted = false;
          try {
            (void)co_await nats::move_stream(on, "orders", tagged("three:new"), options);
          } catch (std::runtime_error const&) {
            was_interrupted = true;
          }
          BOOST_TEST(was_interrupted);
          std::vector<stream_move> told;
          options.timeout = scaled(60s);
          options.progress = [&](stream_move const& so_far) { told.push_back(so_far); };
          auto const done = co_await nats::move_stream(on, "orders", tagged("three:new"), options);
          BOOST_TEST(!done.was_asked);
          BOOST_TEST(done.missing == "");
          BOOST_TEST(servers_of(done) == "n1n2n3");
          BOOST_TEST_REQUIRE(!told.empty());
          BOOST_TEST((told.back() == done));
        };
        auto const checked = [&](raw_client raw) { return check_settings(raw, move); };
        co_await write_while(context, cluster, 3, "three:old", checked, false);
      },
      on(2, 120s));
}

BOOST_AUTO_TEST_CASE(one_copy_moves_while_it_is_read, *boost::unit_test::precondition(moves_one_copy)) {
  auto cluster = four();
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const move = [](raw_client raw) -> awaitable<void> {
          auto const on = raw.connection();
          nats::move_options options;
          options.timeout = scaled(60s);
          auto const unsaid = co_await failure_of(nats::move_stream(on, "orders", tagged("one:new"), options));
          BOOST_TEST(unsaid.code == errc::invalid_argument);
          options.writers_are_stopped = true;
          for (auto const* tag : {"one:new", "one:old", "one:new"}) {
            auto const done = co_await nats::move_stream(on, "orders", tagged(tag), options);
            BOOST_TEST(done.was_asked);
            BOOST_TEST(servers_of(done) == (std::string(tag) == "one:new" ? "n3" : "n0"));
          }
          auto const again = co_await nats::move_stream(on, "orders", tagged("one:new"), options);
          BOOST_TEST(!again.was_asked);
          BOOST_TEST(servers_of(again) == "n3");

          auto const nowhere = co_await failure_of(nats::move_stream(on, "orders", tagged("moon"), options));
          BOOST_TEST(nowhere.code == errc::not_enough_replicas);
          BOOST_TEST(contains(nowhere.text, "moon"), nowhere.text);
          auto const nothing = co_await failure_of(nats::move_stream(on, "nothing", tagged("one:old"), options));
          BOOST_TEST(nothing.code == errc::stream_not_found);
          options.timeout = 1ns;
          auto const late = co_await failure_of(nats::move_stream(on, "orders", tagged("one:old"), options));
          BOOST_TEST(late.code == errc::timed_out);
        };
        auto const checked = [&](raw_client raw) { return check_settings(raw, move); };
        co_await write_while(context, cluster, 1, "one:old", checked, true);
      },
      on(2, 120s));
}

BOOST_AUTO_TEST_CASE(one_copy_becomes_three_while_it_is_written, *boost::unit_test::precondition(moves_one_copy)) {
  fault::nats_cluster_options three;
  three.nodes = 3;
  three.node_configs.assign(3, R"(server_tags: ["any"])");
  nats_cluster cluster(std::move(three));
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const grow = [&](raw_client raw) { return set_replicas(raw, 3); };
        co_await write_while(context, cluster, 1, "any", grow, false);
        auto const before = co_await error_of(opened(cluster, 1, "any"));
        BOOST_TEST(before == errc::stream_settings_differ);
        auto store = co_await opened(cluster, 3, "any");
        auto const version = co_await store.latest_version(actor_name(0));
        BOOST_TEST(version > 0);
      },
      on(2, 120s));
}

BOOST_AUTO_TEST_CASE(a_server_alone_has_nowhere_to_move_a_stream) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name);
    auto raw = co_await raw_client::connect();
    auto const alone = co_await failure_of(nats::move_stream(raw.connection(), name, tagged("disk:new")));
    BOOST_TEST(alone.code == errc::not_enough_replicas);
    BOOST_TEST(contains(alone.text, "in no cluster"), alone.text);
    auto const empty = co_await failure_of(nats::move_stream(raw.connection(), name, nats::stream_placement()));
    BOOST_TEST(empty.code == errc::invalid_argument);
    auto const closed = co_await failure_of(nats::move_stream(nats::connection(), name, tagged("disk:new")));
    BOOST_TEST(closed.code == errc::not_open);
  });
}

BOOST_AUTO_TEST_SUITE_END()
