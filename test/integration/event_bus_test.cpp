// The bus across processes on a real server: gaps, reconnects, foreign publishers, malformed messages, permissions.
#include <fault/proxy.hpp>
#include <fault/wire_client.hpp>
#include <integration/connection_support.hpp>
#include <integration/lossy_proxy.hpp>
#include <support/bus_items.hpp>
#include <support/events.hpp>

#include <aether/json.hpp>
#include <aether/nats/event_bus.hpp>
#include <aether/task_group.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(event_buses_across, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::connection;
using nats::connection_state;
using nats::event_bus;
using nats::event_bus_options;

namespace {

nats::connection_options options_of(std::string url) {
  nats::connection_options options;
  options.servers = {std::move(url)};
  options.reconnect_wait = 5ms;
  options.reconnect_wait_max = 50ms;
  return options;
}

/// A bus on a connection of its own.
struct end {
  connection on;
  event_bus bus;

  end() = default;
};

asio::awaitable<end> end_on(std::string url, event_bus_options options = {}) {
  end made;
  made.on = co_await connection::connect(options_of(std::move(url)));
  made.bus = co_await event_bus::open(made.on, std::move(options));
  co_return made;
}

/// What was published by `from` is in the inboxes of `to`, or will never be.
asio::awaitable<void> settle(connection from, connection to) {
  co_await from.flush();
  co_await to.flush();
}

/// The same, of a client of another kind.
asio::awaitable<void> foreign_flush(fault::wire_client& from, connection to) {
  from.request("nobody.is.here", ""); // its answer, that nobody is, comes behind what the server has taken
  co_await to.flush();
}

asio::awaitable<std::string> next_text(bus_subscription& s) {
  auto const item = co_await s.receive(call_options{20s});
  co_return text_of(item);
}

asio::awaitable<void> wait_until_connected(connection c) {
  for (auto seen = c.state(); seen != connection_state::connected; seen = c.state())
    co_await c.wait_for_change(seen, within(20s));
}

asio::awaitable<void> lose(connection c, fault::proxy& through) {
  through.refuse(true);
  through.cut(fault::cut_kind::reset);
  co_await c.wait_for_change(connection_state::connected, within(20s));
}

class kept_log final : public logger {
public:
  std::vector<std::string> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }

private:
  void write(log_level, std::string_view message, std::span<log_field const> fields) noexcept override {
    std::lock_guard lock(mutex_);
    lines_.push_back(to_line(message, fields));
  }
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

BOOST_AUTO_TEST_CASE(two_buses_on_one_connection_hear_each_other_once) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto one = co_await event_bus::open(c);
    auto two = co_await event_bus::open(c);
    auto at_one = co_await one.subscribe(bus_filter_of("a"));
    auto also_at_one = co_await one.subscribe(bus_filter_of("a"));
    auto at_two = co_await two.subscribe(bus_filter_of(">"));
    one.publish("a", event_of("order-1", 1));
    BOOST_TEST(take_all(at_one) == "a:1"); // without a round trip
    two.publish("a", event_of("order-1", 2));
    co_await c.flush();
    BOOST_TEST(take_all(at_one) == "a:2");
    BOOST_TEST(take_all(also_at_one) == "a:1 a:2");
    BOOST_TEST(take_all(at_two) == "a:2 a:1");
    BOOST_TEST(one.metrics().heard == 1u); // its own was dropped, and the two share what came
    BOOST_TEST(one.metrics().received == 4u);
  });
}

BOOST_AUTO_TEST_CASE(a_lost_message_is_counted) {
  nats_server server(without_jetstream());
  lossy_proxy lossy(server.port(), 5, 1); // every fifth event
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(server.url());
    auto there = co_await end_on(lossy.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("*"));
    for (int version = 1; version <= 12; ++version)
      here.bus.publish(version % 2 == 0 ? "a" : "b", event_of("order-1", version));
    co_await settle(here.on, there.on);
    // 5 and 10 do not come: each is missed when the next of its namespace does.
    BOOST_TEST(take_all(s) == "b:1 a:2 b:3 a:4 a:6 missed 1 b:7 a:8 b:9 b:11 missed 1 a:12");
    BOOST_TEST(there.bus.metrics().missed == 2u);
    BOOST_TEST(there.bus.metrics().gaps == 0u);
  });
}

