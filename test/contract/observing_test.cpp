// What operators see: calls counted by how they ended, timed, and traced from beginning to end.
#include <aether/tracing.hpp>

#include <contract/contract.hpp>

#include <map>
#include <mutex>

BOOST_AUTO_TEST_SUITE(contract_observing)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

trace_context context_of(std::uint8_t number) {
  trace_context c;
  c.trace_id[15] = 1;
  c.span_id[7] = number;
  c.flags = 1;
  return c;
}

/// Keeps what it is told. Its spans are numbered from 100.
class kept_spans final : public tracer {
public:
  struct span {
    operation_begin begin;
    std::string actor_id, event_type;
    operation_end end;
    bool ended = false;
  };

  operation_span begin(operation_begin const& what) noexcept override {
    std::lock_guard const lock(mutex_);
    auto made = std::make_shared<span>();
    made->begin = what;
    made->actor_id = what.actor_id;
    made->event_type = what.event_type;
    spans_.push_back(made);
    operation_span out;
    out.token = made;
    out.context = context_of(static_cast<std::uint8_t>(99 + spans_.size()));
    return out;
  }

  void end(operation_span given, operation_end const& how) noexcept override {
    std::lock_guard const lock(mutex_);
    auto& ending = *static_cast<span*>(given.token.get());
    twice_ = twice_ || ending.ended;
    ending.end = how;
    ending.ended = true;
  }

  std::vector<span> all() const {
    std::lock_guard const lock(mutex_);
    std::vector<span> out;
    for (auto const& s : spans_)
      out.push_back(*s);
    return out;
  }
  bool twice() const {
    std::lock_guard const lock(mutex_);
    return twice_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<span>> spans_;
  bool twice_ = false;
};

BOOST_DATA_TEST_CASE(saves_are_counted_by_how_they_ended, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 5);
    co_await store.save_event(e);
    co_await store.save_event(e);
    co_await store.try_save_event(event_of("order-1", 5));
    auto const thrown = co_await error_of(store.save_event(event_of("order-1", 4)));
    BOOST_TEST((thrown == errc::version_conflict));
    auto const nonsense = co_await error_of(store.save_event(event_of("", 6)));
    BOOST_TEST((nonsense == errc::invalid_id));
    co_await store.save_event(event_of("order-2", 1));
    auto const m = store.metrics();
    BOOST_TEST(m.saves.saved == 2u);
    BOOST_TEST(m.saves.already_saved == 1u);
    BOOST_TEST(m.saves.conflict == 2u);
    BOOST_TEST(m.saves.failed == 1u);
    BOOST_TEST(m.saves.unknown == 0u);
    BOOST_TEST(m.saves.total() == 6u);
    BOOST_TEST(m.events_saved == 2u);
    BOOST_TEST(m.saves_in_flight == 0u);
    BOOST_TEST(m.save_duration.count() == 2u);
    BOOST_TEST((m.save_duration.sum > 0ns));
  });
}

BOOST_DATA_TEST_CASE(a_batch_is_one_save_of_several_events, all_stores(), provider) {
  if (!provider.batches())
    return;
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_events(events_of("order-1", 1, 3));
    auto const m = store.metrics();
    BOOST_TEST(m.saves.saved == 1u);
    BOOST_TEST(m.events_saved == 3u);
  });
}

BOOST_DATA_TEST_CASE(reads_and_snapshots_are_counted, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 4; ++version)
      co_await store.save_event(event_of("order-1", version));
    co_await store.get_events("order-1");
    co_await store.get_events_with_errors("order-1", 3);
    co_await store.save_snapshot(snapshot_of("order-1", 4));
    co_await store.find_snapshot("order-1");
    auto const none = co_await error_of(store.latest_snapshot("order-2"));
    BOOST_TEST((none == errc::snapshot_not_found));
    auto const m = store.metrics();
    BOOST_TEST(m.replays == 2u);
    BOOST_TEST(m.replay_duration.count() == 2u);
    BOOST_TEST(m.events_replayed == 5u);
    BOOST_TEST(m.snapshots_saved == 1u);
    BOOST_TEST(m.snapshots_read == 2u);
    BOOST_TEST(m.malformed_messages == 0u);
  });
}

BOOST_DATA_TEST_CASE(what_readers_hand_out_is_replayed_too, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 4; ++version)
      co_await store.save_event(event_of("order-1", version));
    {
      auto to_its_end = store.read_events("order-1", {.after_version = 1});
      auto dropped = store.read_events("order-1");
      co_await dropped.next();
      auto e = co_await to_its_end.next();
      while (e)
        e = co_await to_its_end.next();
      BOOST_TEST(store.metrics().events_replayed == 3u);
    }
    BOOST_TEST(store.metrics().events_replayed == 4u);
    BOOST_TEST(store.metrics().replays == 0u);
  });
}

