// Commands over NATS as any client sends them, and what becomes of those that nobody takes.
#include <integration/store_support.hpp>
#include <support/account.hpp>

#include <aether/command_router.hpp>
#include <aether/nats/command_transport.hpp>
#include <aether/nats/placement.hpp>
#include <aether/task_group.hpp>

BOOST_AUTO_TEST_SUITE(nats_command_transport, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

struct single_node {
  jetstream_event_store store;
  std::shared_ptr<nats::placement> where;
  actor_host host;
  command_router router;

  single_node() = default;
};

awaitable<single_node> open_single(jetstream_event_store store, std::string name) {
  auto const executor = co_await boost::asio::this_coro::executor;
  single_node n;
  n.store = store;
  n.host = actor_host(executor, std::make_shared<jetstream_event_store>(store));
  nats::placement_options options;
  options.node = std::move(name);
  options.lease = 60s;
  auto where = co_await nats::placement::join(store, std::move(options));
  n.where = std::make_shared<nats::placement>(std::move(where));
  command_routes routes;
  routes.add<account, deposit, withdraw>();
  auto way = std::make_shared<nats::command_transport>(store);
  auto router = co_await command_router::open(n.host, n.where, std::move(way), std::move(routes));
  n.router = std::move(router);
  co_return n;
}

awaitable<void> close(single_node n) {
  co_await n.where->leave();
  co_await n.router.close();
  co_await n.host.close();
}

std::string url_of(nats_server const& server, std::string const& user) {
  auto url = server.url();
  return url.insert(url.find("//") + 2, user);
}

/// What another client gets for a command.
awaitable<std::string> ask_node(nats::connection on, std::string subject, std::string text) {
  nats::message m(std::move(subject), std::move(text));
  auto const answer = co_await on.request(std::move(m));
  co_return answer.status == 503 ? std::string("nobody") : answer.data;
}

} // namespace

BOOST_AUTO_TEST_CASE(any_client_sends_commands) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    nats::jetstream_config config;
    config.name_space = "acme";
    auto const name = new_stream();
    auto store = co_await open_store(name, config);
    auto n = co_await open_single(store, "web 1.b");
    nats::command_transport const way(store);
    auto const subject = way.subject_of("web 1.b");
    BOOST_TEST(subject == "aether.commands.acme_" + name + ".web%201%2Eb");
    auto const raw = co_await raw_client::connect();
    auto const ask = [&](std::string text) { return ask_node(raw.connection(), subject, std::move(text)); };
    auto const deposited = co_await ask(
        R"({"v":1,"type":"Deposit","actorId":"account-1","commandId":"c-1","data":{"reference":"x","amount":7}})");
    BOOST_TEST(deposited == R"({"v":1,"outcome":"done","firstVersion":1,"lastVersion":1,"repeated":false})");
    auto const again = co_await ask(
        R"({"v":1,"type":"Deposit","actorId":"account-1","commandId":"c-1","data":{"reference":"x","amount":7}})");
    BOOST_TEST(again == R"({"v":1,"outcome":"done","firstVersion":1,"lastVersion":1,"repeated":true})");
    auto const rejected =
        co_await ask(R"({"v":1,"type":"Withdraw","actorId":"account-1","commandId":"c-2","data":{"amount":9}})");
    BOOST_TEST(rejected == R"({"v":1,"outcome":"rejected","code":"insufficient_funds","text":"there are 7"})");
    auto const newer = co_await ask(R"({"v":2})");
    BOOST_TEST(contains(newer, R"("outcome":"failed","error":"command_not_routable")"), newer);
    BOOST_TEST(contains(newer, "is of version 2, and this node takes version 1"), newer);
    auto const garbage = co_await ask("\xFF garbage");
    BOOST_TEST(contains(garbage, "command_not_routable"), garbage);
    auto const nobody = co_await ask_node(raw.connection(), way.subject_of("other"), "{}");
    BOOST_TEST(nobody == "nobody");
    nats::message unasked(subject, "{}"); // without a reply subject: there is nobody to answer
    auto on = raw.connection();
    co_await on.publish(std::move(unasked));
    auto const last = co_await ask("{}");
    BOOST_TEST(contains(last, "v is missing"), last);
    BOOST_TEST(n.router.metrics().refused == 3u);
    co_await close(std::move(n));
  });
}

