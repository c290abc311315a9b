// What the embedded store promises beyond the contract of all stores.
#include <aether/memory_event_store.hpp>
#include <aether/task_group.hpp>
#include <support/run.hpp>

#include "json_writer.hpp"
#include "memory_log.hpp"
#include "recent_ids.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <limits>
#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(memory_event_store_own)

using namespace aether;
using aether::test::run;
namespace asio = boost::asio;

namespace {

event event_of(std::string actor_id, std::int64_t version) {
  return make_event("Placed", std::move(actor_id), version);
}

std::vector<event> events_of(std::string const& actor_id, std::int64_t first, std::int64_t last) {
  std::vector<event> events;
  for (std::int64_t version = first; version <= last; ++version)
    events.push_back(event_of(actor_id, version));
  return events;
}

void refused(memory_config config, std::string const& option) {
  try {
    config.validate();
    BOOST_ERROR("taken: " << option);
  } catch (error const& e) {
    BOOST_TEST(e.code() == make_error_code(errc::invalid_argument));
    BOOST_TEST(std::string(e.what()).find(option) != std::string::npos);
  }
}

awaitable<std::string> text_of(awaitable<saved> call) {
  std::string what;
  try {
    co_await std::move(call);
  } catch (error const& e) {
    what = e.what();
  }
  co_return what;
}

} // namespace

BOOST_AUTO_TEST_CASE(sequences_count_the_stores_events_from_one) {
  run([](asio::io_context& context) -> awaitable<void> {
    memory_event_store store(context.get_executor());
    saved result = co_await store.save_event(event_of("order-1", 1));
    BOOST_TEST(result.sequence == 1u);
    result = co_await store.save_event(event_of("order-2", 1));
    BOOST_TEST(result.sequence == 2u);
    co_await store.try_save_event(event_of("order-2", 1)); // a conflict uses none up
    result = co_await store.save_events(events_of("order-1", 2, 4));
    BOOST_TEST(result.sequence == 5u);
    result = co_await store.save_event(event_of("order-3", 1));
    BOOST_TEST(result.sequence == 6u);
  });
}

BOOST_AUTO_TEST_CASE(every_stored_event_is_recognised_again) {
  run([](asio::io_context& context) -> awaitable<void> {
    memory_event_store store(context.get_executor());
    std::vector<event> const events = events_of("order-1", 1, 50);
    for (event const& e : events)
      co_await store.save_event(e);
    std::uint64_t sequence = 0;
    for (event const& e : events) {
      saved const again = co_await store.save_event(e);
      BOOST_TEST(again.already_saved);
      BOOST_TEST(again.version == e.version);
      BOOST_TEST(again.sequence == ++sequence);
    }
    std::vector<event> const part(events.begin() + 10, events.begin() + 20);
    saved const batch = co_await store.save_events(part);
    BOOST_TEST(batch.already_saved);
    BOOST_TEST(batch.version == 20);
  });
}

// The ids of a refused batch are free again, the ones before the offending one too.
BOOST_AUTO_TEST_CASE(a_batch_refused_for_an_id_leaves_no_trace) {
  run([](asio::io_context& context) -> awaitable<void> {
    memory_event_store store(context.get_executor());
    event const first = event_of("order-1", 1);
    co_await store.save_event(first);
    std::vector<event> batch = events_of("order-2", 1, 3);
    batch[2].id = first.id;
    boost::system::error_code thrown;
    try {
      co_await store.save_events(batch);
    } catch (error const& e) {
      thrown = e.code();
    }
    BOOST_TEST(thrown == make_error_code(errc::duplicate_event_id));
    std::int64_t const version = co_await store.latest_version("order-2");
    BOOST_TEST(version == 0);
    batch.pop_back();
    saved const result = co_await store.save_events(batch);
    BOOST_TEST(!result.already_saved);
    BOOST_TEST(result.sequence == 3u);
  });
}

BOOST_AUTO_TEST_CASE(max_event_bytes_is_exact) {
  run([](asio::io_context& context) -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.data["text"] = std::string(1000, '\n'); // twice as long as JSON
    memory_config config;
    config.max_event_bytes = detail::json_size(e);
    memory_event_store store(context.get_executor(), config);
    co_await store.save_event(e);
    e = event_of("order-1", 2);
    e.timestamp = time_point(std::chrono::seconds(1));
    e.data["text"] = std::string(config.max_event_bytes, 'x');
    std::string const what = co_await text_of(store.save_event(e));
    BOOST_TEST(what.find("max_event_bytes (" + std::to_string(config.max_event_bytes) + ")") != std::string::npos);
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 1);
  });
}

BOOST_AUTO_TEST_CASE(max_history_bytes_is_exact) {
  run([](asio::io_context& context) -> awaitable<void> {
    std::vector<event> const events = events_of("order-1", 1, 3);
    memory_config config;
    for (event const& e : events)
      config.max_history_bytes += detail::json_size(e);
    memory_event_store store(context.get_executor(), config);
    co_await store.save_events(events);
    std::vector<event> const read = co_await store.get_events("order-1");
    BOOST_TEST((read == events));
    co_await store.save_event(event_of("order-1", 4));
    boost::system::error_code thrown;
    try {
      co_await store.get_events("order-1");
    } catch (error const& e) {
      thrown = e.code();
    }
    BOOST_TEST(thrown == make_error_code(errc::history_too_long));
  });
}

