// Groups on a real server: what other clients stored, connections that are cut, servers that restart, and workers that
// are killed between a dead letter and its acknowledgement.
#include <fault/proxy.hpp>
#include <integration/store_support.hpp>

#include <aether/json.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>

#include <atomic>
#include <fstream>
#include <set>

BOOST_AUTO_TEST_SUITE(groups, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;
namespace asio = boost::asio;

namespace {

group_options group_named(std::string name, std::chrono::nanoseconds ack_timeout = 60s) {
  group_options options;
  options.name = std::move(name);
  options.ack_timeout = ack_timeout;
  return options;
}

call_options soon() { return call_options{20s}; }

awaitable<void> save_some(jetstream_event_store store, std::string actor_id, std::int64_t first, std::int64_t last) {
  for (auto version = first; version <= last; ++version) {
    event e = event_of(actor_id, version);
    co_await store.save_event(std::move(e));
  }
}

awaitable<std::vector<dead_letter>> letters_of(jetstream_event_store store, std::string group) {
  std::vector<dead_letter> out;
  auto list = store.dead_letters(std::move(group));
  for (;;) {
    auto letter = co_await list.next();
    if (!letter)
      co_return out;
    out.push_back(std::move(*letter));
  }
}

/// Takes and acknowledges until so many different events were handed out. An acknowledgement that failed may have
/// reached the server, so that the event does not come again.
awaitable<std::set<std::string>> handle(event_group& group, std::size_t count) {
  std::set<std::string> handled;
  while (handled.size() < count) {
    auto e = co_await group.next(soon());
    if (!e)
      break;
    handled.insert(e->event().id);
    (void)co_await error_of(e->acknowledge());
  }
  co_return handled;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_malformed_message_is_a_dead_letter) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const subject = store.stream() + ".events.order.order-1";
    std::string const nonsense("\x01\xff no event", 11);
    auto const first = co_await raw.publish(subject, nonsense);
    auto const misplaced = boost::json::serialize(boost::json::value_from(event_of("order-2", 1)));
    auto const second = co_await raw.publish(subject, misplaced);
    co_await save_some(store, "order-1", 1, 1);
    auto group = co_await store.join_group(group_named("g"));
    auto e = co_await group.next(soon());
    BOOST_TEST_REQUIRE(e.has_value());
    BOOST_TEST(e->event().version == 1);
    co_await e->acknowledge();
    auto const none = co_await group.next(call_options{300ms});
    BOOST_TEST(!none.has_value());
    auto const letters = co_await letters_of(store, "g");
    BOOST_TEST_REQUIRE(letters.size() == 2u);
    BOOST_TEST((letters[0].cause == dead_letter_cause::malformed));
    BOOST_TEST(letters[0].sequence == first);
    BOOST_TEST(letters[0].bytes == nonsense);
    BOOST_TEST(!letters[0].event.has_value());
    BOOST_TEST(letters[1].sequence == second);
    BOOST_TEST(contains(letters[1].reason, "actorId"));
    co_await store.retry_dead_letter(letters[0]); // it is no better
    auto const still_none = co_await group.next(call_options{300ms});
    BOOST_TEST(!still_none.has_value());
    auto const again = co_await letters_of(store, "g");
    BOOST_TEST_REQUIRE(again.size() == 2u);
    BOOST_TEST(again[1].sequence == first);
    BOOST_TEST(again[1].bytes == nonsense);
  });
}