BOOST_AUTO_TEST_CASE(a_gap_is_told_to_those_whose_pattern_it_concerns) {
  nats_server server(without_jetstream());
  lossy_proxy lossy(server.port(), 2, 1);
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(server.url());
    auto there = co_await end_on(lossy.url());
    auto a = co_await there.bus.subscribe(bus_filter_of("a"));
    auto b = co_await there.bus.subscribe(bus_filter_of("b"));
    auto filter = bus_filter_of("a");
    filter.event_types = {"Other"}; // which the lost one may have been
    auto chosen = co_await there.bus.subscribe(filter);
    for (int version = 1; version <= 3; ++version)
      here.bus.publish("a", event_of("order-1", version));
    co_await settle(here.on, there.on);
    BOOST_TEST(take_all(a) == "a:1 missed 1 a:3");
    BOOST_TEST(take_all(chosen) == "missed 1");
    BOOST_TEST(take_all(b) == "");
  });
}

BOOST_AUTO_TEST_CASE(a_subscriber_whose_connection_was_lost_hears_of_it_at_once) {
  nats_server server(without_jetstream());
  fault::proxy way(server.port());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(server.url());
    auto there = co_await end_on(way.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("a"));
    auto other = co_await there.bus.subscribe(bus_filter_of("b.>"));
    here.bus.publish("a", event_of("order-1", 1));
    auto text = co_await next_text(s);
    BOOST_TEST(text == "a:1");
    co_await lose(there.on, way);
    here.bus.publish("a", event_of("order-1", 2)); // to nobody
    co_await here.on.flush();
    BOOST_TEST(take_all(s) == ""); // not before it is over
    way.refuse(false);
    text = co_await next_text(s);
    BOOST_TEST(text == "missed some"); // though nothing comes
    text = co_await next_text(other);
    BOOST_TEST(text == "missed some");
    here.bus.publish("a", event_of("order-1", 3));
    here.bus.publish("a", event_of("order-1", 4));
    co_await settle(here.on, there.on);
    BOOST_TEST(take_all(s) == "a:3 a:4"); // not counted once more
    BOOST_TEST(there.bus.metrics().gaps == 2u);
    BOOST_TEST(there.bus.metrics().missed == 0u);
  });
}

BOOST_AUTO_TEST_CASE(what_a_publisher_could_not_send_is_counted_when_it_is_back) {
  nats_server server(without_jetstream());
  fault::proxy way(server.port());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(way.url());
    auto there = co_await end_on(server.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("*"));
    here.bus.publish("a", event_of("order-1", 1));
    here.bus.publish("b", event_of("order-1", 2));
    co_await settle(here.on, there.on);
    BOOST_TEST(take_all(s) == "a:1 b:2");
    co_await lose(here.on, way);
    for (int version = 3; version <= 5; ++version)
      here.bus.publish("a", event_of("order-1", version));
    way.refuse(false);
    auto text = co_await next_text(s);
    BOOST_TEST(text == "missed 3"); // though nothing more is published
    BOOST_TEST(here.bus.metrics().unsent == 3u);
    here.bus.publish("a", event_of("order-1", 6));
    co_await wait_until_connected(here.on);
    co_await settle(here.on, there.on);
    BOOST_TEST(take_all(s) == "a:6");
    BOOST_TEST(there.bus.metrics().missed == 3u);
    BOOST_TEST(there.bus.metrics().malformed == 0u);
  });
}

BOOST_AUTO_TEST_CASE(what_was_handed_over_and_lost_with_the_connection_is_counted) {
  nats_server server(without_jetstream());
  fault::proxy way(server.port());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(way.url());
    auto there = co_await end_on(server.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("a"));
    here.bus.publish("a", event_of("order-1", 1));
    auto text = co_await next_text(s);
    BOOST_TEST(text == "a:1");
    way.cut_after(fault::way::to_server, 10, fault::cut_kind::reset); // in the middle of its subject
    here.bus.publish("a", event_of("order-1", 2));
    text = co_await next_text(s);
    BOOST_TEST(text == "missed 1");
    BOOST_TEST(here.bus.metrics().unsent == 0u);
  });
}

