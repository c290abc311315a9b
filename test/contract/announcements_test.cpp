// EventStored: what a store tells its broadcaster, when, and in which order.
#include <aether/event_bus.hpp>
#include <aether/event_stored.hpp>
#include <aether/task_group.hpp>
#include <aether/testing/fault_injecting_store.hpp>

#include <contract/contract.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(contract_announcements)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

using versions = std::vector<std::int64_t>;

/// Keeps what it is told; may throw, or hold up who calls it.
class told_broadcaster final : public event_broadcaster {
public:
  void throw_from_now_on() {
    std::lock_guard const lock(mutex_);
    throws_ = true;
  }
  void hold() {
    std::lock_guard const lock(mutex_);
    held_ = true;
  }
  void release() {
    std::lock_guard const lock(mutex_);
    held_ = false;
    released_.notify_all();
  }
  versions told() const {
    std::lock_guard const lock(mutex_);
    return told_;
  }

private:
  void do_publish(std::string_view, std::shared_ptr<event const> e) override {
    std::unique_lock lock(mutex_);
    released_.wait(lock, [this] { return !held_; });
    if (throws_)
      throw std::runtime_error("no");
    told_.push_back(e->version);
  }
  awaitable<bus_subscription> do_subscribe(bus_filter, call_options) override { throw error(errc::not_implemented); }
  bus_metrics do_metrics() const override { return {}; }

  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool throws_ = false, held_ = false;
  versions told_;
};

store_settings announcing_to(std::shared_ptr<event_broadcaster> to) {
  store_settings settings;
  settings.announce_to = std::move(to);
  return settings;
}

/// Waits for what is to be announced. A fault-injecting store ends without the one behind it, which announces.
awaitable<void> close(event_store& store) {
  co_await store.close();
  if (auto* faulty = dynamic_cast<testing::fault_injecting_store*>(&store))
    co_await faulty->inner()->close();
}

/// The versions announced so far, in their order.
versions announced(bus_subscription& heard) {
  versions out;
  while (auto const item = heard.try_receive())
    out.push_back(std::get<broadcast>(*item).event->version);
  return out;
}

awaitable<save_outcome> save_version(event_store& store, std::int64_t version) {
  return store.try_save_event(event_of("order-1", version));
}

awaitable<void> save_versions(store_ptr store, std::int64_t up_to, versions& stored) {
  for (std::int64_t version = 1; version <= up_to; ++version) {
    auto const outcome = co_await save_version(*store, version);
    if (std::holds_alternative<saved>(outcome))
      stored.push_back(version);
  }
}

BOOST_DATA_TEST_CASE(a_save_is_announced_with_what_it_stored, all_stores(), provider) {
  auto const bus = std::make_shared<event_bus>();
  with_store(provider, announcing_to(bus), [&](event_store& store) -> awaitable<void> {
    auto heard = co_await bus->subscribe({});
    auto e = event_of("order-1", 7);
    e.metadata.correlation_id("the-correlation");
    e.metadata.set("traceId", "4bf92f3577b34da6a3ce929d0e0e4736").set("spanId", "00f067aa0ba902b7");
    co_await store.save_event(e);
    auto const item = heard.try_receive();
    BOOST_TEST_REQUIRE(item.has_value());
    auto const& b = std::get<broadcast>(*item);
    BOOST_TEST(*b.name_space == "");
    BOOST_TEST(b.event->event_type == "EventStored");
    BOOST_TEST(b.event->actor_id == "order-1");
    BOOST_TEST(b.event->version == 7);
    BOOST_TEST(b.event->id != e.id);
    BOOST_TEST(b.event->data.size() == 4u);
    auto const told = as_event_stored(*b.event);
    BOOST_TEST_REQUIRE(told.has_value());
    BOOST_TEST(told->event_id == e.id);
    BOOST_TEST(told->actor_id == "order-1");
    BOOST_TEST(told->version == 7);
    BOOST_TEST((told->timestamp == std::chrono::floor<std::chrono::seconds>(e.timestamp)));
    BOOST_TEST(b.event->metadata.correlation_id() == "the-correlation");
    BOOST_TEST(b.event->metadata.causation_id() == e.id);
    BOOST_TEST(b.event->metadata.trace_id() == e.metadata.trace_id());
    BOOST_TEST(b.event->metadata.span_id() == e.metadata.span_id());
    BOOST_TEST(announced(heard).empty());
  });
}

