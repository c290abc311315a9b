// Bad input and trouble: a clear error, nothing stored, and store, connection and process still usable.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <atomic>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(store_trouble, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace json = boost::json;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

awaitable<void> still_usable(jetstream_event_store store) {
  std::int64_t const version = co_await store.latest_version("usable-1");
  auto const outcome = co_await store.try_save_event(event_of("usable-1", version + 1));
  BOOST_TEST(stored(outcome, version + 1));
  auto const versions = co_await versions_of(store, "usable-1");
  BOOST_TEST(versions.size() == static_cast<std::size_t>(version) + 1);
}

struct ends_of_saves {
  std::atomic<int> saved = 0, overloaded = 0, other = 0;
};

awaitable<void> save_and_count(jetstream_event_store store, event e, std::shared_ptr<ends_of_saves> counts) {
  auto const code = co_await error_of(store.save_event(std::move(e)));
  ++(!code ? counts->saved : code == errc::overloaded ? counts->overloaded : counts->other);
}

nats_server_options with_accounts(std::string accounts) {
  nats_server_options options;
  options.extra_config = "accounts { " + std::move(accounts) + " }\n";
  return options;
}

awaitable<nats::connection> connect_as_a(nats_server const& server) {
  auto options = options_for(server);
  options.user = "a";
  options.password = "p";
  return nats::connection::connect(std::move(options));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_without_jetstream) {
  nats_server server(without_jetstream());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const f = co_await failure_of(open_store(server.url(), "orders"));
    BOOST_TEST(f.code == errc::jetstream_not_available);
    BOOST_TEST(contains(f.text, "-js"), f.text);
  });
}

// The server says of a request on the connection's shared inbox that nobody is there; it does not say of which.
BOOST_AUTO_TEST_CASE(a_save_that_nobody_takes_ends_no_request_to_a_service) {
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto c = raw.connection();
    auto store = co_await jetstream_event_store::open(c, new_stream());
    co_await store.save_event(event_of("order-1", 1)); // known: the next is published without asking
    co_await raw.api("STREAM.DELETE." + store.stream_name());
    auto service = co_await c.subscribe(store.stream_name() + ".service");
    std::string answered;
    auto const ask = [&]() -> awaitable<void> {
      nats::message const m(store.stream_name() + ".service", "x");
      auto const answer = co_await c.request(m);
      answered = answer.data;
    };
    task_group group(context.get_executor());
    group.spawn(ask());
    auto const got = co_await service.receive(); // it is under way
    auto const code = co_await error_of(store.save_event(event_of("order-1", 2), save_options{.timeout = 1s}));
    BOOST_TEST(static_cast<bool>(code));
    co_await c.publish(nats::message(got->reply, "answered"));
    co_await group.join();
    BOOST_TEST(answered == "answered");
  });
}

// Nothing was handed over, so nothing is unknown.
BOOST_AUTO_TEST_CASE(a_save_without_a_server_was_not_made) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    co_await store.save_event(event_of("order-1", 1)); // now the actor's version is known
    server.kill();
    co_await pause(200ms); // the connection has noticed
    for (auto const* actor : {"order-1", "order-2"}) {
      save_options const options{.timeout = 300ms};
      event const e = event_of(actor, 2);
      auto const code = co_await error_of(store.save_event(e, options));
      BOOST_TEST(code == errc::timed_out, actor << ": " << code);
    }
    auto const report = co_await store.close(call_options{.timeout = 1s});
    BOOST_TEST(report.unknown.empty());
  });
}

BOOST_AUTO_TEST_CASE(an_account_without_jetstream) {
  nats_server server(with_accounts("A { users: [{user: a, password: p}] }\n"
                                   "B { jetstream: enabled, users: [{user: b, password: p}] }"));
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on = co_await connect_as_a(server);
    auto const f = co_await failure_of(jetstream_event_store::open(on, "orders"));
    BOOST_TEST(f.code == errc::jetstream_not_available, f.text);
    co_await on.flush(); // the connection is still good
  });
}

