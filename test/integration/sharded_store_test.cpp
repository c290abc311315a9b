// A sharded store on a real server: how many streams there are is decided once, who wins when two open at once, and
// what other programs find.
#include <integration/store_support.hpp>

#include <aether/nats/checkpoint_store.hpp>
#include <aether/nats/sharded_store.hpp>
#include <aether/task_group.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <map>
#include <mutex>
#include <set>

BOOST_AUTO_TEST_SUITE(sharded_stores, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using nats::open_sharded_store;
using nats::sharded_config;

namespace {

sharded_config with_streams(std::size_t count) {
  sharded_config config;
  config.stream_count = count;
  return config;
}

awaitable<sharded_event_store> opened(std::string name, sharded_config config = {}) {
  auto on = co_await nats::connection::connect(shared_server().url());
  co_return co_await open_sharded_store(std::move(on), std::move(name), std::move(config));
}

struct refusal_of_open {
  boost::system::error_code code;
  std::string text;
};

awaitable<refusal_of_open> refused(awaitable<sharded_event_store> opening) {
  refusal_of_open out;
  try {
    (void)co_await std::move(opening);
  } catch (error const& e) {
    out.code = e.code();
    out.text = e.what();
  }
  co_return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_layout_stands_in_every_stream) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto config = with_streams(3);
    config.stream.name_space = "tenant";
    auto store = co_await opened(name, config);
    BOOST_TEST(store.stream_count() == 3u);
    auto const streams = store.streams();
    BOOST_TEST(streams == (std::vector<std::string>{"tenant_" + name + "-0000", "tenant_" + name + "-0001",
                                                    "tenant_" + name + "-0002"}),
               boost::test_tools::per_element());
    auto raw = co_await raw_client::connect();
    for (std::size_t i = 0; i < streams.size(); ++i) {
      auto const info = co_await raw.api("STREAM.INFO." + streams[i], {});
      auto const description = info.at("config").at("description").as_string();
      BOOST_TEST(std::string_view(description) ==
                 R"({"aether":1,"namespace":"tenant","stream":")" + name + "-000" + std::to_string(i) +
                     R"(","encoding":"percent","layout":{"store":")" + name + R"(","streams":3,"index":)" +
                     std::to_string(i) + R"(,"hash":"siphash-2-4-128/jump","version":1}})");
    }
  });
}

BOOST_AUTO_TEST_CASE(an_actor_is_in_its_stream_alone) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await opened(name, with_streams(4));
    auto raw = co_await raw_client::connect();
    std::set<std::size_t> used;
    for (int i = 0; i < 20; ++i) {
      auto const actor = "order-" + std::to_string(i);
      co_await store.save_event(event_of(actor, 1));
      auto const at = store.stream_of(actor);
      BOOST_TEST(at == stream_of_actor(actor, 4));
      used.insert(at);
      for (std::size_t s = 0; s < 4; ++s) {
        auto const stream = nats::sharded_stream_name(name, s);
        auto const count = co_await raw.count(stream, stream + ".events.order." + actor);
        BOOST_TEST(count == (s == at ? 1 : 0));
      }
    }
    BOOST_TEST(used.size() == 4u);
  });
}

BOOST_AUTO_TEST_CASE(another_number_of_streams_is_refused_and_none_takes_what_is_there) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    (void)co_await opened(name, with_streams(3));
    auto const other = co_await refused(opened(name, with_streams(5)));
    BOOST_TEST(other.code == errc::stream_settings_differ);
    BOOST_TEST(contains(other.text, "made with 3 streams, wanted 5"), other.text);
    auto same = co_await opened(name);
    BOOST_TEST(same.stream_count() == 3u);
    auto const fresh = co_await opened(new_stream());
    BOOST_TEST(fresh.stream_count() == 16u);
  });
}

BOOST_AUTO_TEST_CASE(its_streams_are_no_stores_of_their_own_nor_the_other_way_round) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    (void)co_await opened(name, with_streams(2));
    boost::system::error_code thrown = co_await error_of(open_store(nats::sharded_stream_name(name, 1)));
    BOOST_TEST(thrown == errc::stream_settings_differ);

    auto const plain = new_stream();
    (void)co_await open_store(nats::sharded_stream_name(plain, 0));
    auto const first = co_await refused(opened(plain, with_streams(2)));
    BOOST_TEST(first.code == errc::stream_settings_differ);
    BOOST_TEST(contains(first.text, "choose another name"), first.text);

    auto const half = new_stream(); // a later one of its streams is somebody else's
    (void)co_await open_store(nats::sharded_stream_name(half, 1));
    auto const second = co_await refused(opened(half, with_streams(2)));
    BOOST_TEST(second.code == errc::stream_settings_differ);
    BOOST_TEST(contains(second.text, "a store of its own"), second.text);
  });
}