BOOST_AUTO_TEST_CASE(an_event_too_large_for_a_letter_is_read_from_its_stream) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    event e = event_of("order-1", 1);
    auto const fixed = to_json(e).size();
    constexpr std::size_t max_payload = 1024 * 1024;
    e.data["text"] = std::string(max_payload - fixed - 300, 'x');
    auto const id = e.id;
    co_await store.save_event(std::move(e));
    auto group = co_await store.join_group(group_named("g"));
    for (int i = 0; i < 2; ++i) {
      auto taken = co_await group.next(soon());
      BOOST_TEST_REQUIRE(taken.has_value());
      BOOST_TEST(taken->event().id == id);
      co_await taken->reject(std::string(900, 'r'));
      auto const letters = co_await letters_of(store, "g");
      BOOST_TEST_REQUIRE(letters.size() == 1u);
      BOOST_TEST_REQUIRE(letters.front().event.has_value());
      BOOST_TEST(letters.front().event->id == id);
      co_await store.retry_dead_letter(letters.front());
    }
    auto taken = co_await group.next(soon());
    BOOST_TEST_REQUIRE(taken.has_value());
    BOOST_TEST(taken->event().data.at("text").get_string().size() > max_payload / 2);
    co_await taken->acknowledge();
  });
}

BOOST_AUTO_TEST_CASE(several_types_leave_snapshots_alone) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    for (auto const* actor : {"order-1", "invoice-1", "cart-1"}) {
      co_await save_some(store, actor, 1, 2);
      auto snapshot = snapshot_of(actor, 2);
      co_await store.save_snapshot(std::move(snapshot));
    }
    auto options = group_named("g");
    options.filter.actor_types = {"order", "cart"};
    auto group = co_await store.join_group(options);
    auto const handled = co_await handle(group, 4);
    BOOST_TEST(handled.size() == 4u);
    auto const none = co_await group.next(call_options{300ms});
    BOOST_TEST(!none.has_value());
    auto const letters = co_await letters_of(store, "g");
    BOOST_TEST(letters.empty());
  });
}

BOOST_AUTO_TEST_CASE(cut_connections_lose_nothing) {
  run(
      [](asio::io_context& context) -> awaitable<void> {
        fault::proxy way(shared_server().port());
        auto const stream = new_stream();
        auto direct = co_await open_store(stream);
        auto store = co_await open_store(way.url(), stream);
        co_await save_some(direct, "order-1", 1, 300);
        auto options = group_named("g", 500ms);
        options.max_attempts = 1000;
        options.prefetch_events = 8;
        auto group = co_await store.join_group(options);
        std::atomic<bool> done = false;
        auto cutting = [&]() -> awaitable<void> {
          asio::steady_timer timer(context);
          for (int i = 0; !done && i < 100; ++i) { // on a slow machine nothing gets through meanwhile
            timer.expires_after(40ms);
            co_await timer.async_wait(asio::use_awaitable);
            way.cut(i % 2 ? fault::cut_kind::reset : fault::cut_kind::end);
          }
        };
        task_group tasks(context.get_executor());
        tasks.spawn(cutting());
        auto const handled = co_await handle(group, 300);
        done = true;
        co_await tasks.join();
        BOOST_TEST(handled.size() == 300u);
        auto const letters = co_await letters_of(direct, "g");
        BOOST_TEST(letters.empty());
      },
      on(1, 120s));
}

BOOST_AUTO_TEST_CASE(a_restarted_server_is_waited_for) {
  nats_server server;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto store = co_await open_store(server.url(), "S");
        co_await save_some(store, "order-1", 1, 20);
        auto options = group_named("g", 500ms);
        options.max_attempts = 1000;
        auto group = co_await store.join_group(options);
        auto held = co_await group.next(soon());
        BOOST_TEST_REQUIRE(held.has_value());
        std::set<std::string> handled;
        auto works = [&]() -> awaitable<void> { handled = co_await handle(group, 20); };
        task_group tasks(context.get_executor());
        tasks.spawn(works());
        for (int i = 0; i < 2; ++i) {
          if (i == 0)
            server.restart();
          else
            server.kill(), server.start();
        }
        co_await tasks.join();
        BOOST_TEST(handled.size() == 20u);
        co_await save_some(store, "order-1", 21, 21);
        auto next = co_await group.next(soon());
        BOOST_TEST(next.has_value());
      },
      on(2, 120s));
}

BOOST_AUTO_TEST_CASE(a_deleted_stream_is_an_error) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto group = co_await store.join_group(group_named("g"));
    auto raw = co_await raw_client::connect();
    co_await raw.api("STREAM.DELETE." + store.stream());
    auto const ended = co_await error_of(group.next(soon()));
    BOOST_TEST(ended == make_error_code(errc::stream_not_found));
  });
}

