// A sharded store over embedded ones: where actors are, what is refused, and what is left in a stream that is no longer
// its actor's. That it keeps the contract of every store the contract suite says.
#include <aether/sharded_event_store.hpp>

#include <aether/error.hpp>
#include <aether/memory_event_store.hpp>

#include <support/child_process.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <set>

BOOST_AUTO_TEST_SUITE(sharded_event_stores)

using namespace aether;
using namespace aether::test;

namespace {

using stores = std::vector<std::shared_ptr<event_store>>;

stores memory_stores(boost::asio::io_context& context, std::size_t count) {
  stores all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(std::make_shared<memory_event_store>(context.get_executor()));
  return all;
}

errc refused_as(std::function<void()> const& call) {
  try {
    call();
  } catch (error const& e) {
    return static_cast<errc>(e.code().value());
  }
  return errc{};
}

/// An actor of this stream, another one for each `number`.
std::string actor_in(std::size_t stream, std::size_t streams, int number = 0) {
  for (int i = 0;; ++i) {
    auto actor = "order-" + std::to_string(i);
    if (stream_of_actor(actor, streams) == stream && number-- == 0)
      return actor;
  }
}

awaitable<std::vector<std::string>> all_actors_of(event_store& store) {
  std::vector<std::string> seen;
  auto all = co_await store.subscribe();
  for (;;) {
    auto const item = co_await all.next();
    if (std::holds_alternative<caught_up>(*item))
      co_return seen;
    seen.push_back(std::get<recorded_event>(*item).event.actor_id);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(where_actors_are_never_changes) {
  auto const all = boost::json::parse(read_file(AETHER_SOURCE_DIR "/test/unit/hash_ring_vectors.json")).as_object();
  auto const& counts = all.at("streamCounts").as_array();
  for (auto const& row : all.at("streams").as_array()) {
    auto const actor = std::string_view(row.as_array()[0].as_string());
    for (std::size_t i = 0; i < counts.size(); ++i)
      BOOST_TEST(stream_of_actor(actor, counts[i].to_number<std::size_t>()) ==
                 row.as_array()[1].as_array()[i].to_number<std::size_t>());
  }
}

BOOST_AUTO_TEST_CASE(with_one_stream_more_an_actor_stays_or_goes_to_the_new_one) {
  for (std::size_t streams = 1; streams < 40; ++streams)
    for (int i = 0; i < 500; ++i) {
      auto const actor = "order-" + std::to_string(i);
      auto const before = stream_of_actor(actor, streams), after = stream_of_actor(actor, streams + 1);
      BOOST_TEST((after == before || after == streams));
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_one_store_is_refused) {
  boost::asio::io_context context;
  BOOST_TEST((refused_as([] { sharded_event_store{stores()}; }) == errc::invalid_argument));
  BOOST_TEST((refused_as([&] { sharded_event_store{memory_stores(context, 1025)}; }) == errc::invalid_argument));
  auto twice = memory_stores(context, 2);
  twice.push_back(twice.front());
  BOOST_TEST((refused_as([&] { sharded_event_store{twice}; }) == errc::invalid_argument));
  BOOST_TEST((refused_as([&] { sharded_event_store{stores(1)}; }) == errc::not_open));
  BOOST_TEST(
      (refused_as([&] { sharded_event_store{stores{std::make_shared<memory_event_store>()}}; }) == errc::not_open));
  sharded_event_store const store(memory_stores(context, 3));
  BOOST_TEST(store.stream_count() == 3u);
  BOOST_TEST(store.streams().size() == 3u);
  BOOST_TEST((refused_as([&] { static_cast<void>(store.store(3)); }) == errc::invalid_argument));
  BOOST_TEST(sharded_event_store().stream_count() == 0u);
  BOOST_TEST(sharded_event_store().streams().empty());
}

BOOST_AUTO_TEST_CASE(events_of_different_streams_come_as_they_were_stored_while_it_catches_up) {
  run([](boost::asio::io_context& context) -> awaitable<void> {
    sharded_event_store store(memory_stores(context, 4));
    std::vector<std::string> saved;
    for (std::int64_t version = 1; version <= 5; ++version)
      for (std::size_t const stream : {2u, 0u, 3u, 0u, 1u}) {
        auto const actor = actor_in(stream, 4, static_cast<int>(saved.size() % 5));
        co_await store.save_event(event_of(actor, version));
        saved.push_back(actor);
      }
    auto const seen = co_await all_actors_of(store);
    BOOST_TEST(seen == saved, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(what_is_left_in_an_old_stream_is_passed_over) {
  run([](boost::asio::io_context& context) -> awaitable<void> {
    auto const parts = memory_stores(context, 2);
    auto const moved = actor_in(1, 2), stays = actor_in(0, 2);
    co_await parts[0]->save_event(event_of(moved, 1)); // as it was with one stream
    co_await parts[0]->save_event(event_of(stays, 1));
    co_await parts[1]->save_event(event_of(moved, 1)); // its copy
    sharding how;
    how.has_moved_actors = true;
    sharded_event_store store(parts, std::move(how));
    auto const seen = co_await all_actors_of(store);
    BOOST_TEST(seen == (std::vector<std::string>{stays, moved}), boost::test_tools::per_element());
    std::set<std::string> listed;
    auto list = store.list_actors();
    for (auto next = co_await list.next(); next; next = co_await list.next())
      BOOST_TEST(listed.insert(next->actor_id).second);
    BOOST_TEST(listed.size() == 2u);
    group_options options;
    options.name = "workers";
    auto group = co_await store.join_group(options);
    int handed_out = 0;
    for (;;) {
      auto const e = co_await group.next(call_options{std::chrono::milliseconds(100)});
      if (!e)
        break;
      ++handed_out;
    }
    BOOST_TEST(handed_out == 2);
    auto const taken = co_await store.try_save_event(event_of(moved, 1));
    BOOST_TEST(refused(taken, 1));
  });
}

BOOST_AUTO_TEST_CASE(a_position_of_fewer_streams_reads_the_others_from_their_beginning) {
  run([](boost::asio::io_context& context) -> awaitable<void> {
    auto parts = memory_stores(context, 2);
    sharded_event_store small(stores{parts[0]});
    co_await small.save_event(event_of("order-1", 1));
    auto before = co_await small.subscribe();
    co_await before.next();
    sharded_event_store store(parts);
    auto const other = actor_in(1, 2);
    co_await store.save_event(event_of(other, 1));
    subscribe_options options;
    options.start = start_from::position(before.position());
    auto rest = co_await store.subscribe(options);
    auto const item = co_await rest.next();
    BOOST_TEST(std::get<recorded_event>(*item).event.actor_id == other);
    BOOST_TEST(rest.position().places().size() == 2u);
  });
}

BOOST_AUTO_TEST_SUITE_END()
