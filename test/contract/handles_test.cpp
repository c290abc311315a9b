// Handles: default-made, copied, moved from, closed; awaitables that are never awaited; calls that are cancelled.
#include <aether/task_group.hpp>
#include <contract/contract.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>

BOOST_AUTO_TEST_SUITE(contract_handles)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

awaitable<void> everything_throws(event_store& store, errc why) {
  std::vector<call_result> const results = co_await call_everything(store, "order-9");
  for (call_result const& result : results)
    BOOST_TEST(result.error == make_error_code(why), result.name << " threw " << result.error);
}

awaitable<void> every_reader_throws(event_store& store, errc why) {
  std::vector<call_result> const results = co_await call_every_reader(store, "order-9");
  for (call_result const& result : results)
    BOOST_TEST(result.error == make_error_code(why), result.name << " threw " << result.error);
}

BOOST_DATA_TEST_CASE(readers_need_an_open_handle, all_readers(), provider) {
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_ptr const none = data.default_made();
    co_await every_reader_throws(*none, errc::not_open);
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    std::vector<call_result> const results = co_await call_every_reader(*store, "order-9");
    for (call_result const& result : results)
      BOOST_TEST(!result.error, result.name << " threw " << result.error);
    store_ptr const moved = data.move_out(*store);
    co_await every_reader_throws(*store, errc::not_open);
    co_await moved->close();
    co_await every_reader_throws(*moved, errc::closed);
  });
}

BOOST_DATA_TEST_CASE(everything_works_on_an_open_handle, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    std::vector<call_result> const results = co_await call_everything(store, "order-9");
    for (call_result const& result : results)
      BOOST_TEST(!result.error, result.name << " threw " << result.error);
  });
}

BOOST_DATA_TEST_CASE(a_default_made_handle_is_not_open, all_stores(), provider) {
  with_data(provider, [](store_data& data, asio::io_context&) -> awaitable<void> {
    store_ptr const store = data.default_made();
    co_await everything_throws(*store, errc::not_open);
    boost::system::error_code const thrown = co_await error_of(store->close());
    BOOST_TEST(thrown == make_error_code(errc::not_open));
    BOOST_CHECK_THROW(store->supports_batches(), error);
  });
}

BOOST_DATA_TEST_CASE(a_moved_from_handle_is_not_open_and_the_other_goes_on, all_stores(), provider) {
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    co_await store->save_event(event_of("order-1", 1));
    store_ptr const moved = data.move_out(*store);
    co_await everything_throws(*store, errc::not_open);
    std::int64_t const version = co_await moved->latest_version("order-1");
    BOOST_TEST(version == 1);
  });
}

BOOST_DATA_TEST_CASE(copies_share_their_data_and_their_end, all_stores(), provider) {
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr store = co_await data.open(context.get_executor(), settings);
    store_ptr const copy = data.copy(*store);
    co_await store->save_event(event_of("order-1", 1));
    save_outcome const outcome = co_await copy->try_save_event(event_of("order-1", 1));
    BOOST_TEST(refused(outcome, 1));
    store_ptr const another = data.copy(*store);
    store.reset();
    std::int64_t const version = co_await copy->latest_version("order-1");
    BOOST_TEST(version == 1);
    close_report const report = co_await another->close();
    BOOST_TEST(report.unknown.empty());
    co_await everything_throws(*copy, errc::closed);
  });
}

BOOST_DATA_TEST_CASE(a_closed_store_takes_no_call_and_may_be_closed_again, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    co_await store.close();
    co_await everything_throws(store, errc::closed);
    close_report const report = co_await store.close();
    BOOST_TEST(report.unknown.empty());
  });
}

BOOST_DATA_TEST_CASE(handles_that_are_independent_share_the_data_but_not_the_end, all_stores(), provider) {
  if (!provider.independent) {
    BOOST_TEST_MESSAGE("no independent handles: " << provider.name);
    return;
  }
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const one = co_await data.open(context.get_executor(), settings);
    store_ptr const two = co_await data.open(context.get_executor(), settings);
    for (std::int64_t version = 1; version <= 10; ++version) { // each learns of the other's events
      store_ptr const writer = version % 2 == 0 ? one : two;
      save_outcome const outcome = co_await writer->try_save_event(event_of("order-1", version));
      BOOST_TEST(stored(outcome, version));
    }
    save_outcome outcome = co_await two->try_save_event(event_of("order-1", 10));
    BOOST_TEST(refused(outcome, 10));
    event const e = event_of("order-1", 11);
    co_await one->save_event(e);
    outcome = co_await two->try_save_event(e);
    BOOST_TEST(already(outcome, 11));
    co_await one->close();
    std::vector<std::int64_t> const versions = co_await versions_of(*two, "order-1");
    BOOST_TEST(versions.size() == 11u);
  });
}

