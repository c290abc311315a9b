// Users restricted to what docs/permissions.md names: each name is enough, together with the others, and needed.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <functional>

BOOST_AUTO_TEST_SUITE(store_permissions, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

using subjects = std::vector<std::string>;

subjects operator+(subjects a, subjects const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

subjects without(subjects all, std::string const& one) {
  std::erase(all, one);
  return all;
}

// Those of docs/permissions.md, for the stream `orders`.
subjects const creating{"$JS.API.INFO", "$JS.API.STREAM.CREATE.orders", "$JS.API.STREAM.INFO.orders",
                        "$JS.API.STREAM.UPDATE.orders"};
subjects const opening{"$JS.API.INFO", "$JS.API.STREAM.INFO.orders"};
subjects const saving{"orders.events.>", "orders.snapshots.>"};
subjects const reading{"$JS.API.STREAM.MSG.GET.orders"};
subjects const direct_reading{"$JS.API.DIRECT.GET.orders"};
subjects const consuming_of_several_types{"$JS.API.CONSUMER.CREATE.orders.*"};
subjects const consuming{"$JS.API.CONSUMER.CREATE.orders.*.orders.events.>", "$JS.API.CONSUMER.MSG.NEXT.orders.*",
                         "$JS.API.CONSUMER.DELETE.orders.*"};

class users {
public:
  void add(std::string name, subjects allowed) {
    if (!text_.empty())
      text_ += ",\n";
    text_ += "{user: \"" + name + "\", password: p, permissions: {subscribe: \"_INBOX_" + name + ".>\", publish: [";
    allowed.push_back("_INBOX_" + name + ".>");
    for (auto const& subject : allowed)
      text_ += '"' + subject + "\", ";
    text_ += "]}}";
  }
  nats_server_options options() const {
    nats_server_options options;
    options.extra_config = "authorization { users = [\n{user: admin, password: p},\n" + text_ + "\n] }\n";
    return options;
  }

private:
  std::string text_;
};

awaitable<nats::connection> connect_as(nats_server const& server, std::string user) {
  auto options = options_for(server);
  options.user = user;
  options.password = "p";
  options.inbox_prefix = "_INBOX_" + user;
  auto on = co_await nats::connection::connect(std::move(options));
  co_return on;
}

awaitable<jetstream_event_store> open_as(nats_server const& server, std::string user, bool create) {
  auto on = co_await connect_as(server, std::move(user));
  jetstream_config config;
  config.create = create;
  config.operation_timeout = 5s;
  auto store = co_await jetstream_event_store::open(std::move(on), "orders", std::move(config));
  co_return store;
}

// Everything a store does, in an order in which each needs what it is named for; the first error.
awaitable<boost::system::error_code> use(nats_server const& server, std::string user, bool create) {
  boost::system::error_code failed;
  try {
    auto store = co_await open_as(server, user, create);
    auto const actor = "order-" + make_uuid();
    for (std::int64_t version = 1; version <= 3; ++version)
      co_await store.save_event(event_of(actor, version));
    auto const versions = co_await versions_of(store, actor);
    BOOST_TEST(versions.size() == 3u);
    auto const errors = co_await store.get_events_with_errors(actor, 1);
    BOOST_TEST(errors.events.size() == 2u);
    auto const version = co_await store.latest_version(actor);
    BOOST_TEST(version == 3);
    auto const found = co_await store.find_event(actor, 2);
    BOOST_TEST(found.has_value());
    co_await store.save_snapshot(snapshot_of(actor, 3));
    auto const snapshot = co_await store.latest_snapshot(actor);
    BOOST_TEST(snapshot.version == 3);
    if (store.supports_batches())
      co_await store.save_events(events_of(actor, 4, 6));
    co_await store.close();
  } catch (boost::system::system_error const& e) {
    BOOST_TEST_MESSAGE(user << ": " << e.what());
    failed = e.code();
  }
  co_return failed;
}

using work = std::function<awaitable<void>(jetstream_event_store)>;

/// With a stream that is there; the first error.
awaitable<boost::system::error_code> error_as(nats_server const& server, std::string user, work w) {
  boost::system::error_code failed;
  try {
    auto store = co_await open_as(server, user, false);
    co_await w(store);
  } catch (boost::system::system_error const& e) {
    BOOST_TEST_MESSAGE(user << ": " << e.what());
    failed = e.code();
  }
  co_return failed;
}

/// Twice three events of two types, until it has caught up.
awaitable<void> follow(jetstream_event_store store, event_filter filter, std::size_t expected) {
  subscribe_options options;
  options.filter = std::move(filter);
  auto subscription = co_await store.subscribe(options);
  std::size_t events = 0;
  for (;;) {
    auto const item = co_await subscription.next(call_options{.timeout = 10s});
    BOOST_REQUIRE(item.has_value());
    if (std::holds_alternative<caught_up>(*item))
      break;
    ++events;
  }
  BOOST_TEST(events == expected);
}

awaitable<void> follow_everything(jetstream_event_store store) {
  event_filter filter;
  co_await follow(store, filter, 6);
  filter.actor_types = {"order"};
  co_await follow(store, filter, 3);
  filter = {};
  filter.actor_id = "stock-1";
  co_await follow(store, filter, 3);
}

awaitable<void> follow_two_types(jetstream_event_store store) {
  event_filter filter;
  filter.actor_types = {"order", "stock"};
  co_await follow(store, filter, 6);
}

awaitable<void> read_both_ways(jetstream_event_store store) {
  for (auto const direction : {read_direction::forwards, read_direction::backwards}) {
    read_options options;
    options.direction = direction;
    options.after_version = 1;
    auto reader = store.read_events("order-1", options);
    std::vector<std::int64_t> versions;
    while (auto const e = co_await reader.next())
      versions.push_back(e->event.version);
    auto const expected =
        direction == read_direction::forwards ? std::vector<std::int64_t>{2, 3} : std::vector<std::int64_t>{3, 2};
    BOOST_TEST(versions == expected, boost::test_tools::per_element());
  }
}

awaitable<void> list_both(jetstream_event_store store) {
  auto list = store.list_actors();
  std::size_t actors = 0;
  while (auto const actor = co_await list.next())
    ++actors;
  BOOST_TEST(actors == 2u);
}

awaitable<void> save_six_as_admin(nats_server const& server) {
  auto options = options_for(server);
  options.user = "admin";
  options.password = "p";
  auto on = co_await nats::connection::connect(std::move(options));
  auto store = co_await jetstream_event_store::open(std::move(on), "orders");
  for (int version = 1; version <= 3; ++version)
    for (auto const* actor : {"order-1", "stock-1"})
      co_await store.save_event(event_of(actor, version));
}

awaitable<void> create_as_admin(nats_server const& server) {
  auto options = options_for(server);
  options.user = "admin";
  options.password = "p";
  auto on = co_await nats::connection::connect(std::move(options));
  auto store = co_await jetstream_event_store::open(std::move(on), "orders");
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_named_is_enough_for_a_stream_that_is_there) {
  bool const has_batches = shared_server().at_least(2, 11);
  auto const needed = opening + saving + reading;
  auto const rest = has_batches ? direct_reading : consuming; // by which a history is read fast
  users all;
  all.add("app", needed + rest);
  all.add("slow", needed);
  for (std::size_t i = 0; i < needed.size(); ++i)
    all.add("less" + std::to_string(i), without(needed + rest, needed[i]));
  nats_server server(all.options());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    co_await create_as_admin(server);
    auto const failed = co_await use(server, "app", false);
    BOOST_TEST(!failed, failed);
    BOOST_TEST(!contains(server.log(), "Permissions Violation"), server.log());
    auto const slow = co_await use(server, "slow", false);
    BOOST_TEST(!slow, slow);
    for (std::size_t i = 0; i < needed.size(); ++i) {
      auto const code = co_await use(server, "less" + std::to_string(i), false);
      BOOST_TEST(code == errc::permission_denied, "without " << needed[i] << ": " << code);
    }
  });
}