BOOST_AUTO_TEST_CASE(replicas_that_the_server_cannot_give) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    jetstream_config config;
    config.replica_count = 3;
    auto const name = new_stream();
    auto const f = co_await failure_of(open_store(name, config));
    if (shared_server().at_least(2, 10, 20))
      BOOST_TEST(f.code == errc::not_enough_replicas, f.text);
    else
      BOOST_TEST(f.code == errc::server_too_old, f.text);
    BOOST_TEST(contains(f.text, "replica_count is 3"), f.text);
    auto raw = co_await raw_client::connect();
    auto const none = co_await raw.api_error("STREAM.INFO." + name);
    BOOST_TEST(none == 10059);
    config.replica_count = 6;
    auto const nonsense = co_await failure_of(open_store(name, config));
    BOOST_TEST(nonsense.code == errc::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(a_stream_deleted_underneath) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    event const last = event_of("order-1", 1);
    co_await store.save_event(last);
    co_await store.save_snapshot(snapshot_of("order-1", 1));
    auto raw = co_await raw_client::connect();
    auto const deleted = co_await raw.api_error("STREAM.DELETE." + store.stream());
    BOOST_TEST_REQUIRE(deleted == 0);

    call_options const soon{.timeout = 2s};
    save_options const save_soon{.timeout = 2s};
    auto const gone = [](boost::system::error_code code) { return code == errc::stream_not_found; };
    auto code = co_await error_of(store.get_events("order-1", 0, soon));
    BOOST_TEST(gone(code), "get_events: " << code);
    code = co_await error_of(store.latest_version("order-1", soon));
    BOOST_TEST(gone(code), "latest_version: " << code);
    code = co_await error_of(store.find_event("order-1", 1, soon));
    BOOST_TEST(gone(code), "find_event: " << code);
    code = co_await error_of(store.find_snapshot("order-1", soon));
    BOOST_TEST(gone(code), "find_snapshot: " << code);
    code = co_await error_of(store.save_snapshot(snapshot_of("order-1", 2), soon));
    BOOST_TEST(gone(code), "save_snapshot: " << code);
    code = co_await error_of(store.save_event(event_of("order-9", 1), save_soon)); // unknown: the leader is asked first
    BOOST_TEST(gone(code), "save_event of a new actor: " << code);
    event const unheard = event_of("order-1", 2); // known: published to subjects that nobody listens to
    code = co_await error_of(store.save_event(unheard, save_soon));
    BOOST_TEST((gone(code) || code == errc::timed_out || code == errc::outcome_unknown), "save_event: " << code);

    auto again = co_await open_store(store.stream_name()); // makes it anew
    auto outcome = co_await store.try_save_event(unheard); // the old handle finds the new stream
    BOOST_TEST(stored(outcome, 2));
    auto const versions = co_await versions_of(again, "order-1");
    BOOST_TEST(versions.size() == 1u);
    co_await still_usable(store);
  });
}

BOOST_AUTO_TEST_CASE(an_event_larger_than_the_server_takes) {
  nats_server_options options;
  options.extra_config = "max_payload: 8192\n";
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    event large = event_of("order-1", 1);
    large.data["text"] = std::string(8192, 'x');
    auto const f = co_await failure_of(store.save_event(large));
    BOOST_TEST(f.code == errc::event_too_large);
    BOOST_TEST(contains(f.text, "8192"), f.text);
    for (std::size_t size = 7400; size < 8200; size += 7) { // around the limit: stored or refused, never worse
      event e = event_of("order-2", static_cast<std::int64_t>(size));
      e.data["text"] = std::string(size, 'x');
      auto const code = co_await error_of(store.save_event(e));
      BOOST_TEST((!code || code == errc::event_too_large), size << ": " << code);
      BOOST_TEST((size > 7500 || !code), size);
    }
    co_await still_usable(store);
  });
}

// The server tells an account's limit after the connection has been made.
BOOST_AUTO_TEST_CASE(an_event_larger_than_the_account_may_send) {
  nats_server server(with_accounts("A { jetstream: enabled, limits { max_payload: 4096 }\n"
                                   "users: [{user: a, password: p}] }"));
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on = co_await connect_as_a(server);
    auto store = co_await jetstream_event_store::open(on, "orders");
    event large = event_of("order-1", 1);
    large.data["text"] = std::string(6000, 'x');
    auto const f = co_await failure_of(store.save_event(large));
    BOOST_TEST(f.code == errc::event_too_large, f.text);
    co_await still_usable(store);
    BOOST_TEST(on.statistics().reconnects == 0u);
  });
}