BOOST_AUTO_TEST_CASE(how_sending_ends) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(new_stream());
    nats::command_transport way(store);
    auto const nobody = co_await way.send("a", "x", {});
    BOOST_TEST((nobody.how == delivery::nobody));
    auto on = co_await nats::connection::connect(shared_server().url());
    auto silent = co_await on.subscribe(way.subject_of("b"));
    auto const unanswered = co_await way.send("b", "x", within(100ms));
    BOOST_TEST((unanswered.how == delivery::unanswered));
    BOOST_TEST(way.max_bytes() == 1'048'576u);
    nats::command_transport_options options;
    options.prefix = "a..b";
    BOOST_CHECK_THROW(nats::command_transport(store, options), error);
    BOOST_CHECK_THROW(nats::command_transport().max_bytes(), error);
  });
}

BOOST_AUTO_TEST_CASE(without_a_connection_nothing_is_sent_and_the_sender_goes_on_by_itself) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    nats::command_transport way(store);
    server.kill();
    auto const gone = co_await way.send("a", "x", within(200ms));
    BOOST_TEST((gone.how == delivery::not_sent || gone.how == delivery::unanswered));
    auto const begun = std::chrono::steady_clock::now();
    auto const again = co_await way.send("a", "x", within(4s));
    BOOST_TEST((again.how == delivery::not_sent));
    BOOST_TEST((std::chrono::steady_clock::now() - begun < 3s)); // there is time left to execute it elsewhere
  });
}

BOOST_AUTO_TEST_CASE(a_connection_closed_under_a_command) {
  run([](boost::asio::io_context& context) -> awaitable<void> {
    auto store = co_await open_store(new_stream());
    auto on = co_await nats::connection::connect(shared_server().url());
    auto own = co_await jetstream_event_store::open(on, store.stream_name());
    nats::command_transport way(own);
    auto listens = co_await nats::connection::connect(shared_server().url());
    auto silent = co_await listens.subscribe(way.subject_of("b"));
    command_delivery got;
    auto const send = [&]() -> awaitable<void> { got = co_await way.send("b", "x", within(3s)); };
    task_group group(context.get_executor());
    group.spawn(send());
    auto const it = co_await silent.receive();
    BOOST_TEST(it->data == "x");
    co_await on.close();
    co_await group.join();
    BOOST_TEST((got.how == delivery::unanswered));
  });
}

// The server refuses the inbox and hands on what comes behind it.
BOOST_AUTO_TEST_CASE(an_inbox_that_is_forbidden) {
  nats_server_options options;
  options.extra_config = "authorization { users = [ {user: w, password: p}, {user: u, password: p, permissions: "
                         "{publish: \">\", subscribe: [\"_INBOX.*.*\"]}} ] }";
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(url_of(server, "w:p@"), "orders");
    auto on = co_await nats::connection::connect(url_of(server, "u:p@"));
    nats::command_transport way(on, "orders", nats::jetstream_config());
    auto listens = co_await nats::connection::connect(url_of(server, "w:p@"));
    auto owner = co_await listens.subscribe(way.subject_of("b"));
    auto const got = co_await way.send("b", "x", within(3s));
    BOOST_TEST((got.how == delivery::unanswered));
    auto const it = co_await owner.receive(call_options{1s});
    BOOST_TEST(it.has_value());
  });
}

BOOST_AUTO_TEST_CASE(listening_needs_a_permission) {
  nats_server_options options;
  options.extra_config = "authorization { users = [ {user: u, password: p, permissions: "
                         "{publish: \">\", subscribe: [\"_INBOX.>\"]}} ] }";
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(url_of(server, "u:p@"), "orders");
    auto const refused = co_await failure_of(open_single(store, "a"));
    BOOST_TEST(refused.code == errc::permission_denied, refused.text);
    BOOST_TEST(contains(refused.text, "aether.commands.orders.a"), refused.text);
  });
}

BOOST_AUTO_TEST_SUITE_END()