BOOST_AUTO_TEST_CASE(an_overload_is_noticed_when_there_is_room_again) {
  nats_server server(without_jetstream());
  fault::proxy way(server.port());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_of(way.url());
    options.max_pending_bytes = 300'000;
    end here;
    here.on = co_await connection::connect(options);
    here.bus = co_await event_bus::open(here.on);
    auto there = co_await end_on(server.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("a", 100'000));
    way.stall(fault::way::to_server);
    boost::json::object data;
    data["text"] = std::string(50'000, 'x');
    std::uint64_t published = 0;
    while (here.bus.metrics().unsent < 20) {
      here.bus.publish("a", make_event("Paid", "order-1", static_cast<std::int64_t>(++published), data));
      co_await pause(std::chrono::microseconds(100));
    }
    way.go_on(fault::way::to_server);
    std::uint64_t came = 0, missing = 0;
    while (came + missing < published) {
      auto const item = co_await s.receive(call_options{20s});
      BOOST_REQUIRE(item.has_value());
      if (auto const* m = std::get_if<missed>(&*item))
        missing += m->count.value();
      else
        ++came;
    }
    BOOST_TEST(missing == here.bus.metrics().unsent);
    BOOST_TEST(came + missing == published);
  });
}

BOOST_AUTO_TEST_CASE(a_foreign_publisher_is_heard) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    event_bus_options options;
    options.prefix = "my.bus";
    auto there = co_await end_on(server.url(), options);
    auto c = co_await connection::connect(options_for(server));
    auto s = co_await there.bus.subscribe(bus_filter_of("a.*"));
    auto raw = co_await c.subscribe("my.bus.>");
    auto const e = make_event("Paid", "order-1", 7);
    nats::message const plain("my.bus.Paid.order-1.ns.a.b", to_json(e));
    auto with_more = plain;
    with_more.headers = {{"Other", "x"}};
    with_more.reply = "_INBOX.somebodys";
    co_await c.publish(plain);
    co_await c.publish(with_more);
    co_await c.publish(plain);
    co_await settle(c, there.on);
    BOOST_TEST(take_all(s) == "a.b:7 a.b:7 a.b:7");
    // And what others see of ours.
    while (raw.try_receive())
      ;
    there.bus.publish("x", e);
    auto const seen = co_await raw.receive(within(20s));
    BOOST_REQUIRE(seen.has_value());
    BOOST_TEST(seen->subject == "my.bus.Paid.order-1.ns.x");
    BOOST_TEST(seen->data == to_json(e));
    BOOST_TEST(seen->headers.empty());
    BOOST_TEST(seen->reply.starts_with("aether-bus."));
    BOOST_TEST(seen->reply.ends_with(".1"));
  });
}

BOOST_AUTO_TEST_CASE(malformed_messages_are_told_and_stop_nothing) {
  nats_server server(without_jetstream());
  auto const log = std::make_shared<kept_log>();
  run([&](asio::io_context&) -> asio::awaitable<void> {
    event_bus_options options;
    options.log = log;
    auto there = co_await end_on(server.url(), options);
    auto c = co_await connection::connect(options_for(server));
    auto s = co_await there.bus.subscribe(bus_filter_of(">"));
    auto const json = to_json(make_event("Paid", "order-1", 1));
    std::vector<std::pair<std::string, std::string>> const messages{
        {"aether.bus.Paid.order-1.ns.a", "secret"},
        {"aether.bus.Paid.order-1.ns.a", ""},
        {"aether.bus.Other.order-1.ns.a", json},
        {"aether.bus.Paid.order-2.ns.a", json},
        {"aether.bus.Pa%69d.order-1.ns.a", json},
        {"aether.bus.Paid.order-1.ns.a%2Eb", json},
        {"aether.bus.Paid.order-1.ns.1.2.3.4.5.6.7.8.9", json},
        {"aether.bus.Paid.order-1.ns.a", json},
    };
    for (auto const& [subject, data] : messages) {
      nats::message m(subject, data);
      co_await c.publish(std::move(m));
    }
    co_await settle(c, there.on);
    BOOST_TEST(take_all(s) == "a:1");
    BOOST_TEST(there.bus.metrics().malformed == 7u);
    BOOST_TEST(there.bus.metrics().heard == 1u);
  });
  auto const lines = log->lines();
  BOOST_REQUIRE(!lines.empty());
  BOOST_TEST(lines.size() <= 2u); // a second may have passed
  BOOST_TEST(lines.front().starts_with("a message on the bus holds no event subject=\"aether.bus.Paid.order-1.ns.a\""));
  for (auto const& l : lines)
    BOOST_TEST(l.find("secret") == std::string::npos);
}

