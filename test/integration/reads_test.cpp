// Reading actors' histories from a real server, by every way there is.
#include "raw_stream.hpp"

#include "nats/history.hpp"
#include "nats/leader_reads.hpp"

#include <aether/json.hpp>
#include <aether/task_group.hpp>

#include <support/nats_server.hpp>
#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(reads, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using aether::nats::detail::history_request;
using aether::nats::detail::stream_access;

namespace {

/// The ways to read: what the server has, and what is left without batches.
std::vector<std::string> const ways{"as the server can", "consumer"};

std::function<void(stream_access&)> by(std::string const& way) {
  return [way](stream_access& s) {
    if (way == "consumer")
      s.batch_direct_get = false;
  };
}

awaitable<replay_result> read(raw_stream const& s, std::string actor_id, std::int64_t after = 0, std::uint64_t from = 1,
                              bool keep_errors = true) {
  history_request request;
  request.actor_id = std::move(actor_id);
  request.after_version = after;
  request.from_sequence = from;
  request.keep_errors = keep_errors;
  return nats::detail::read_history(s.access(), std::move(request), in(std::chrono::seconds(30)));
}

/// The code that reading ends with.
awaitable<boost::system::error_code> failure_of(awaitable<replay_result> reading, std::string& text) {
  boost::system::error_code code;
  try {
    co_await std::move(reading);
  } catch (boost::system::system_error const& e) {
    code = e.code();
    text = e.what();
  }
  co_return code;
}

awaitable<void> close(raw_stream const& s) {
  auto connection = s.connection();
  co_await connection.close();
}

std::string versions(replay_result const& r) {
  std::string out;
  for (auto const& e : r.events)
    out += (out.empty() ? "" : " ") + std::to_string(e.version);
  return out;
}

bool are_versions(std::vector<event> const& events, std::int64_t first, std::int64_t last) {
  if (static_cast<std::int64_t>(events.size()) != last - first + 1)
    return false;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (events[i].version != first + static_cast<std::int64_t>(i))
      return false;
  return true;
}

} // namespace

BOOST_AUTO_TEST_CASE(short_histories_take_few_round_trips) {
  nats_server server;
  for (auto const& way : ways)
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), {}, by(way));
      for (auto const count : {0, 1, 100}) {
        auto const actor = "order-" + std::to_string(count);
        auto const stored = co_await read(s, actor);
        if (count > 0 && stored.events.empty())
          co_await s.store_events(actor, 1, count);
        auto const before = s.messages_out();
        auto const r = co_await read(s, actor);
        auto const requests = s.messages_out() - before;
        BOOST_TEST_CONTEXT(way << ", " << count) {
          BOOST_TEST(are_versions(r.events, 1, count));
          BOOST_TEST(r.errors.empty());
          // A consumer: created, asked once, deleted without waiting.
          BOOST_TEST(requests <= (s.access()->batch_direct_get ? 1u : 3u));
        }
      }
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(events_come_back_as_they_were_stored) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto s = co_await raw_stream::open(server.url());
    boost::json::object data;
    data["text"] = "Zażółć \xF0\x9F\x98\x80";
    data["big"] = 9223372036854775807;
    auto stored = make_event("placed", "order-a b.c>*%", 9223372036854775807, std::move(data));
    stored.metadata.trace_id("t");
    stored.command_id = "c";
    co_await s.store(stored.actor_id, to_json(stored));
    auto const r = co_await read(s, stored.actor_id);
    BOOST_REQUIRE(r.events.size() == 1u);
    BOOST_TEST((r.events.front() == stored));
    co_await close(s);
  });
}