// What was found to be saved already is as old as it is, not as young as the call that found it.
BOOST_AUTO_TEST_CASE(an_event_that_was_saved_already_expires_in_its_time) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto writer = co_await open_store(name, short_lived());
    auto const e = event_of("order-1", 1);
    co_await writer.save_event(e);
    co_await pause(1500ms); // of the two seconds that it lives
    auto other = co_await open_store(name, short_lived());
    auto const again = co_await other.save_event(e);
    BOOST_TEST(again.already_saved);
    co_await until_expired(co_await raw_client::connect(), name);
    auto const outcome = co_await other.try_save_event(event_of("order-1", 1));
    BOOST_TEST(std::holds_alternative<saved>(outcome));
  });
}

BOOST_AUTO_TEST_CASE(a_longer_id_leaves_less_room) {
  nats_server_options options;
  options.extra_config = "max_payload: 8192\n";
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    for (std::size_t size = 6900; size < 8000; size += 7) {
      event e = event_of("order-2", static_cast<std::int64_t>(size), std::string(200, 'i') + std::to_string(size));
      e.data["text"] = std::string(size, 'x');
      auto const code = co_await error_of(store.save_event(e));
      BOOST_TEST((!code || code == errc::event_too_large), size << ": " << code);
    }
    co_await still_usable(store);
  });
}

BOOST_AUTO_TEST_CASE(a_history_longer_than_the_limit) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 50; ++version) {
      event e = event_of("order-1", version);
      e.data["text"] = std::string(1000, 'x');
      co_await store.save_event(std::move(e));
    }
    jetstream_config config;
    config.max_history_events = 20;
    auto few = co_await open_store(store.stream_name(), config);
    auto f = co_await failure_of(few.get_events("order-1"));
    BOOST_TEST(f.code == errc::history_too_long);
    BOOST_TEST(contains(f.text, "max_history_events (20)"), f.text);
    f = co_await failure_of(few.get_events("order-1", 29));
    BOOST_TEST(f.code == errc::history_too_long);
    auto versions = co_await versions_of(few, "order-1", 30); // exactly as many
    BOOST_TEST(versions.size() == 20u);
    config.max_history_events = 0;
    config.max_history_bytes = 20'000;
    auto small = co_await open_store(store.stream_name(), config);
    f = co_await failure_of(small.get_events("order-1"));
    BOOST_TEST(f.code == errc::history_too_long);
    BOOST_TEST(contains(f.text, "max_history_bytes (20000)"), f.text);
    versions = co_await versions_of(small, "order-1", 40);
    BOOST_TEST(versions.size() == 10u);
    co_await still_usable(few);
    co_await still_usable(small);
  });
}

BOOST_AUTO_TEST_CASE(a_full_stream_refuses_and_drops_nothing) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    jetstream_config config;
    config.max_stream_bytes = 20'000;
    auto store = co_await open_store(new_stream(), config);
    std::int64_t last = 0;
    boost::system::error_code code;
    for (std::int64_t version = 1; version <= 100 && !code; ++version) {
      event e = event_of("order-1", version);
      e.data["text"] = std::string(1000, 'x');
      code = co_await error_of(store.save_event(std::move(e)));
      if (!code)
        last = version;
    }
    BOOST_TEST(code == errc::storage_full);
    BOOST_TEST(last > 5);
    auto const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == static_cast<std::size_t>(last));
    code = co_await error_of(store.save_event(event_of("order-2", 1)));
    BOOST_TEST((!code || code == errc::storage_full), code);
  });
}

BOOST_AUTO_TEST_CASE(more_waiting_saves_than_allowed_are_refused_and_not_stored) {
  auto const counts = std::make_shared<ends_of_saves>();
  std::int64_t messages = 0;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto const name = new_stream();
    jetstream_config config;
    config.max_waiting_saves = 10;
    auto store = co_await open_store(name, config);
    task_group group(context.get_executor());
    for (int i = 0; i < 200; ++i)
      group.spawn(save_and_count(store, event_of("order-" + std::to_string(i), 1), counts));
    co_await group.join();
    auto raw = co_await raw_client::connect();
    messages = co_await raw.count(name, name + ".events.>");
    co_await still_usable(store);
  });
  BOOST_TEST(counts->saved + counts->overloaded == 200);
  BOOST_TEST(counts->saved >= 10);
  BOOST_TEST(counts->overloaded >= 100);
  BOOST_TEST(messages == counts->saved);
}

