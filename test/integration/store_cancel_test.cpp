// Calls given up at every moment: cancelled, or with too little time. What was begun is resolved, and nothing is left.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>

#include <map>
#include <mutex>

BOOST_AUTO_TEST_SUITE(store_cancel, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
namespace data = boost::unit_test::data;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

// From before the first step to after the answer came.
constexpr int moments = 60;
std::chrono::microseconds moment(int k) { return k < 20 ? k * 10us : k * k * 1us; }

auto threads() { return data::make({1, 4}); }

template <class T> awaitable<void> discard(awaitable<T> call) { co_await std::move(call); }

// Runs the call, cancels it after a while, waits for its end.
awaitable<void> give_up(asio::io_context& context, awaitable<void> call, std::chrono::microseconds after) {
  task_group group(context.get_executor());
  group.spawn(std::move(call));
  if (after > 0us)
    co_await pause(after);
  group.cancel();
  co_await group.join();
}

// The event is stored once when it is saved again, whatever became of the first call.
struct resolved {
  int saved = 0, already = 0, wrong = 0;
};

awaitable<void> save_again(jetstream_event_store store, event e, std::shared_ptr<resolved> r) {
  auto const version = e.version;
  save_outcome const outcome = co_await store.try_save_event(std::move(e));
  auto const* s = std::get_if<saved>(&outcome);
  ++(!s || s->version != version ? r->wrong : s->already_saved ? r->already : r->saved);
}

using body = std::function<awaitable<void>(asio::io_context&, jetstream_event_store)>;

void with_store_on(int threads, body const& b) {
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto store = co_await open_store(new_stream());
        co_await b(context, store);
      },
      on(threads, 120s));
}

BOOST_DATA_TEST_CASE(a_cancelled_save_resolves, threads(), threads) {
  auto const first = std::make_shared<resolved>(), next = std::make_shared<resolved>();
  std::int64_t messages = 0;
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store store) -> awaitable<void> {
    for (int k = 0; k < moments; ++k) {
      auto const actor = "order-" + std::to_string(k);
      for (std::int64_t version = 1; version <= 2; ++version) { // of an actor that is not known, and of one that is
        event const e = event_of(actor, version);
        co_await give_up(context, discard(store.try_save_event(e)), moment(k));
        co_await save_again(store, e, version == 1 ? first : next);
      }
    }
    auto raw = co_await raw_client::connect();
    messages = co_await raw.count(store.stream(), store.stream() + ".events.>");
  });
  for (auto const& r : {first, next}) {
    BOOST_TEST(r->wrong == 0);
    BOOST_TEST(r->saved + r->already == moments);
    BOOST_TEST(r->already > 0); // some were cancelled after they were handed over
  }
  BOOST_TEST(first->saved > 0); // and some before
  BOOST_TEST(messages == 2 * moments);
}

BOOST_DATA_TEST_CASE(a_cancelled_save_is_found_by_another_store, threads(), threads) {
  int wrong = 0;
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store store) -> awaitable<void> {
    auto other = co_await open_store(store.stream_name());
    for (int k = 0; k < moments; ++k) {
      auto const actor = "order-" + std::to_string(k);
      event const e = event_of(actor, 1);
      co_await give_up(context, discard(store.try_save_event(e)), moment(k));
      save_outcome outcome = co_await other.try_save_event(event_of(actor, 1));
      bool const taken = std::holds_alternative<version_conflict>(outcome);
      auto const found = co_await other.find_event(actor, 1);
      wrong += !found || (found->id == e.id) != taken;
      outcome = co_await store.try_save_event(e);
      wrong += std::holds_alternative<saved>(outcome) != taken;
    }
  });
  BOOST_TEST(wrong == 0);
}