BOOST_AUTO_TEST_CASE(what_is_named_is_enough_to_create_the_stream) {
  users all;
  auto const daily = saving + reading + direct_reading + consuming;
  all.add("owner", creating + daily);
  all.add("plain", without(without(creating + daily, "$JS.API.STREAM.INFO.orders"), "$JS.API.STREAM.UPDATE.orders"));
  all.add("app", opening + daily);
  nats_server server(all.options());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto code = co_await use(server, "app", true);
    BOOST_TEST(code == errc::permission_denied);
    code = co_await use(server, "plain", true); // a stream that is new, or is as this store wants it
    BOOST_TEST(!code, code);
    code = co_await use(server, "plain", true);
    BOOST_TEST(!code, code);
    code = co_await use(server, "owner", true);
    BOOST_TEST(!code, code);
    code = co_await use(server, "app", false);
    BOOST_TEST(!code, code);
  });
}

BOOST_AUTO_TEST_CASE(an_adopted_stream_is_mended_by_who_may) {
  users all;
  auto const daily = saving + reading + direct_reading + consuming;
  all.add("owner", creating + daily);
  nats_server server(all.options());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto options = options_for(server);
    options.user = "admin";
    options.password = "p";
    auto admin = co_await nats::connection::connect(std::move(options));
    nats::message create("$JS.API.STREAM.CREATE.orders", boost::json::serialize(go_stream_config("orders")));
    co_await admin.request(std::move(create));
    jetstream_config config;
    config.on_existing = nats::existing_stream::adopt;
    auto on = co_await connect_as(server, "owner");
    auto store = co_await jetstream_event_store::open(std::move(on), "orders", config);
    BOOST_TEST(store.weakened().empty());
  });
}