BOOST_AUTO_TEST_CASE(more_saves_than_may_be_in_flight_wait_their_turn) {
  auto const counts = std::make_shared<ends_of_saves>();
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        jetstream_config config;
        config.max_saves_in_flight = 2;
        config.strands = 2;
        config.version_cache_bytes = 4096; // and hardly anything is remembered
        auto store = co_await open_store(new_stream(), config);
        task_group group(context.get_executor());
        for (int i = 0; i < 500; ++i)
          group.spawn(save_and_count(store, event_of("order-" + std::to_string(i), 1), counts));
        co_await group.join();
        co_await still_usable(store);
      },
      on(4));
  BOOST_TEST(counts->saved == 500);
}

BOOST_AUTO_TEST_CASE(an_id_used_for_another_event_is_told) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1, "the id"));
    auto code = co_await error_of(store.save_event(event_of("order-2", 1, "the id")));
    BOOST_TEST(code == errc::duplicate_event_id);
    code = co_await error_of(store.save_event(event_of("order-1", 2, "the id")));
    BOOST_TEST(code == errc::duplicate_event_id);
    auto const none = co_await store.latest_version("order-2");
    BOOST_TEST(none == 0);
    co_await store.save_event(event_of("order-2", 1, "another id"));
    co_await still_usable(store);
  });
}

BOOST_AUTO_TEST_CASE(nothing_deletes_or_changes_what_is_stored) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    saved const s = co_await store.save_event(event_of("order-1", 1));
    auto raw = co_await raw_client::connect();
    json::object message;
    message["seq"] = s.sequence;
    auto refused = co_await raw.api_error("STREAM.MSG.DELETE." + store.stream(), message);
    BOOST_TEST(refused == 10057);
    message["no_erase"] = true;
    refused = co_await raw.api_error("STREAM.MSG.DELETE." + store.stream(), message);
    BOOST_TEST(refused == 10057);
    refused = co_await raw.api_error("STREAM.PURGE." + store.stream());
    BOOST_TEST(refused == 10110);
    json::object filter;
    filter["filter"] = store.stream() + ".events.order.order-1";
    refused = co_await raw.api_error("STREAM.PURGE." + store.stream(), filter);
    BOOST_TEST(refused == 10110);
    auto config = co_await raw.stream_config(store.stream());
    config["deny_delete"] = false;
    refused = co_await raw.api_error("STREAM.UPDATE." + store.stream(), config);
    BOOST_TEST(refused != 0);
    nats::header_list rollup;
    rollup.emplace_back("Nats-Rollup", "sub");
    bool rolled_up = true;
    try {
      co_await raw.publish(store.stream() + ".events.order.order-1", "{}", rollup);
    } catch (std::runtime_error const& e) {
      rolled_up = !contains(e.what(), "10111");
    }
    BOOST_TEST(!rolled_up);
    auto const events = co_await store.get_events("order-1");
    BOOST_TEST(events.size() == 1u);
  });
}

namespace {

// No call that updates or deletes compiles, on any store.
template <class Store>
constexpr bool is_append_only =
    !requires(Store s) { s.delete_event("order-1", 1); } && !requires(Store s) { s.delete_events("order-1"); } &&
    !requires(Store s) { s.remove_event("order-1", 1); } && !requires(Store s) { s.erase("order-1"); } &&
    !requires(Store s) { s.purge(); } && !requires(Store s, event e) { s.update_event(e); } &&
    !requires(Store s, event e) { s.replace_event(e); } && !requires(Store s) { s.truncate("order-1", 1); } &&
    !requires(Store s) { s.delete_snapshot("order-1"); } && !requires(Store s) { s.delete_stream(); };

static_assert(requires(jetstream_event_store s, event e) { s.save_event(e); });
static_assert(is_append_only<event_store>);
static_assert(is_append_only<jetstream_event_store>);

} // namespace

BOOST_AUTO_TEST_SUITE_END()
