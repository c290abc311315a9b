// The public calls of a store, over one that records what reaches it.
#include <aether/event_store.hpp>
#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(event_store_calls)

using namespace aether;
using aether::test::run;

namespace {

// Answers with what the test prepared; its coroutines do not touch it.
class scripted_store final : public event_store {
public:
  save_outcome outcome;
  replay_result replay;
  std::optional<actor_snapshot> snapshot;
  std::vector<std::string> calls;

private:
  template <class T> static awaitable<T> answer(T value) { co_return value; }
  static awaitable<void> nothing() { co_return; }

  awaitable<save_outcome> do_save_event(event e, save_options options) override {
    calls.push_back("save " + e.id + " expecting " + std::to_string(options.expected_version.value_or(-1)));
    return answer(outcome);
  }
  awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options) override {
    calls.push_back("batch of " + std::to_string(batch.size()));
    return answer(outcome);
  }
  awaitable<replay_result> do_get_events(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                         call_options options) override {
    calls.push_back("read " + actor_id + " after " + std::to_string(after_version) +
                    (keep_errors ? " with errors" : "") + ", " + std::to_string(options.timeout.count()) + " ns");
    return answer(replay);
  }
  event_reader do_read_events(std::string actor_id, read_options) override {
    calls.push_back("reader of " + actor_id);
    return {};
  }
  awaitable<event_subscription> do_subscribe(subscribe_options options) override {
    calls.push_back("subscription to " + options.filter.actor_id);
    return answer(event_subscription());
  }
  actor_list do_list_actors(list_options options) override {
    calls.push_back("list of " + options.type);
    return {};
  }
  awaitable<event_group> do_join_group(group_options options) override {
    calls.push_back("joining " + options.name);
    return answer(event_group());
  }
  awaitable<bool> do_delete_group(std::string name, call_options) override {
    calls.push_back("deleting " + name);
    return answer(true);
  }
  dead_letter_list do_dead_letters(std::string group) override {
    calls.push_back("letters of " + group);
    return {};
  }
  awaitable<bool> do_remove_dead_letter(dead_letter letter, bool retry, call_options) override {
    calls.push_back((retry ? "retrying a letter of " : "discarding a letter of ") + letter.group);
    return answer(true);
  }
  awaitable<std::int64_t> do_latest_version(std::string, call_options) override { return answer(std::int64_t{7}); }
  awaitable<std::optional<event>> do_find_event(std::string, std::int64_t, call_options) override {
    return answer(std::optional<event>());
  }
  awaitable<std::optional<event>> do_find_latest_event(std::string, call_options) override {
    return answer(std::optional<event>());
  }
  bool do_supports_batches() const override { return true; }
  awaitable<void> do_save_snapshot(actor_snapshot, call_options) override { return nothing(); }
  awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options) override {
    calls.push_back("snapshot of " + actor_id);
    return answer(snapshot);
  }
  awaitable<close_report> do_close(call_options) override { return answer(close_report()); }
};

event an_event() {
  event e = make_event("Placed", "order-1", 3);
  e.id = "the-id";
  return e;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_default_made_outcome_is_no_success) {
  save_outcome const outcome;
  BOOST_TEST(!std::holds_alternative<saved>(outcome));
}

BOOST_AUTO_TEST_CASE(save_event_returns_what_was_saved) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    scripted_store store;
    store.outcome = saved{3, 17, true};
    save_options options;
    options.expected_version = 2;
    saved const result = co_await store.save_event(an_event(), options);
    BOOST_TEST(result.version == 3);
    BOOST_TEST(result.sequence == 17u);
    BOOST_TEST(result.already_saved);
    BOOST_TEST(store.calls.back() == "save the-id expecting 2");
    std::vector<event> const batch(2, an_event());
    saved const of_batch = co_await store.save_events(batch);
    BOOST_TEST(of_batch.version == 3);
    BOOST_TEST(store.calls.back() == "batch of 2");
  });
}

BOOST_AUTO_TEST_CASE(a_conflict_is_thrown_or_returned) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    scripted_store store;
    store.outcome = version_conflict("order-1", 3, 9);
    int thrown = 0;
    try {
      co_await store.save_event(an_event());
    } catch (version_conflict_error const& e) {
      thrown += e.actor_id() == "order-1" && e.attempted_version() == 3 && e.current_version() == 9;
    }
    std::vector<event> const batch(2, an_event());
    try {
      co_await store.save_events(batch);
    } catch (version_conflict_error const& e) {
      thrown += e.current_version() == 9;
    }
    BOOST_TEST(thrown == 2);
    save_outcome const outcome = co_await store.try_save_event(an_event());
    BOOST_TEST((std::get<version_conflict>(outcome) == version_conflict("order-1", 3, 9)));
  });
}

BOOST_AUTO_TEST_CASE(get_events_is_a_read_without_errors) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    scripted_store store;
    store.replay.events.push_back(an_event());
    store.replay.errors.emplace_back();
    call_options options;
    options.timeout = std::chrono::nanoseconds(5);
    std::vector<event> const events = co_await store.get_events("order-1", 2, options);
    BOOST_TEST(events.size() == 1u);
    BOOST_TEST(store.calls.back() == "read order-1 after 2, 5 ns");
    replay_result const result = co_await store.get_events_with_errors("order-1");
    BOOST_TEST(result.events.size() == 1u);
    BOOST_TEST(result.errors.size() == 1u);
    BOOST_TEST(store.calls.back() == "read order-1 after 0 with errors, 0 ns");
  });
}

BOOST_AUTO_TEST_CASE(latest_snapshot_throws_when_there_is_none) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    scripted_store store;
    std::string what;
    try {
      co_await store.latest_snapshot("order-1");
    } catch (error const& e) {
      BOOST_TEST(e.code() == make_error_code(errc::snapshot_not_found));
      what = e.what();
    }
    BOOST_TEST(what.find("order-1") != std::string::npos);
    store.snapshot = make_snapshot("order-1", 4);
    actor_snapshot const found = co_await store.latest_snapshot("order-1");
    BOOST_TEST(found.version == 4);
    BOOST_TEST(store.calls.back() == "snapshot of order-1");
  });
}

BOOST_AUTO_TEST_CASE(no_call_touches_the_handle_once_it_is_made) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto store = std::make_unique<scripted_store>();
    store->outcome = saved{3, 1, false};
    store->snapshot = make_snapshot("order-1", 4);
    auto save = store->save_event(an_event());
    auto read = store->get_events("order-1");
    auto snapshot = store->latest_snapshot("order-1");
    store.reset();
    saved const result = co_await std::move(save);
    BOOST_TEST(result.version == 3);
    std::vector<event> const events = co_await std::move(read);
    BOOST_TEST(events.empty());
    actor_snapshot const found = co_await std::move(snapshot);
    BOOST_TEST(found.version == 4);
  });
}

BOOST_AUTO_TEST_SUITE_END()