BOOST_DATA_TEST_CASE(a_save_says_what_is_so_when_its_connection_is_closed, threads(), threads) {
  int wrong = 0, unknown = 0;
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store other) -> awaitable<void> {
    std::map<std::string, boost::system::error_code> ends;
    std::mutex mutex;
    for (int k = 0; k < moments; ++k) {
      auto const actor = "order-" + std::to_string(k);
      auto on = co_await nats::connection::connect(shared_server().url());
      auto store = co_await jetstream_event_store::open(on, other.stream_name());
      co_await store.save_event(event_of(actor, 1)); // so that the next one is published at once
      auto const save = [&]() -> awaitable<void> {
        auto const end = co_await error_of(store.save_event(event_of(actor, 2)));
        std::lock_guard lock(mutex);
        ends[actor] = end;
      };
      task_group group(context.get_executor());
      group.spawn(save());
      co_await pause(moment(k));
      co_await on.close();
      co_await group.join();
    }
    co_await pause(100ms); // what is on its way arrives
    for (auto const& [actor, end] : ends) {
      auto const found = co_await other.find_event(actor, 2);
      unknown += end == errc::outcome_unknown;
      wrong += end != errc::outcome_unknown && found.has_value() != !end;
    }
    BOOST_TEST(ends.size() == static_cast<std::size_t>(moments));
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST_MESSAGE(unknown << " of " << moments << " were unknown");
}

BOOST_DATA_TEST_CASE(saves_that_wait_for_their_turn_are_cancelled, threads(), threads) {
  auto const r = std::make_shared<resolved>();
  std::int64_t messages = 0;
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store store) -> awaitable<void> {
    for (int k = 0; k < moments; ++k) {
      auto const actor = "order-" + std::to_string(k);
      event const e = event_of(actor, 1);
      task_group group(context.get_executor());
      for (int i = 0; i < 10; ++i) // the same event ten times: one is under way, the others wait
        group.spawn(discard(store.try_save_event(e)));
      co_await pause(moment(k));
      group.cancel();
      co_await group.join();
      co_await save_again(store, e, r);
    }
    auto raw = co_await raw_client::connect();
    messages = co_await raw.count(store.stream(), store.stream() + ".events.>");
  });
  BOOST_TEST(r->wrong == 0);
  BOOST_TEST(messages == moments);
}

BOOST_DATA_TEST_CASE(a_cancelled_batch_is_stored_whole_or_not_at_all, threads(), threads) {
  if (!shared_server().at_least(2, 12, 1)) {
    BOOST_TEST_MESSAGE("no batches on nats-server " << shared_server().version());
    return;
  }
  int wrong = 0, before = 0;
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store store) -> awaitable<void> {
    for (int k = 0; k < moments; ++k) {
      auto const actor = "order-" + std::to_string(k);
      auto const batch = events_of(actor, 1, 20);
      co_await give_up(context, discard(store.try_save_events(batch)), 10 * moment(k)); // the server takes its time
      auto const version = co_await store.latest_version(actor);
      wrong += version != 0 && version != 20;
      before += version == 20;
      save_outcome const outcome = co_await store.try_save_events(batch);
      wrong += !std::holds_alternative<saved>(outcome);
      auto const versions = co_await versions_of(store, actor);
      wrong += versions.size() != 20u;
    }
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST_MESSAGE(before << " of " << moments << " batches were stored before they were saved again");
}

BOOST_DATA_TEST_CASE(reads_are_cancelled, threads(), threads) {
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 300; ++version)
      co_await store.save_event(event_of("order-1", version));
    co_await store.save_snapshot(snapshot_of("order-1", 250));
    for (int k = 0; k < moments; ++k) {
      co_await give_up(context, discard(store.get_events("order-1")), moment(k) * 3);
      co_await give_up(context, discard(store.get_events_with_errors("order-1", 270)), moment(k));
      co_await give_up(context, discard(store.latest_version("order-1")), moment(k));
      co_await give_up(context, discard(store.find_event("order-1", 77)), moment(k));
      co_await give_up(context, discard(store.find_latest_event("order-1")), moment(k));
      co_await give_up(context, discard(store.find_snapshot("order-1")), moment(k));
      co_await give_up(context, store.save_snapshot(snapshot_of("order-1", 251 + k)), moment(k));
    }
    auto const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 300u);
    co_await store.save_snapshot(snapshot_of("order-1", 1000));
    auto const snapshot = co_await store.latest_snapshot("order-1");
    BOOST_TEST(snapshot.version == 1000);
  });
}