BOOST_AUTO_TEST_CASE(calls_end_without_suspending) {
  run([](asio::io_context& context) -> awaitable<void> {
    memory_event_store store(context.get_executor());
    bool turned = false;
    asio::post(context, [&turned] { turned = true; });
    co_await store.save_event(event_of("order-1", 1));
    co_await store.get_events("order-1");
    BOOST_TEST(!turned);
    co_await asio::post(context, asio::use_awaitable);
  });
}

BOOST_AUTO_TEST_CASE(the_handle_may_outlive_its_context) {
  std::optional<memory_event_store> store;
  {
    asio::io_context gone;
    store.emplace(gone.get_executor());
  }
  run([&](asio::io_context&) -> awaitable<void> {
    saved const result = co_await store->save_event(event_of("order-1", 1));
    BOOST_TEST(result.version == 1);
  });
}

BOOST_AUTO_TEST_CASE(nonsense_in_the_options_is_named) {
  memory_config().validate();
  memory_config config;
  config.operation_timeout = std::chrono::nanoseconds(-1);
  refused(config, "operation_timeout");
  config = {};
  config.max_history_events = static_cast<std::size_t>(-1);
  refused(config, "max_history_events");
  config = {};
  config.max_history_bytes = static_cast<std::size_t>(-5);
  refused(config, "max_history_bytes");
  config = {};
  config.max_event_bytes = std::numeric_limits<std::size_t>::max();
  refused(config, "max_event_bytes");
  asio::io_context context;
  BOOST_CHECK_THROW(memory_event_store(context.get_executor(), config), error);
  config = {};
  config.version_policy = static_cast<version_policy>(7);
  refused(config, "version_policy");
  asio::any_io_executor const none;
  BOOST_CHECK_THROW(memory_event_store(none, memory_config()), error);
}

BOOST_AUTO_TEST_CASE(the_window_of_ids_is_bounded_and_keeps_the_last) {
  using detail::recent_ids;
  recent_ids window;
  std::size_t const count = recent_ids::shard_count * recent_ids::per_shard * 4;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < count; ++i)
    ids.push_back("id-" + std::to_string(i));
  bool all_new = true;
  for (auto const& id : ids)
    all_new = window.claim(id) && all_new;
  BOOST_TEST(all_new);
  std::size_t recognised = 0;
  for (std::size_t i = count - 10'000; i < count; ++i)
    recognised += !window.claim(ids[i]);
  BOOST_TEST(recognised == 10'000u);
  BOOST_TEST(window.claim(ids[0])); // long gone
  BOOST_TEST(!window.claim(ids[0]));
  window.release(ids[0]);
  BOOST_TEST(window.claim(ids[0]));
}

// Threads that draw sequences side by side: all different, none missing, rising for each actor.
BOOST_AUTO_TEST_CASE(sequences_have_no_gap_and_no_twin) {
  constexpr int writers = 4, each = 2000;
  std::vector<std::vector<std::uint64_t>> drawn(writers);
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const write = [](memory_event_store s, std::string actor,
                              std::vector<std::uint64_t>& out) -> awaitable<void> {
          for (std::int64_t version = 1; version <= each; ++version) {
            saved const result = co_await s.save_event(event_of(actor, version));
            out.push_back(result.sequence);
            if (version % 64 == 0)
              co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
          }
        };
        memory_event_store const store(context.get_executor());
        task_group group(context.get_executor());
        for (int i = 0; i < writers; ++i)
          group.spawn(write(store, "order-" + std::to_string(i), drawn[static_cast<std::size_t>(i)]));
        co_await group.join();
      },
      {.threads = 4});
  std::set<std::uint64_t> all;
  for (auto const& sequences : drawn) {
    BOOST_TEST(std::is_sorted(sequences.begin(), sequences.end()));
    all.insert(sequences.begin(), sequences.end());
  }
  BOOST_TEST(all.size() == static_cast<std::size_t>(writers * each));
  BOOST_TEST(*all.rbegin() == static_cast<std::uint64_t>(writers * each));
}

BOOST_AUTO_TEST_CASE(once_closed_nothing_more_is_stored) {
  detail::memory_log log;
  std::atomic<bool> refused_all = false;
  std::thread writer([&] {
    try {
      for (std::int64_t version = 1;; ++version)
        log.append(std::make_unique<detail::stored_event>(event_of("order-1", version), 1), {},
                   detail::prepared_announcements(nullptr));
    } catch (error const& e) {
      refused_all = e.code() == make_error_code(errc::closed);
    }
  });
  while (log.latest("order-1") == nullptr)
    std::this_thread::yield();
  log.close();
  auto const* last = log.latest("order-1");
  writer.join();
  BOOST_TEST(refused_all);
  BOOST_TEST(log.latest("order-1") == last);
}

BOOST_AUTO_TEST_SUITE_END()