BOOST_DATA_TEST_CASE(only_what_was_stored_is_announced_and_once, all_stores(), provider) {
  auto const bus = std::make_shared<event_bus>();
  with_store(provider, announcing_to(bus), [&](event_store& store) -> awaitable<void> {
    auto heard = co_await bus->subscribe({});
    event const e = event_of("order-1", 2);
    co_await store.save_event(e);
    auto const again = co_await store.save_event(e);
    BOOST_TEST(again.already_saved);
    auto const passed = co_await save_version(store, 1);
    BOOST_TEST(refused(passed, 2));
    save_options expecting;
    expecting.expected_version = 1;
    auto const unmet = co_await store.try_save_event(event_of("order-1", 3), expecting);
    BOOST_TEST(refused(unmet, 2));
    co_await store.save_event(event_of("order-1", 3));
    BOOST_TEST(announced(heard) == (versions{2, 3}), boost::test_tools::per_element());
    BOOST_TEST(store.metrics().announcements == 2u);
  });
}

BOOST_DATA_TEST_CASE(a_batch_is_announced_event_by_event, all_stores(), provider) {
  if (!provider.batches())
    return;
  auto const bus = std::make_shared<event_bus>();
  with_store(provider, announcing_to(bus), [&](event_store& store) -> awaitable<void> {
    auto heard = co_await bus->subscribe({});
    std::vector<event> const batch{event_of("order-1", 1), event_of("order-1", 2), event_of("order-1", 4)};
    co_await store.save_events(batch);
    auto const again = co_await store.save_events(batch);
    BOOST_TEST(again.already_saved);
    BOOST_TEST(announced(heard) == (versions{1, 2, 4}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(a_broadcaster_that_throws_fails_no_save, all_stores(), provider) {
  auto const to = std::make_shared<told_broadcaster>();
  with_store(provider, announcing_to(to), [&](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    co_await close(store);
  });
  BOOST_TEST(to->told() == versions{1}, boost::test_tools::per_element());
  to->throw_from_now_on();
  with_store(provider, announcing_to(to), [&](event_store& store) -> awaitable<void> {
    auto const result = co_await store.save_event(event_of("order-1", 1));
    BOOST_TEST(result.version == 1);
    co_await close(store);
    BOOST_TEST(store.metrics().announcements_dropped == 1u);
  });
  BOOST_TEST(to->told() == versions{1}, boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(a_broadcaster_that_hangs_holds_up_no_save, all_stores(), provider) {
  auto const to = std::make_shared<told_broadcaster>();
  to->hold();
  with_store(provider, announcing_to(to), [&](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 100; ++version)
      co_await store.save_event(event_of("order-1", version));
    BOOST_TEST(to->told().empty());
    to->release();
    co_await close(store);
  });
  versions all;
  for (std::int64_t version = 1; version <= 100; ++version)
    all.push_back(version);
  BOOST_TEST(to->told() == all, boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(what_many_writers_stored_is_announced_in_its_order, all_stores(), provider) {
  constexpr std::int64_t last = 50;
  auto const bus = std::make_shared<event_bus>();
  versions heard_all;
  std::vector<versions> stored(4);
  run_options on_four;
  on_four.threads = 4;
  with_data(
      provider,
      [&](store_data& data, boost::asio::io_context& context) -> awaitable<void> {
        auto heard = co_await bus->subscribe({});
        task_group writers(context.get_executor());
        for (auto& mine : stored) {
          auto store = co_await data.open(context.get_executor(), announcing_to(bus));
          writers.spawn(save_versions(std::move(store), last, mine));
        }
        co_await writers.join();
        heard_all = announced(heard);
      },
      on_four);
  versions all;
  for (auto const& some : stored)
    all.insert(all.end(), some.begin(), some.end());
  if (provider.independent) // two stores tell of what they stored when each learns of it
    std::sort(heard_all.begin(), heard_all.end());
  std::sort(all.begin(), all.end());
  BOOST_TEST(heard_all == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