BOOST_AUTO_TEST_CASE(a_consumer_changed_by_others_is_told) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto group = co_await store.join_group(group_named("g"));
    auto raw = co_await raw_client::connect();
    auto const info = co_await raw.api("CONSUMER.INFO." + store.stream() + ".group-g");
    auto config = info.at("config").as_object();
    config["max_deliver"] = 3;
    boost::json::object body;
    body["stream_name"] = store.stream();
    body["config"] = config;
    co_await raw.api("CONSUMER.DURABLE.CREATE." + store.stream() + ".group-g", std::move(body));
    std::string text;
    try {
      (void)co_await store.join_group(group_named("g"));
    } catch (error const& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "max_deliver is 3, asked for -1"), text);
  });
}

BOOST_AUTO_TEST_CASE(members_that_join_at_once_make_one_group) {
  run(
      [](asio::io_context& context) -> awaitable<void> {
        auto const stream = new_stream();
        std::vector<jetstream_event_store> stores;
        for (int i = 0; i < 6; ++i) {
          auto store = co_await open_store(stream);
          stores.push_back(std::move(store));
        }
        std::atomic<int> joined = 0, refused = 0, other = 0;
        auto joins = [&](int i) -> awaitable<void> {
          auto options = group_named("g");
          options.start = start_from::now();
          options.max_attempts = i < 3 ? 3 : 4; // two settings: one of them wins
          auto const failed = co_await error_of(stores[static_cast<std::size_t>(i)].join_group(options));
          ++(!failed ? joined : failed == make_error_code(errc::group_settings_differ) ? refused : other);
        };
        task_group tasks(context.get_executor());
        for (int i = 0; i < 6; ++i)
          tasks.spawn(joins(i));
        co_await tasks.join();
        BOOST_TEST(joined == 3);
        BOOST_TEST(refused == 3);
        BOOST_TEST(other == 0);
      },
      on(4));
}

// The worker's way to the server ends at every point of giving an event up: nothing is lost, and it has one letter.
BOOST_AUTO_TEST_CASE(a_worker_cut_off_anywhere_between_letter_and_acknowledgement_loses_nothing) {
  run(
      [](asio::io_context&) -> awaitable<void> {
        auto const stream = new_stream();
        auto direct = co_await open_store(stream);
        auto const options = group_named("g", 200ms);
        auto watching = co_await direct.join_group(options);
        int cuts = 0, with_letter = 0, redelivered = 0;
        std::uint64_t whole = 0;
        for (auto const direction : {fault::way::to_server, fault::way::to_client}) {
          whole = 0;
          for (std::uint64_t at = 0, version = 1; at <= whole; at += whole / 20 + 1, ++version) {
            auto const actor = direction == fault::way::to_server ? std::string("order-1") : std::string("order-2");
            fault::proxy way(shared_server().port());
            auto store = co_await open_store(way.url(), stream);
            auto group = co_await store.join_group(options);
            event e = event_of(actor, static_cast<std::int64_t>(version));
            auto const id = e.id;
            co_await direct.save_event(std::move(e));
            auto taken = co_await group.next(soon());
            BOOST_TEST_REQUIRE(taken.has_value());
            BOOST_TEST_REQUIRE(taken->event().id == id);
            auto const before = way.passed(direction);
            if (whole != 0) {
              way.cut_after(direction, at, fault::cut_kind::reset);
              way.refuse(true);
            }
            call_options const patience = whole == 0 ? soon() : call_options{300ms};
            auto const failed = co_await error_of(taken->reject("no", patience));
            if (whole == 0) { // the first run tells how long it is
              BOOST_TEST_REQUIRE(!failed);
              whole = way.passed(direction) - before;
            } else {
              cuts += failed ? 1 : 0;
            }
            bool again = false;
            auto letters = co_await letters_of(direct, "g");
            while (letters.empty() && !again) {
              auto next = co_await watching.next(soon());
              BOOST_TEST_REQUIRE(next.has_value());
              again = next->event().id == id;
              co_await next->acknowledge();
              letters = co_await letters_of(direct, "g");
            }
            redelivered += again;
            BOOST_TEST((again || letters.size() == 1u));
            BOOST_TEST(letters.size() <= 1u);
            for (auto const& letter : letters) {
              BOOST_TEST(letter.event->id == id);
              with_letter += 1;
              co_await direct.discard_dead_letter(letter);
            }
        // What is not acknowledged yet comes, and is done with.
            while (auto rest = co_await watching.next(call_options{400ms}))
              co_await rest->acknowledge();
            auto const late = co_await letters_of(direct, "g");
            for (auto const& letter : late)
              co_await direct.discard_dead_letter(letter);
          }
        }
        BOOST_TEST(cuts > 10);
        BOOST_TEST(with_letter > 5);
        BOOST_TEST(redelivered > 1);
      },
      on(1, 200s));
}