BOOST_DATA_TEST_CASE(an_awaitable_that_is_not_awaited_does_nothing, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    {
      auto const save = store.save_event(event_of("order-1", 1));
      auto const batch = store.save_events(events_of("order-1", 1, 2));
      auto const snapshot = store.save_snapshot(snapshot_of("order-1", 1));
      auto const read = store.get_events("order-1");
      auto const end = store.close();
    }
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 0);
    std::optional<actor_snapshot> const found = co_await store.find_snapshot("order-1");
    BOOST_TEST(!found.has_value());
  });
}

BOOST_DATA_TEST_CASE(an_awaitable_may_be_awaited_after_its_handle_is_gone, all_stores(), provider) {
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const kept = co_await data.open(context.get_executor(), settings);
    store_ptr gone = data.copy(*kept);
    auto save = gone->save_event(event_of("order-1", 1));
    auto batch = gone->save_events(events_of("order-1", 2, 2));
    auto snapshot = gone->save_snapshot(snapshot_of("order-1", 1));
    auto read = gone->get_events("order-1");
    auto latest = gone->latest_snapshot("order-1");
    gone.reset();
    saved const first = co_await std::move(save);
    BOOST_TEST(first.version == 1);
    saved const second = co_await std::move(batch);
    BOOST_TEST(second.version == 2);
    co_await std::move(snapshot);
    std::vector<event> const events = co_await std::move(read);
    BOOST_TEST(events.size() == 2u);
    actor_snapshot const s = co_await std::move(latest);
    BOOST_TEST(s.version == 1);
  });
}

BOOST_DATA_TEST_CASE(what_is_awaited_after_close_is_refused, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    auto save = store.save_event(event_of("order-1", 1));
    co_await store.close();
    boost::system::error_code const thrown = co_await error_of(std::move(save));
    BOOST_TEST(thrown == make_error_code(errc::closed));
  });
}

// Saves the next version again and again until it is cancelled.
awaitable<void> save_for_ever(store_ptr store, std::string actor_id, std::shared_ptr<std::atomic<int>> saves) {
  for (std::int64_t version = 1;; ++version) {
    save_outcome const outcome = co_await store->try_save_event(event_of(actor_id, version));
    if (auto const* conflict = std::get_if<version_conflict>(&outcome))
      version = conflict->current_version;
    ++*saves;
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
}

BOOST_DATA_TEST_CASE(cancelled_calls_leave_the_store_usable, all_stores() * one_and_four_threads(), provider, threads) {
  run_options options;
  options.threads = threads;
  auto const body = [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    auto const saves = std::make_shared<std::atomic<int>>(0);
    int const actors = 20;
    for (int round = 1; round <= 5; ++round) {
      task_group group(context.get_executor());
      for (int i = 0; i < actors; ++i)
        group.spawn(save_for_ever(store, "order-" + std::to_string(i), saves));
      while (*saves < round * 100)
        co_await asio::post(context, asio::use_awaitable);
      group.cancel();
      co_await group.join();
    }
    for (int i = 0; i < actors; ++i) {
      std::string const actor = "order-" + std::to_string(i);
      std::int64_t version = co_await store->latest_version(actor);
      save_outcome outcome = co_await store->try_save_event(event_of(actor, version + 1));
      if (auto const* conflict = std::get_if<version_conflict>(&outcome)) { // a cancelled save came through after all
        version = conflict->current_version;
        outcome = co_await store->try_save_event(event_of(actor, version + 1));
      }
      BOOST_TEST(stored(outcome, version + 1));
      std::vector<std::int64_t> const versions = co_await versions_of(*store, actor);
      bool in_order = !versions.empty();
      for (std::size_t n = 0; n < versions.size(); ++n)
        in_order = in_order && versions[n] == static_cast<std::int64_t>(n) + 1;
      BOOST_TEST(in_order);
    }
  };
  with_data(provider, body, options);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