BOOST_DATA_TEST_CASE(opening_and_closing_are_cancelled, threads(), threads) {
  with_store_on(threads, [&](asio::io_context& context, jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    for (int k = 0; k < moments; ++k) {
      auto const name = new_stream();
      co_await give_up(context, discard(jetstream_event_store::open(raw.connection(), name)), moment(k));
      co_await give_up(context, discard(open_store(name)), moment(k) * 2); // with connecting
      auto other = co_await jetstream_event_store::open(raw.connection(), name);
      task_group saves(context.get_executor());
      for (int i = 0; i < 5; ++i)
        saves.spawn(discard(error_of(other.save_event(event_of("order-" + std::to_string(i), 1)))));
      co_await give_up(context, discard(other.close()), moment(k));
      auto const report = co_await other.close();
      co_await saves.join();
      BOOST_TEST(report.unknown.empty());
      auto const code = co_await error_of(other.latest_version("order-1"));
      BOOST_TEST((code == errc::closed || !code)); // closing may have been cancelled before it began
    }
    auto const outcome = co_await store.try_save_event(event_of("order-1", 1));
    BOOST_TEST(stored(outcome, 1));
  });
}

BOOST_DATA_TEST_CASE(a_deadline_too_short_says_what_is_so, threads(), threads) {
  std::map<std::string, int> ends;
  int wrong = 0;
  with_store_on(threads, [&](asio::io_context&, jetstream_event_store store) -> awaitable<void> {
    for (int k = 0; k < 2 * moments; ++k) {
      auto const actor = "order-" + std::to_string(k);
      event const e = event_of(actor, 1);
      save_options const options{.timeout = moment(k / 2) + 1ns};
      auto const code = co_await error_of(store.save_event(e, options));
      ++ends[code.message().substr(0, 40)];
      if (code && code != errc::timed_out && code != errc::outcome_unknown)
        ++wrong;
      if (code == errc::timed_out) { // stored nothing, and never will
        auto other = co_await open_store(store.stream_name());
        auto const version = co_await other.latest_version(actor);
        wrong += version != 0;
      }
      save_outcome const outcome = co_await store.try_save_event(e);
      auto const* s = std::get_if<saved>(&outcome);
      wrong += !s || (code == errc::timed_out && s->already_saved) || (!code && !s->already_saved);
    }
  });
  BOOST_TEST(wrong == 0);
  for (auto const& [text, count] : ends)
    BOOST_TEST_MESSAGE(count << " × " << text);
  BOOST_TEST(ends.size() >= 2u);
}

BOOST_DATA_TEST_CASE(reads_with_too_little_time_say_so, threads(), threads) {
  int wrong = 0, late = 0;
  with_store_on(threads, [&](asio::io_context&, jetstream_event_store store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 300; ++version)
      co_await store.save_event(event_of("order-1", version));
    co_await store.save_snapshot(snapshot_of("order-1", 250));
    auto const count = [&](boost::system::error_code code) {
      wrong += code && code != errc::timed_out;
      late += code == errc::timed_out;
    };
    for (int k = 0; k < moments; ++k) {
      call_options const options{.timeout = moment(k) + 1ns};
      boost::system::error_code code = co_await error_of(store.get_events("order-1", 0, options));
      count(code);
      code = co_await error_of(store.latest_version("order-1", options));
      count(code);
      code = co_await error_of(store.find_event("order-1", 77, options));
      count(code);
      code = co_await error_of(store.latest_snapshot("order-1", options));
      count(code);
      code = co_await error_of(store.save_snapshot(snapshot_of("order-1", 251), options));
      count(code);
    }
    auto const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 300u);
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST(late > 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