BOOST_AUTO_TEST_SUITE_END()

// Not a test but the worker that the test below starts and kills: it notes an event before it acknowledges it.
BOOST_AUTO_TEST_SUITE(group_worker_process, *boost::unit_test::disabled())

using namespace groups;

BOOST_AUTO_TEST_CASE(work) { // -- URL STREAM FILE
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_TEST_REQUIRE(suite.argc == 4);
  std::string const url = suite.argv[1], stream = suite.argv[2], file = suite.argv[3];
  run([&](asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(url, stream);
    auto options = group_named("g", 500ms);
    options.max_attempts = 1000;
    options.prefetch_events = 3;
    auto group = co_await store.join_group(options);
    std::ofstream out(file, std::ios::app);
    for (;;) {
      auto e = co_await group.next();
      if (e->event().version % 3 == 0) {
        co_await e->reject("every third");
        continue;
      }
      out << e->event().id << '\n' << std::flush;
      co_await e->acknowledge();
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(group_processes, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace groups;

BOOST_AUTO_TEST_CASE(killed_workers_lose_nothing) {
  constexpr std::int64_t events = 4000; // more than are handled before the last worker is killed
  run(
      [](asio::io_context& context) -> awaitable<void> {
        auto const stream = new_stream();
        auto store = co_await open_store(stream);
        co_await save_some(store, "order-1", 1, events);
        temporary_directory const directory;
        auto const file = directory.path() / "handled";
        auto const noted = [&] {
          std::set<std::string> ids;
          std::ifstream in(file);
          for (std::string id; std::getline(in, id);)
            ids.insert(id);
          return ids;
        };
        asio::steady_timer timer(context);
        std::size_t before = 0;
        for (int round = 0; round < 5; ++round) {
          child_process worker({"/proc/self/exe", "--run_test=group_worker_process/work", "--", shared_server().url(),
                                stream, file.string()},
                               directory.path() / "worker.log");
          for (int i = 0; i < 400 && noted().size() < before + 30; ++i) {
            timer.expires_after(10ms);
            co_await timer.async_wait(asio::use_awaitable);
          }
          worker.kill();
          BOOST_TEST(noted().size() > before, read_file(directory.path() / "worker.log"));
          before = noted().size();
        }
        auto options = group_named("g", 500ms);
        options.max_attempts = 1000;
        options.prefetch_events = 3;
        auto group = co_await store.join_group(options);
        auto ids = noted();
        for (;;) {
          auto e = co_await group.next(call_options{1500ms});
          if (!e)
            break;
          ids.insert(e->event().id);
          co_await e->acknowledge();
        }
        auto const letters = co_await letters_of(store, "g");
        std::set<std::uint64_t> sequences;
        for (auto const& letter : letters) {
          ids.insert(letter.event->id);
          sequences.insert(letter.sequence);
        }
        BOOST_TEST(sequences.size() == letters.size()); // each has one
        BOOST_TEST(!letters.empty());
        BOOST_TEST(ids.size() == static_cast<std::size_t>(events));
      },
      on(1, 120s));
}

BOOST_AUTO_TEST_SUITE_END()