// For the server a subject may hold NUL; for a C string it ends there.
BOOST_AUTO_TEST_CASE(a_subject_with_nul_reaches_no_other_namespace) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto there = co_await end_on(server.url());
    auto below = co_await there.bus.subscribe(bus_filter_of("*.b")); // what it is told as `a` is not its
    auto all = co_await there.bus.subscribe(bus_filter_of(">"));
    auto none = co_await there.bus.subscribe(bus_filter_of(""));
    auto const json = to_json(make_event("Paid", "order-1", 1));
    fault::wire_client foreign(server.port());
    using namespace std::string_view_literals;
    for (auto const subject : {"aether.bus.Paid.order-1.ns.a\0.b"sv, "aether.bus.Paid.order-1.ns\0.b"sv,
                               "aether.bus.Paid.order-1.ns.\0a"sv, "aether.bus.Paid.order-1\0.ns.a"sv})
      foreign.publish(subject, json);
    foreign.publish("aether.bus.Paid.order-1.ns.a.b", json);
    co_await foreign_flush(foreign, there.on);
    BOOST_TEST(take_all(below) == "a.b:1");
    BOOST_TEST(take_all(none) == "");
    BOOST_TEST(take_all(all) == "a:1 a.b:1"); // this pattern asks for `a` too
    BOOST_TEST(there.bus.metrics().malformed == 3u);
  });
}

// Who may publish on the bus may say anything in the reply subject: nobody is silenced, and no number overflows.
BOOST_AUTO_TEST_CASE(hostile_marks) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto there = co_await end_on(server.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("a", 200'000));
    auto c = co_await connection::connect(options_for(server));
    auto const say = [&](std::string subject, std::string reply, std::string data) {
      nats::message m(std::move(subject), std::move(data));
      m.reply = std::move(reply);
      return c.publish(std::move(m));
    };
    std::string const subject = "aether.bus.Paid.order-1.ns.a";
    std::string const counts = "aether.bus.-.-.ns.a";
    auto const json = to_json(make_event("Paid", "order-1", 1));
    // Nothing where an event should stand, or what is no count where one should.
    co_await say(subject, "aether-bus.x.1", "");
    co_await say(counts, "aether-bus.x.0", "");
    co_await say(counts, "", "");
    co_await settle(c, there.on);
    BOOST_TEST(there.bus.metrics().malformed == 3u);
    BOOST_TEST(take_all(s) == "");
    // Numbers that jump to and fro.
    co_await say(subject, "aether-bus.x.999999999999999", json);
    co_await say(subject, "aether-bus.x.1", json);
    co_await say(subject, "aether-bus.x.1", json);
    co_await say(counts, "aether-bus.x.3", "");
    co_await say(subject, "aether-bus.x.5", json);
    co_await settle(c, there.on);
    BOOST_TEST(take_all(s) == "a:1 a:1 a:1 missed 3 a:1");
    // As far as they go, more often than fits into 64 bits.
    constexpr int times = 18'500;
    for (int i = 0; i < times; ++i) {
      co_await say(counts, "aether-bus.x.1", "");
      co_await say(counts, "aether-bus.x.999999999999999", "");
      if (i % 1'000 == 0)
        co_await settle(c, there.on);
    }
    co_await settle(c, there.on);
    BOOST_TEST(take_all(s) == "missed 18446744073709551615");
    // Somebody who takes the bus's own id, which is no secret, is not heard; nobody else is concerned.
    auto raw = co_await c.subscribe("aether.bus.>");
    there.bus.publish("a", event_of("order-2", 7));
    auto const own = co_await raw.receive(within(20s));
    BOOST_REQUIRE(own.has_value());
    co_await say(subject, own->reply, json);
    co_await say(subject, "aether-bus.y.1", json);
    co_await settle(c, there.on);
    BOOST_TEST(take_all(s) == "a:7 a:1");
  });
}

