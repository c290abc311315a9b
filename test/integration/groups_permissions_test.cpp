// Members of a group restricted to what docs/groups.md names: it is enough, and what is missing is an error, not
// silence.
#include <integration/store_support.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(groups_permissions, *boost::unit_test::precondition(aether::test::has_nats_server))

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

// Those of docs/groups.md, for the stream `orders` and the group `invoicing`.
subjects const opening{"$JS.API.INFO", "$JS.API.STREAM.INFO.orders"};
subjects const joining{"$JS.API.STREAM.INFO.orders_dead",
                       "$JS.API.STREAM.MSG.GET.orders",
                       "$JS.API.CONSUMER.INFO.orders.group-invoicing",
                       "$JS.API.CONSUMER.INFO.orders_dead.group-invoicing",
                       "$JS.API.CONSUMER.DURABLE.CREATE.orders.group-invoicing",
                       "$JS.API.CONSUMER.DURABLE.CREATE.orders_dead.group-invoicing"};
subjects const working{"$JS.API.CONSUMER.MSG.NEXT.orders.group-invoicing",
                       "$JS.API.CONSUMER.MSG.NEXT.orders_dead.group-invoicing",
                       "$JS.ACK.orders.group-invoicing.>",
                       "$JS.ACK.orders_dead.group-invoicing.>",
                       "orders_dead.letters.>",
                       "$JS.API.STREAM.MSG.DELETE.orders_dead"};
subjects const minding{"$JS.API.STREAM.MSG.GET.orders_dead", "$JS.API.STREAM.MSG.GET.orders", "orders_dead.retry.>",
                       "$JS.API.STREAM.MSG.DELETE.orders_dead"};
subjects const deleting{"$JS.API.CONSUMER.DELETE.orders.group-invoicing",
                        "$JS.API.CONSUMER.DELETE.orders_dead.group-invoicing"};

std::string user(std::string const& name, subjects allowed) {
  std::string text = ",\n{user: \"" + name + "\", password: p, permissions: {subscribe: \"_INBOX_" + name + ".>\", ";
  text += "publish: [";
  allowed.push_back("_INBOX_" + name + ".>");
  for (auto const& subject : allowed)
    text += '"' + subject + "\", ";
  return text + "]}}";
}

awaitable<jetstream_event_store> open_as(std::string url, std::string name, bool create) {
  nats::connection_options options;
  options.servers.push_back(std::move(url));
  options.user = name;
  options.password = "p";
  options.inbox_prefix = "_INBOX_" + name;
  auto on = co_await nats::connection::connect(std::move(options));
  jetstream_config config;
  config.create = create;
  config.operation_timeout = 5s;
  auto store = co_await jetstream_event_store::open(std::move(on), "orders", std::move(config));
  co_return store;
}

group_options invoicing() {
  group_options options;
  options.name = "invoicing";
  options.start = start_from::now();
  options.ack_timeout = 60s;
  return options;
}

awaitable<group_event> next_of(event_group& group) {
  auto e = co_await group.next(call_options{10s});
  BOOST_TEST_REQUIRE(e.has_value());
  co_return std::move(*e);
}

} // namespace

BOOST_AUTO_TEST_CASE(what_the_documentation_names_is_enough_and_what_is_missing_is_told) {
  nats_server_options server_options;
  auto const minder = opening + minding + deleting;
  auto deaf = working;
  std::erase(deaf, "$JS.API.CONSUMER.MSG.NEXT.orders.group-invoicing");
  auto mute = working;
  std::erase(mute, "$JS.ACK.orders.group-invoicing.>");
  server_options.extra_config = "authorization { users = [\n{user: admin, password: p}" +
                                user("member", opening + joining + working) + user("minder", minder) +
                                user("deaf", opening + joining + deaf) + user("mute", opening + joining + mute) +
                                user("reader", opening + joining) + "\n] }\n";
  nats_server const server(std::move(server_options));
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto admin = co_await open_as(server.url(), "admin", true);
    co_await admin.save_event(event_of("order-1", 1)); // "now" has something before it
    auto first = invoicing();
    first.name = "first"; // makes the stream of dead letters
    auto made = co_await admin.join_group(first);

    auto store = co_await open_as(server.url(), "member", false);
    auto group = co_await store.join_group(invoicing());
    for (std::int64_t version = 2; version <= 4; ++version)
      co_await admin.save_event(event_of("order-1", version));
    auto e = co_await next_of(group);
    co_await e.extend();
    co_await e.acknowledge();
    e = co_await next_of(group);
    co_await e.retry_later(0ns);
    for (int i = 0; i < 2; ++i) {
      e = co_await next_of(group);
      co_await e.reject("no");
    }

    auto minding_store = co_await open_as(server.url(), "minder", false);
    auto list = minding_store.dead_letters("invoicing");
    auto letter = co_await list.next();
    BOOST_TEST_REQUIRE(letter.has_value());
    auto const retried = co_await minding_store.retry_dead_letter(*letter);
    BOOST_TEST(retried);
    e = co_await next_of(group);
    co_await e.acknowledge();
    letter = co_await list.next();
    BOOST_TEST_REQUIRE(letter.has_value());
    auto const discarded = co_await minding_store.discard_dead_letter(*letter);
    BOOST_TEST(discarded);

    co_await admin.save_event(event_of("order-1", 5));
    auto deaf_store = co_await open_as(server.url(), "deaf", false);
    auto deaf_group = co_await deaf_store.join_group(invoicing());
    auto failed = co_await error_of(deaf_group.next(call_options{10s}));
    BOOST_TEST(failed == make_error_code(errc::permission_denied));
    auto mute_store = co_await open_as(server.url(), "mute", false);
    auto mute_group = co_await mute_store.join_group(invoicing());
    e = co_await next_of(mute_group);
    failed = co_await error_of(e.acknowledge());
    BOOST_TEST(failed == make_error_code(errc::permission_denied));
    auto reading_store = co_await open_as(server.url(), "reader", false);
    failed = co_await error_of(reading_store.delete_group("invoicing"));
    BOOST_TEST(failed == make_error_code(errc::permission_denied));

    auto const deleted = co_await minding_store.delete_group("invoicing");
    BOOST_TEST(deleted);
  });
}

BOOST_AUTO_TEST_SUITE_END()