BOOST_AUTO_TEST_CASE(a_refusal_comes_at_once_and_harms_nothing_else) {
  users all;
  all.add("one_type", opening + reading + direct_reading + consuming + subjects{"orders.events.order.>"});
  nats_server server(all.options());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    co_await create_as_admin(server);
    auto store = co_await open_as(server, "one_type", false);
    co_await store.save_event(event_of("order-1", 1));
    auto const before = std::chrono::steady_clock::now();
    auto const f = co_await failure_of(store.save_event(event_of("invoice-1", 1)));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    auto code = co_await error_of(store.save_snapshot(snapshot_of("order-1", 1)));
    BOOST_TEST(code == errc::permission_denied);
    BOOST_TEST((std::chrono::steady_clock::now() - before < 4s));
    auto const none = co_await store.latest_version("invoice-1");
    BOOST_TEST(none == 0);
    auto const outcome = co_await store.try_save_event(event_of("order-1", 2));
    BOOST_TEST(stored(outcome, 2));
  });
}

// Of a subject that is too long for it the server names the beginning only.
BOOST_AUTO_TEST_CASE(a_refusal_that_may_mean_several_saves_ends_none_that_is_allowed) {
  auto const common = "order-" + std::string(225, 'x');
  users all;
  all.add("one_actor", opening + reading + direct_reading + subjects{"orders.events.order." + common + "1"});
  nats_server server(all.options());
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    co_await create_as_admin(server);
    auto store = co_await open_as(server, "one_actor", false);
    co_await store.save_event(event_of(common + "1", 1)); // known: what follows is published at once
    (void)co_await store.latest_version(common + "2");
    boost::system::error_code allowed, refused;
    auto const save = [&](event e, boost::system::error_code& end) -> awaitable<void> {
      end = co_await error_of(store.save_event(std::move(e)));
    };
    auto large = event_of(common + "1", 2); // its answer comes behind the refusal
    large.data["text"] = std::string(500'000, 'x');
    task_group group(context.get_executor());
    group.spawn(save(event_of(common + "2", 1), refused));
    group.spawn(save(std::move(large), allowed));
    co_await group.join();
    BOOST_TEST(!allowed, allowed.message());
    // Not known when the refusal came while both were under way.
    BOOST_TEST((refused == errc::permission_denied || refused == errc::outcome_unknown), refused.message());
    auto const version = co_await store.latest_version(common + "1");
    BOOST_TEST(version == 2);
    auto const alone = co_await error_of(store.save_event(event_of(common + "2", 1)));
    BOOST_TEST(alone == errc::permission_denied);
  });
}

BOOST_AUTO_TEST_CASE(what_is_named_is_enough_to_follow_a_stream) {
  auto const needed = reading + consuming;
  users all;
  all.add("follower", opening + needed + consuming_of_several_types);
  all.add("plain", opening + needed);
  for (std::size_t i = 0; i < needed.size(); ++i)
    all.add("less" + std::to_string(i), opening + without(needed, needed[i]));
  nats_server server(all.options());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    co_await save_six_as_admin(server);
    work const everything = &follow_everything;
    work const two_types = &follow_two_types;
    auto code = co_await error_as(server, "follower", everything);
    BOOST_TEST(!code, code);
    code = co_await error_as(server, "follower", two_types);
    BOOST_TEST(!code, code);
    BOOST_TEST(!contains(server.log(), "Permissions Violation"), server.log());
    code = co_await error_as(server, "plain", two_types); // everything comes, and is chosen from here
    BOOST_TEST(!code, code);
    for (std::size_t i = 0; i < needed.size(); ++i) {
      code = co_await error_as(server, "less" + std::to_string(i), everything);
      if (contains(needed[i], "DELETE")) // the server deletes what is left 30 s later
        BOOST_TEST(!code, code);
      else
        BOOST_TEST(code == errc::permission_denied, "without " << needed[i] << ": " << code);
    }
  });
}

BOOST_AUTO_TEST_CASE(what_is_named_is_enough_to_read_and_to_list) {
  bool const has_batches = shared_server().at_least(2, 11);
  users all;
  all.add("reader", opening + reading + (has_batches ? direct_reading : consuming));
  all.add("slow", opening + reading);
  all.add("blind", opening + (has_batches ? direct_reading : consuming));
  all.add("no_pull", opening + reading + without(consuming, "$JS.API.CONSUMER.MSG.NEXT.orders.*"));
  nats_server server(all.options());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    co_await save_six_as_admin(server);
    work const both_ways = &read_both_ways;
    work const list = &list_both;
    for (auto const* user : {"reader", "slow", "no_pull"}) {
      auto code = co_await error_as(server, user, both_ways);
      BOOST_TEST(!code, user << ": " << code);
      code = co_await error_as(server, user, list);
      BOOST_TEST(!code, user << ": " << code);
      if (std::string(user) == "reader")
        BOOST_TEST(!contains(server.log(), "Permissions Violation"), server.log());
    }
    auto const code = co_await error_as(server, "blind", both_ways);
    BOOST_TEST(code == errc::permission_denied, code);
  });
}

BOOST_AUTO_TEST_SUITE_END()