BOOST_AUTO_TEST_CASE(what_the_server_would_not_take_is_refused_before_anybody_hears_of_it) {
  nats_server server(without_jetstream("max_payload: 1000"));
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(server.url());
    auto s = co_await here.bus.subscribe(bus_filter_of("a"));
    boost::json::object data;
    data["text"] = std::string(1000, 'x');
    auto const is = [](errc what) { return [what](error const& e) { return e.code() == what; }; };
    BOOST_CHECK_EXCEPTION(here.bus.publish("a", make_event("Paid", "order-1", 1, data)), error,
                          is(errc::event_too_large));
    BOOST_CHECK_EXCEPTION(here.bus.publish("a", make_event("", "order-1", 1)), error, is(errc::invalid_id));
    BOOST_CHECK_EXCEPTION(here.bus.publish("a", make_event("Paid", "", 1)), error, is(errc::invalid_id));
    BOOST_TEST(take_all(s) == "");
    BOOST_TEST(here.bus.metrics().published == 0u);
    // As large as can be: the bound leaves room for the header.
    data["text"] = std::string(700, 'x');
    here.bus.publish("a", make_event("Paid", "order-1", 1, data));
    co_await here.on.flush();
    BOOST_TEST((here.on.state() == connection_state::connected));
  });
}

BOOST_AUTO_TEST_CASE(a_subscription_that_the_server_refuses_is_told) {
  nats_server server(without_jetstream("authorization { users = [ {user: u, password: p, permissions: {"
                                       "publish: [\"aether.bus.>\", \"_INBOX.>\"], "
                                       "subscribe: [\"_INBOX.>\", \"aether.bus.*.*.ns.a.>\"]}} ] }"));
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.user = "u";
    options.password = "p";
    auto c = co_await connection::connect(options);
    auto bus = co_await event_bus::open(c);
    for (int again = 0; again < 2; ++again) {
      auto const f = co_await failure_of(bus.subscribe(bus_filter_of("b.*")));
      BOOST_TEST(f.code == errc::permission_denied);
      BOOST_TEST(f.text.find("aether.bus.*.*.ns.b.*") != std::string::npos, f.text);
    }
    auto s = co_await bus.subscribe(bus_filter_of("a.*"));
    bus.publish("a.x", event_of("order-1", 1));
    BOOST_TEST(take_all(s) == "a.x:1");
    BOOST_TEST(bus.subscriber_count() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(ends_are_told) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto f = co_await failure_of(event_bus::open(connection()));
    BOOST_TEST(f.code == errc::not_open);
    auto here = co_await end_on(server.url());
    event_bus_options options;
    options.prefix = "a.*";
    f = co_await failure_of(event_bus::open(here.on, options));
    BOOST_TEST(f.code == errc::invalid_argument);
    auto s = co_await here.bus.subscribe(bus_filter_of("a"));
    here.bus.publish("a", event_of("order-1", 1));
    co_await here.on.close();
    BOOST_TEST(take_all(s) == "a:1 closed");
    f = co_await failure_of(here.bus.subscribe(bus_filter_of("a")));
    BOOST_TEST(f.code == errc::closed);
    f = co_await failure_of(event_bus::open(here.on));
    BOOST_TEST(f.code == errc::closed);
    here.bus.publish("a", event_of("order-1", 2)); // to nobody
    // The last handle.
    auto other = co_await end_on(server.url());
    s = co_await other.bus.subscribe(bus_filter_of("a"));
    auto copy = other.bus;
    other.bus = event_bus();
    copy.publish("a", event_of("order-1", 3));
    BOOST_TEST(take_all(s) == "a:3");
    copy = event_bus();
    BOOST_TEST(take_all(s) == "closed");
    BOOST_TEST((other.on.state() == connection_state::connected));
  });
}