BOOST_DATA_TEST_CASE(subscriptions_tell_how_far_behind_they_are, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 10; ++version)
      co_await store.save_event(event_of("order-1", version));
    {
      auto subscription = co_await store.subscribe();
      BOOST_TEST(store.metrics().subscriptions == 1u);
      for (int i = 0; i < 4; ++i)
        co_await subscription.next();
      BOOST_TEST(store.metrics().events_delivered == 4u);
      auto item = co_await subscription.next();
      while (!std::holds_alternative<caught_up>(*item))
        item = co_await subscription.next();
      auto const nothing = co_await subscription.next(call_options{.timeout = 10ms});
      BOOST_TEST(!nothing.has_value());
      auto const m = store.metrics();
      BOOST_TEST(m.events_delivered == 10u);
      BOOST_TEST(m.events_behind == 0u);
    }
    auto const m = store.metrics();
    BOOST_TEST(m.subscriptions == 0u);
    BOOST_TEST(m.events_delivered == 10u);
  });
}

BOOST_DATA_TEST_CASE(copies_of_a_handle_count_together, all_stores(), provider) {
  with_data(provider, [](store_data& data, boost::asio::io_context& context) -> awaitable<void> {
    auto const store = co_await data.open(context.get_executor(), {});
    auto const copy = data.copy(*store);
    co_await store->save_event(event_of("order-1", 1));
    co_await copy->save_event(event_of("order-1", 2));
    BOOST_TEST(store->metrics().saves.saved == 2u);
    BOOST_TEST(copy->metrics().saves.saved == 2u);
    BOOST_TEST(data.default_made()->metrics().saves.total() == 0u);
  });
}

store_settings traced_by(std::shared_ptr<tracer> by) {
  store_settings settings;
  settings.tracer = std::move(by);
  return settings;
}

BOOST_DATA_TEST_CASE(a_saves_span_goes_on_to_whoever_reads_the_event, all_stores(), provider) {
  if (provider.name == "fault_injecting")
    return; // the store behind it traces
  auto const spans = std::make_shared<kept_spans>();
  with_store(provider, traced_by(spans), [&](event_store& store) -> awaitable<void> {
    auto e = event_of("order-1", 3);
    set_trace(e.metadata, context_of(7));
    co_await store.save_event(e);
    auto const stored = co_await store.find_event("order-1", 3);
    BOOST_TEST_REQUIRE(stored.has_value());
    auto const all = spans->all();
    BOOST_TEST_REQUIRE(all.size() == 2u);
    BOOST_TEST((all[0].begin.what == store_operation::save_event));
    BOOST_TEST((all[0].begin.parent == context_of(7)));
    BOOST_TEST(all[0].actor_id == "order-1");
    BOOST_TEST(all[0].event_type == e.event_type);
    BOOST_TEST(all[0].begin.version == 3);
    BOOST_TEST(all[0].end.events == 1u);
    BOOST_TEST((trace_of(stored->metadata) == context_of(100)));
  });
}

BOOST_DATA_TEST_CASE(each_call_begins_and_ends_once, all_stores(), provider) {
  if (provider.name == "fault_injecting")
    return;
  auto const spans = std::make_shared<kept_spans>();
  with_store(provider, traced_by(spans), [&](event_store& store) -> awaitable<void> {
    co_await call_everything(store, "order-1");
    co_await call_every_reader(store, "order-1");
    call_options within;
    within.trace = context_of(9);
    co_await store.latest_version("order-1", within);
    BOOST_TEST((spans->all().back().begin.parent == context_of(9)));
    auto const refused_one = co_await error_of(store.save_event(event_of("order-1", 1)));
    BOOST_TEST((refused_one == errc::version_conflict));
    BOOST_TEST((spans->all().back().end.error == errc::version_conflict));
    {
      auto const never_awaited = store.find_event("order-1", 1);
    }
    BOOST_TEST((spans->all().back().end.error == boost::asio::error::operation_aborted));
    co_await store.close();
  });
  BOOST_TEST(!spans->twice());
  std::map<store_operation, int> seen;
  for (auto const& s : spans->all()) {
    BOOST_TEST(s.ended, to_string(s.begin.what) << " did not end");
    ++seen[s.begin.what];
  }
  for (auto const what :
       {store_operation::save_event, store_operation::save_events, store_operation::get_events,
        store_operation::latest_version, store_operation::find_event, store_operation::find_latest_event,
        store_operation::save_snapshot, store_operation::find_snapshot, store_operation::read_events,
        store_operation::list_actors, store_operation::subscribe, store_operation::close})
    BOOST_TEST(seen[what] > 0, to_string(what));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