BOOST_AUTO_TEST_CASE(a_long_history_comes_whole_and_in_order) {
  nats_server server;
  for (auto const& way : ways)
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), {}, by(way));
      auto const there = co_await nats::detail::read_current(s.access(), "order-1", in(std::chrono::seconds(10)));
      if (!there.latest)
        co_await s.store_events("order-1", 1, 100'000);
      auto const r = co_await read(s, "order-1");
      BOOST_TEST(are_versions(r.events, 1, 100'000), way);
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(several_threads_and_many_readers_at_once) {
  nats_server server;
  for (auto const& way : ways) {
    std::vector<bool> right(8);
    run(
        [&](boost::asio::io_context& context) -> awaitable<void> {
          nats::jetstream_config config;
          config.read_batch_bytes = 20'000;
          auto s = co_await raw_stream::open(server.url(), std::move(config), by(way));
          for (int i = 0; i < 8 && way == ways.front(); ++i)
            co_await s.store_events("order-" + std::to_string(i), 1, 3000, 20);
          task_group readers(context.get_executor());
          std::mutex mutex;
          auto one = [](raw_stream stream, std::size_t i, std::vector<bool>& out, std::mutex& m) -> awaitable<void> {
            auto const r = co_await read(stream, "order-" + std::to_string(i));
            std::lock_guard lock(m);
            out[i] = are_versions(r.events, 1, 3000);
          };
          for (std::size_t i = 0; i < right.size(); ++i)
            readers.spawn(one(s, i, right, mutex));
          co_await readers.join();
          co_await close(s);
        },
        {.threads = 4});
    for (bool const ok : right)
      BOOST_TEST(ok, way);
  }
}

BOOST_AUTO_TEST_CASE(reads_what_stands_behind_a_version) {
  nats_server server;
  for (auto const& way : ways)
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), {}, by(way));
      if (way == ways.front()) {
        co_await s.store_events("order-1", 1, 2000, 10);
        co_await s.store_others(50);
        co_await s.store_events("order-1", 5001, 6000, 10); // versions may leave gaps
      }
      struct expected {
        std::int64_t after, first, last;
      };
      for (auto const& e : std::vector<expected>{{0, 1, 6000},
                                                 {1, 2, 6000},
                                                 {511, 512, 6000},
                                                 {512, 513, 6000},
                                                 {1999, 2000, 6000},
                                                 {2000, 5001, 6000},
                                                 {3000, 5001, 6000},
                                                 {5000, 5001, 6000},
                                                 {5001, 5002, 6000},
                                                 {5999, 6000, 6000},
                                                 {6000, 0, -1},
                                                 {9223372036854775807, 0, -1}})
        for (bool const keep_errors : {true, false}) {
          auto const r = co_await read(s, "order-1", e.after, 1, keep_errors);
          auto const low = e.first > 2000 ? 0 : 2001 - e.first;
          auto const high = e.last < 0 ? 0 : 6001 - std::max<std::int64_t>(e.first, 5001);
          BOOST_TEST_CONTEXT(way << ", after " << e.after) {
            BOOST_TEST(r.errors.empty());
            BOOST_REQUIRE(static_cast<std::int64_t>(r.events.size()) == (e.last < 0 ? 0 : low + high));
            if (!r.events.empty()) {
              BOOST_TEST(r.events.front().version == e.first);
              BOOST_TEST(r.events.back().version == e.last);
            }
          }
        }
      // From a sequence that a snapshot knows.
      auto const hinted = co_await read(s, "order-1", 1990, 1991);
      BOOST_TEST(hinted.events.size() == 1010u);
      auto const beyond = co_await read(s, "order-1", 6000, 1'000'000);
      BOOST_TEST(beyond.events.empty());
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(malformed_messages_are_reported_or_skipped) {
  nats_server server;
  for (auto const& way : ways)
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), {}, by(way));
      auto const actor = way == ways.front() ? std::string("order-1") : std::string("order-2");
      nats::header_list pretending;
      pretending.emplace_back("Nats-Sequence", "77777");
      pretending.emplace_back("Nats-Num-Pending", "0");
      pretending.emplace_back("Nats-Pending-Messages", "5");
      pretending.emplace_back("Nats-Last-Sequence", "3");
      pretending.emplace_back("Status", "404");
      auto nobody = pretending;
      nobody.back().second = "503";
      std::vector<std::uint64_t> bad;
      co_await s.store(actor, event_text(actor, 1));
      for (auto const* text : {"not json", "[]", "{}", "\xFF", R"({"id":"a","eventType":"b"})"})
        bad.push_back(co_await s.store(actor, text));
      bad.push_back(co_await s.store(actor, event_text("order-99", 2)));
      co_await s.store(actor, event_text(actor, 2));
      auto const second_time = co_await s.store(actor, event_text(actor, 2)); // the version once more
      bad.push_back(second_time);
      bad.push_back(co_await s.store(actor, ""));
      bad.push_back(co_await s.store(actor, "", pretending));
      co_await s.store(actor, event_text(actor, 3), pretending);
      bad.push_back(co_await s.store(actor, "", nobody));
      co_await s.store(actor, event_text(actor, 4));
      bad.push_back(co_await s.store(actor, "the end"));
      auto const r = co_await read(s, actor);
      BOOST_TEST_CONTEXT(way) {
        BOOST_TEST(versions(r) == "1 2 3 4");
        BOOST_REQUIRE(r.errors.size() == bad.size());
        for (std::size_t i = 0; i < bad.size(); ++i) {
          BOOST_TEST(r.errors[i].sequence == bad[i]);
          bool const twice = bad[i] == second_time;
          BOOST_TEST((r.errors[i].error == (twice ? errc::version_order : errc::malformed_event)));
          BOOST_TEST(!r.errors[i].reason.empty());
        }
        BOOST_TEST(r.errors.front().raw_data == "not json");
        BOOST_TEST(r.errors.back().raw_data == "the end");
      }
      auto const skipped = co_await read(s, actor, 0, 1, false);
      BOOST_TEST(versions(skipped) == "1 2 3 4");
      BOOST_TEST(skipped.errors.empty());
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(large_events_come_whatever_the_batch) {
  nats_server server;
  for (auto const& way : ways)
    for (std::size_t const bytes : {1u, 5000u, 600'000u, 4'000'000u})
      run([&](boost::asio::io_context&) -> awaitable<void> {
        nats::jetstream_config config;
        config.read_batch_bytes = bytes;
        auto s = co_await raw_stream::open(server.url(), std::move(config), by(way));
        auto const there = co_await nats::detail::read_current(s.access(), "order-1", in(std::chrono::seconds(10)));
        if (!there.latest) {
          co_await s.store_events("order-1", 1, 20);
          co_await s.store_events("order-1", 21, 24, 1'048'576 - 600);
          co_await s.store_events("order-1", 25, 40);
          co_await s.store_events("order-1", 41, 41, 500'000);
        }
        auto const r = co_await read(s, "order-1");
        BOOST_TEST_CONTEXT(way << ", " << bytes) { BOOST_TEST(are_versions(r.events, 1, 41)); }
        co_await close(s);
      });
}

BOOST_AUTO_TEST_CASE(a_history_beyond_the_limits_ends_with_an_error) {
  nats_server server;
  for (auto const& way : ways)
    run([&](boost::asio::io_context&) -> awaitable<void> {
      nats::jetstream_config config;
      config.max_history_events = 50;
      config.max_history_bytes = 100'000;
      auto s = co_await raw_stream::open(server.url(), std::move(config), by(way));
      if (way == ways.front()) {
        co_await s.store_events("order-1", 1, 51);
        co_await s.store_events("order-2", 1, 3, 40'000);
      }
      std::string text;
      auto code = co_await failure_of(read(s, "order-1"), text);
      BOOST_TEST((code == errc::history_too_long));
      BOOST_TEST(text.find("max_history_events (50)") != std::string::npos, text);
      code = co_await failure_of(read(s, "order-2"), text);
      BOOST_TEST((code == errc::history_too_long));
      BOOST_TEST(text.find("max_history_bytes (100000)") != std::string::npos, text);
      auto const fifty = co_await read(s, "order-1", 1);
      BOOST_TEST(are_versions(fifty.events, 2, 51));
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(one_rare_actor_among_many_others) {
  nats_server server;
  for (auto const& way : ways)
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), {}, by(way));
      if (way == ways.front()) {
        co_await s.store_events("rare-1", 1, 3);
        co_await s.store_others(50'000);
        co_await s.store_events("rare-1", 4, 6);
        co_await s.store_others(50'000);
      }
      auto const before = s.messages_out();
      auto const r = co_await read(s, "rare-1");
      BOOST_TEST(are_versions(r.events, 1, 6), way);
      BOOST_TEST(s.messages_out() - before <= 3u, way);
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(two_actors_of_one_subject_are_never_mixed) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    nats::jetstream_config config;
    config.subject_encoding = nats::subject_encoding::underscore;
    auto s = co_await raw_stream::open(server.url(), std::move(config));
    co_await s.store("order-a b", event_text("order-a b", 1));
    co_await s.store("order-a.b", event_text("order-a.b", 1));
    for (auto const* actor : {"order-a b", "order-a.b", "order-a_b"}) {
      std::string text;
      auto const code = co_await failure_of(read(s, actor), text);
      BOOST_TEST((code == errc::actor_mismatch), actor);
    }
    co_await close(s);
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(leader_reads, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace reads;

BOOST_AUTO_TEST_CASE(the_current_state_of_an_actor) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto s = co_await raw_stream::open(server.url());
    auto const deadline = in(std::chrono::seconds(20));
    auto none = co_await nats::detail::read_current(s.access(), "order-1", deadline);
    BOOST_TEST(none.last_sequence == 0u);
    BOOST_TEST(!none.latest.has_value());

    co_await s.store_events("order-1", 1, 10);
    co_await s.store_others(100);
    auto const before = s.messages_out();
    auto const good = co_await nats::detail::read_current(s.access(), "order-1", deadline);
    BOOST_TEST(s.messages_out() - before == 1u);
    BOOST_TEST(good.latest.value().version == 10);
    BOOST_TEST(good.last_sequence == 10u);
    BOOST_TEST(good.latest_sequence == 10u);
    BOOST_TEST((good.last_time > make_event("a", "b", 1).timestamp - std::chrono::minutes(1)));

    // Malformed ones behind it: a few are searched past, a long row is read.
    for (int row = 1; row <= 30; ++row) {
      auto const sequence = co_await s.store("order-1", "bad");
      auto const bad = co_await nats::detail::read_current(s.access(), "order-1", deadline);
      BOOST_REQUIRE(bad.latest.has_value());
      BOOST_TEST(bad.latest->version == 10);
      BOOST_TEST(bad.latest_sequence == 10u);
      BOOST_TEST(bad.last_sequence == sequence);
    }
    co_await s.store("order-2", "bad");
    auto const only_bad = co_await nats::detail::read_current(s.access(), "order-2", deadline);
    BOOST_TEST(only_bad.last_sequence > 0u);
    BOOST_TEST(!only_bad.latest.has_value());
    co_await close(s);
  });
}

BOOST_AUTO_TEST_CASE(faults_around_a_searched_start_are_reported) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto s = co_await raw_stream::open(server.url());
    co_await s.store_events("order-1", 1, 1000, 10);
    auto const first = co_await s.store("order-1", "bad");
    co_await s.store_events("order-1", 2001, 2010, 10);
    auto const last = co_await s.store("order-1", "worse");
    auto const gap = co_await read(s, "order-1", 1500);
    BOOST_TEST(are_versions(gap.events, 2001, 2010));
    BOOST_REQUIRE(gap.errors.size() == 2u);
    BOOST_TEST(gap.errors[0].sequence == first);
    BOOST_TEST(gap.errors[1].sequence == last);
    auto const exact = co_await read(s, "order-1", 1000);
    BOOST_TEST(exact.errors.size() == 2u);
    auto const none = co_await read(s, "order-1", 2010);
    BOOST_TEST(none.events.empty());
    BOOST_REQUIRE(none.errors.size() == 1u);
    BOOST_TEST(none.errors[0].sequence == last);
    co_await close(s);
  });
}

BOOST_AUTO_TEST_CASE(the_first_event_from_a_version_on) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto s = co_await raw_stream::open(server.url());
    auto const deadline = in(std::chrono::seconds(20));
    auto const none = co_await nats::detail::find_from_version(s.access(), "order-1", 1, deadline);
    BOOST_TEST(!none.has_value());
    co_await s.store_events("order-1", 1, 1000, 10);
    co_await s.store_others(500);
    co_await s.store("order-1", "bad");
    co_await s.store_events("order-1", 2000, 2100, 10);
    for (std::int64_t const version : {1, 2, 500, 999, 1000, 1001, 1500, 2000, 2050, 2099, 2100}) {
      auto const before = s.messages_out();
      auto const found = co_await nats::detail::find_from_version(s.access(), "order-1", version, deadline);
      BOOST_REQUIRE(found.has_value());
      auto const expected = version > 1000 ? std::max<std::int64_t>(version, 2000) : version;
      BOOST_TEST(found->value.version == expected);
      BOOST_TEST(found->sequence == static_cast<std::uint64_t>(expected <= 1000 ? expected : expected - 498));
      BOOST_TEST(s.messages_out() - before <= 24u);
    }
    auto const beyond = co_await nats::detail::find_from_version(s.access(), "order-1", 2101, deadline);
    BOOST_TEST(!beyond.has_value());
    co_await close(s);
  });
}

BOOST_AUTO_TEST_SUITE_END()