BOOST_AUTO_TEST_CASE(the_bus_keeps_its_connection_open) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(server.url());
    auto there = co_await end_on(server.url());
    auto s = co_await there.bus.subscribe(bus_filter_of("a"));
    here.on = connection();
    there.on = connection();
    here.bus.publish("a", event_of("order-1", 1));
    auto const text = co_await next_text(s);
    BOOST_TEST(text == "a:1");
  });
}

BOOST_AUTO_TEST_CASE(patterns_share_a_subscription_at_the_server) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto here = co_await end_on(server.url());
    auto there = co_await end_on(server.url());
    std::vector<bus_subscription> many;
    for (int i = 0; i < 100; ++i)
      many.push_back(co_await there.bus.subscribe(bus_filter_of("a")));
    auto const before = there.on.statistics().messages_in;
    here.bus.publish("a", event_of("order-1", 1));
    co_await settle(here.on, there.on);
    BOOST_TEST(there.on.statistics().messages_in - before == 2u); // the event once, and what flush() asks
    for (auto& s : many)
      BOOST_TEST(take_all(s) == "a:1");
    many.clear();
    auto const after = there.on.statistics().messages_in;
    co_await there.on.flush(); // behind the end of the subscription
    here.bus.publish("a", event_of("order-1", 2));
    co_await settle(here.on, there.on);
    BOOST_TEST(there.on.statistics().messages_in - after == 2u); // two flushes
  });
}

// A server that goes and comes back, while buses on several connections publish and subscribe on four threads: every
// event comes, or is told as missed.
BOOST_AUTO_TEST_CASE(a_restarted_server_loses_nothing_silently) {
  nats_server server(without_jetstream());
  bool told = true, ordered = true;
  std::uint64_t heard = 0;
  run(
      [&](asio::io_context& context) -> asio::awaitable<void> {
        auto here = co_await end_on(server.url());
        auto there = co_await end_on(server.url());
        auto s = co_await there.bus.subscribe(bus_filter_of("*", 1'000'000));
        std::atomic<bool> stop = false;
        auto const publishes = [&]() -> asio::awaitable<void> {
          for (std::int64_t version = 1; !stop; ++version) {
            here.bus.publish("a", event_of("order-1", version));
            co_await pause(std::chrono::microseconds(200));
          }
        };
        auto const comes_and_goes = [&]() -> asio::awaitable<void> {
          while (!stop) {
            auto const f = co_await failure_of(there.bus.subscribe(bus_filter_of("b.*")));
            if (f.code)
              co_await pause(1ms);
          }
        };
        task_group tasks(context.get_executor());
        tasks.spawn(publishes());
        tasks.spawn(comes_and_goes());
        for (int i = 0; i < 4; ++i) {
          co_await pause(50ms);
          server.kill();
          co_await pause(20ms);
          server.start();
          co_await wait_until_connected(here.on);
          co_await wait_until_connected(there.on);
        }
        co_await pause(50ms);
        stop = true;
        co_await tasks.join();
        co_await settle(here.on, there.on);
        std::int64_t last = 0;
        bool gap = true; // what was published before the subscription
        while (auto const item = s.try_receive()) {
          if (auto const* b = std::get_if<broadcast>(&*item)) {
            ordered = ordered && b->event->version > last;
            told = told && (gap || b->event->version == last + 1);
            last = b->event->version;
            gap = false;
            ++heard;
          } else {
            gap = true;
          }
        }
      },
      {.threads = 4});
  BOOST_TEST(told);
  BOOST_TEST(ordered);
  BOOST_TEST(heard > 100u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