BOOST_AUTO_TEST_CASE(of_two_layouts_opened_at_once_one_wins) {
  constexpr int rounds = 10;
  std::atomic<int> won = 0, lost = 0, any = 0, failed = 0; // checked behind what runs on several threads
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const open_one = [&](std::string name, std::size_t streams, std::atomic<int>& good,
                                  std::atomic<int>& bad) -> awaitable<void> {
          auto const r = co_await refused(opened(name, with_streams(streams)));
          ++(!r.code ? good : r.code == errc::stream_settings_differ ? bad : failed);
        };
        for (int round = 0; round < rounds; ++round) {
          auto const name = new_stream();
          task_group group(context.get_executor());
          group.spawn(open_one(name, 2, won, lost));
          group.spawn(open_one(name, 3, won, lost));
          group.spawn(open_one(name, 0, any, failed)); // takes whatever it is
          co_await group.join();
        }
      },
      on(4));
  // Where the one that takes anything was first, it is 16, and both others lose.
  BOOST_TEST(won <= rounds);
  BOOST_TEST(won + lost == 2 * rounds);
  BOOST_TEST(any == rounds);
  BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(checkpoints_beside_it_keep_a_place_in_every_stream) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await opened(name, with_streams(3));
    for (int i = 0; i < 20; ++i)
      co_await store.save_event(event_of("order-" + std::to_string(i), 1));
    auto all = co_await store.subscribe();
    for (int i = 0; i < 12; ++i)
      (void)co_await all.next();
    auto on = co_await nats::connection::connect(shared_server().url());
    auto checkpoints = co_await nats::checkpoint_store::open(on, name);
    auto session = co_await checkpoints.take_over("totals");
    call_options const options;
    co_await session->commit(checkpoint(all.position()), options);
    auto const found = co_await checkpoints.find("totals");
    BOOST_TEST_REQUIRE((found && found->position));
    BOOST_TEST(found->position->places().size() == 3u);
    subscribe_options from;
    from.start = start_from::position(*found->position);
    auto rest = co_await store.subscribe(from);
    int left = 0;
    for (;;) {
      auto const item = co_await rest.next();
      if (std::holds_alternative<caught_up>(*item))
        break;
      ++left;
    }
    BOOST_TEST(left == 8);
  });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto thrown = co_await refused(opened(new_stream(), with_streams(1025)));
    BOOST_TEST(thrown.code == errc::invalid_argument);
    thrown = co_await refused(open_sharded_store(std::vector<nats::connection>(), "orders"));
    BOOST_TEST(thrown.code == errc::invalid_argument);
    thrown = co_await refused(open_sharded_store(nats::connection(), "orders"));
    BOOST_TEST(thrown.code == errc::not_open);
    thrown = co_await refused(opened("a.b"));
    BOOST_TEST(thrown.code == errc::invalid_id);
    auto must_be_there = with_streams(2);
    must_be_there.stream.create = false;
    thrown = co_await refused(opened(new_stream(), must_be_there));
    BOOST_TEST(thrown.code == errc::stream_not_found);
    auto nowhere = with_streams(2);
    nowhere.placements.resize(1);
    nowhere.placements.front().tags.push_back("no such tag");
    thrown = co_await refused(opened(new_stream(), nowhere));
    BOOST_TEST(thrown.code == errc::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(two_processes_share_it_and_each_version_has_one_winner) {
  constexpr int actors = 8, writers = 4;
  constexpr std::int64_t last = 25;
  std::mutex mutex;
  std::map<std::pair<std::string, std::int64_t>, int> wins;
  std::map<std::string, std::int64_t> versions;
  int out_of_order = 0;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const name = new_stream();
        auto const write = [&](sharded_event_store store, std::string actor) -> awaitable<void> {
          for (std::int64_t version = 0; version < last;) {
            auto const outcome = co_await store.try_save_event(event_of(actor, version + 1));
            if (auto const* conflict = std::get_if<version_conflict>(&outcome)) {
              version = conflict->current_version;
              continue;
            }
            std::lock_guard lock(mutex);
            ++wins[{actor, ++version}];
          }
        };
        task_group group(context.get_executor());
        for (int w = 0; w < writers; ++w) {
          auto store = co_await opened(name, with_streams(3)); // a store and a connection of its own
          for (int a = 0; a < actors; ++a)
            group.spawn(write(store, "order-" + std::to_string(a)));
        }
        co_await group.join();
        auto store = co_await opened(name);
        auto all = co_await store.subscribe();
        for (;;) {
          auto const item = co_await all.next(call_options{std::chrono::seconds(20)});
          if (!item || std::holds_alternative<caught_up>(*item))
            break;
          auto const& e = std::get<recorded_event>(*item).event;
          out_of_order += e.version != ++versions[e.actor_id];
        }
      },
      on(4));
  BOOST_TEST(out_of_order == 0);
  BOOST_TEST(versions.size() == static_cast<std::size_t>(actors));
  for (auto const& [actor, version] : versions)
    BOOST_TEST(version == last, actor);
  BOOST_TEST(wins.size() == static_cast<std::size_t>(actors * last));
  for (auto const& [version, count] : wins)
    BOOST_TEST(count == 1, version.first << '@' << version.second << " was won " << count << " times");
}

BOOST_AUTO_TEST_SUITE_END()
