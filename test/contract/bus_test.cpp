// Buses: who hears what, in which order, what is told of what was lost, and ends.
#include <contract/bus_providers.hpp>
#include <support/bus_items.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <aether/error.hpp>
#include <aether/task_group.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(contract_buses)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

std::vector<bus_provider> const providers{bus_in_process(), bus_over_nats(), buses_over_nats()};
auto all_buses() { return boost::unit_test::data::make(providers); }

/// `here` publishes, and `there` is where it is heard.
using bus_body = std::function<awaitable<void>(bus_data& data, bus_ptr here, bus_ptr there)>;

void with_buses(bus_provider const& provider, bus_body body, run_options options = {}) {
  if (auto const reason = provider.why_not ? provider.why_not() : ""; !reason.empty()) {
    BOOST_TEST_MESSAGE("skipped over " << provider.name << ": " << reason);
    return;
  }
  BOOST_TEST_CONTEXT("bus: " << provider.name) {
    run(
        [&](boost::asio::io_context&) -> awaitable<void> {
          auto const data = provider.make();
          auto const here = co_await data->open();
          auto const there = co_await data->open();
          co_await body(*data, here, there);
        },
        options);
  }
}

BOOST_DATA_TEST_CASE(each_hears_what_it_asked_for, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto exact = co_await there->subscribe(bus_filter_of("tenant.a"));
    auto one = co_await there->subscribe(bus_filter_of("tenant.*"));
    auto below = co_await there->subscribe(bus_filter_of("tenant.>"));
    auto nowhere = co_await there->subscribe(bus_filter_of(""));
    auto chosen = bus_filter_of(">");
    chosen.event_types = {"Paid"};
    chosen.actor_pattern = "order-*";
    auto paid = co_await there->subscribe(chosen);
    here->publish("tenant.a", event_of("order-1", 1));
    here->publish("tenant.b", event_of("order-1", 2));
    here->publish("tenant.a.x", event_of("order-1", 3));
    here->publish("", event_of("order-1", 4));
    here->publish("other", event_of("order-1", 5));
    here->publish("other", make_event("Paid", "order-1", 6));
    here->publish("other", make_event("Paid", "cart-1", 7));
    co_await data.settle(*here);
    BOOST_TEST(take_all(exact) == "tenant.a:1");
    BOOST_TEST(take_all(one) == "tenant.a:1 tenant.b:2");
    BOOST_TEST(take_all(below) == "tenant.a:1 tenant.b:2 tenant.a.x:3");
    BOOST_TEST(take_all(nowhere) == ":4");
    BOOST_TEST(take_all(paid) == "other:6");
    BOOST_TEST(here->metrics().published == 7u);
    auto const m = there->metrics();
    BOOST_TEST(m.received == 8u);
    BOOST_TEST(m.dropped == 0u);
    BOOST_TEST(m.subscribers == 5u);
    BOOST_TEST(m.missed + m.gaps + m.malformed + m.unsent == 0u);
  });
}

BOOST_DATA_TEST_CASE(events_come_whole, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto s = co_await there->subscribe(bus_filter_of(">"));
    auto e = make_event("it's.\"paid\" > *", " order.1-%\xC3\xA9", 1, {{"amount", 30}, {"big", 1.5e300}});
    e.command_id = "c";
    e.metadata.set("traceId", "1");
    here->publish("caf\xC3\xA9.50%", e);
    co_await data.settle(*here);
    auto const item = s.try_receive();
    BOOST_REQUIRE(item.has_value());
    auto const& heard = std::get<broadcast>(*item);
    BOOST_TEST(*heard.name_space == "caf\xC3\xA9.50%");
    BOOST_TEST((*heard.event == e));
  });
}

BOOST_DATA_TEST_CASE(hostile_names_reach_nobody_else, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto a = co_await there->subscribe(bus_filter_of("a"));
    auto b = co_await there->subscribe(bus_filter_of("a.b"));
    auto any = co_await there->subscribe(bus_filter_of("*"));
    auto const names = {"a.b", "*", ">", "%", "%2E", ".ns.a", "x.ns.a", " ", "\r\nPUB x 0\r\n", "\xC3\xA9"};
    std::int64_t version = 0;
    for (std::string const name : names) {
      here->publish("a", make_event(name, "order-1", ++version));
      here->publish("b", make_event("Paid", name, ++version));
    }
    co_await data.settle(*here);
    BOOST_TEST(take_all(a) == "a:1 a:3 a:5 a:7 a:9 a:11 a:13 a:15 a:17 a:19");
    BOOST_TEST(take_all(b) == "");
    BOOST_TEST(take_all(any) == "a:1 b:2 a:3 b:4 a:5 b:6 a:7 b:8 a:9 b:10 a:11 b:12 a:13 b:14 a:15 b:16 a:17 b:18 "
                                "a:19 b:20");
    BOOST_TEST(there->metrics().malformed == 0u);
  });
}

BOOST_DATA_TEST_CASE(who_is_gone_hears_nothing, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    for (auto const* pattern : {"a", "a.*", "a.b.>", ">", "*.b"}) {
      std::vector<bus_subscription> many;
      for (int i = 0; i < 5; ++i)
        many.push_back(co_await there->subscribe(bus_filter_of(pattern)));
      BOOST_TEST(there->subscriber_count() == 5u);
      many.erase(many.begin() + 1);
      many.pop_back();
      here->publish("a", event_of("order-1", 1));
      co_await data.settle(*here);
      BOOST_TEST(there->subscriber_count() == 3u);
    }
    BOOST_TEST(there->subscriber_count() == 0u);
  });
}

BOOST_DATA_TEST_CASE(a_full_buffer_is_told, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto s = co_await there->subscribe(bus_filter_of("a", 2));
    auto oldest = bus_filter_of("a", 2);
    oldest.overflow = overflow_policy::drop_oldest;
    auto o = co_await there->subscribe(oldest);
    auto ends = bus_filter_of("a", 2);
    ends.overflow = overflow_policy::close;
    auto c = co_await there->subscribe(ends);
    for (int version = 1; version <= 5; ++version)
      here->publish("a", event_of("order-1", version));
    co_await data.settle(*here);
    BOOST_TEST(take_all(s) == "a:1 a:2 missed 3");
    BOOST_TEST(take_all(o) == "missed 3 a:4 a:5");
    BOOST_TEST(take_all(c) == "a:1 a:2 missed 1 closed");
  });
}

BOOST_DATA_TEST_CASE(who_waits_is_woken_and_a_timeout_loses_nothing, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto s = co_await there->subscribe(bus_filter_of("a"));
    auto item = co_await s.receive(call_options{5ms});
    BOOST_TEST(text_of(item) == "nothing");
    task_group tasks(co_await boost::asio::this_coro::executor);
    auto const receives = [&]() -> awaitable<void> { item = co_await s.receive(); };
    tasks.spawn(receives());
    auto const publishes = [&]() -> awaitable<void> {
      here->publish("a", event_of("order-1", 1));
      co_return;
    };
    tasks.spawn(publishes());
    co_await tasks.join();
    BOOST_TEST(text_of(item) == "a:1");
    here->publish("a", event_of("order-1", 2));
    auto const there_is = co_await s.wait(call_options{20s});
    BOOST_TEST(there_is);
    BOOST_TEST(take_all(s) == "a:2");
    co_await data.settle(*here);
  });
}

BOOST_DATA_TEST_CASE(a_closed_bus_closes_its_subscribers, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto s = co_await there->subscribe(bus_filter_of("*"));
    here->publish("a", event_of("order-1", 1));
    co_await data.settle(*here);
    data.close(*there);
    BOOST_TEST(take_all(s) == "a:1 closed");
    auto const item = co_await s.receive();
    BOOST_TEST(text_of(item) == "closed");
    there->publish("a", event_of("order-1", 2)); // to nobody
    data.close(*there);
    s = bus_subscription();
    BOOST_TEST(there->subscriber_count() == 0u);
    bus_subscription none;
    auto const e = co_await error_of(none.wait());
    BOOST_TEST(e == make_error_code(errc::not_open));
  });
}

BOOST_DATA_TEST_CASE(a_wait_hears_when_its_subscription_is_destroyed, all_buses(), provider) {
  with_buses(provider, [](bus_data&, bus_ptr, bus_ptr there) -> awaitable<void> {
    auto s = std::make_unique<bus_subscription>(co_await there->subscribe(bus_filter_of("a")));
    boost::system::error_code ended;
    auto const waits = [&]() -> awaitable<void> { ended = co_await error_of(s->receive()); };
    auto const ends = [&]() -> awaitable<void> {
      s.reset();
      co_return;
    };
    task_group tasks(co_await boost::asio::this_coro::executor);
    tasks.spawn(waits());
    tasks.spawn(ends());
    co_await tasks.join();
    BOOST_TEST(ended == boost::asio::error::operation_aborted);
  });
}

// Four threads publish into one namespace: everything that is not told as missed comes, each publisher's in its order.
BOOST_DATA_TEST_CASE(threads_lose_nothing, all_buses(), provider) {
  constexpr int publishers = 4;
  constexpr std::int64_t each = 5'000;
  std::uint64_t received = 0, lost = 0;
  bool ordered = true, ended = true;
  auto const body = [&](bus_data&, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto s = co_await there->subscribe(bus_filter_of("a", 256));
    std::vector<std::thread> threads;
    for (int p = 0; p < publishers; ++p)
      threads.emplace_back([here, p] {
        auto const actor = "order-" + std::to_string(p);
        for (std::int64_t version = 1; version <= each; ++version)
          here->publish("a", event_of(actor, version));
      });
    std::vector<std::int64_t> last(publishers, 0);
    while (received + lost < publishers * each) {
      auto const item = co_await s.receive(call_options{20s});
      if (!item) {
        ended = false;
        break;
      }
      if (auto const* m = std::get_if<missed>(&*item)) {
        lost += m->count.value();
        continue;
      }
      auto const& e = *std::get<broadcast>(*item).event;
      auto& before = last[static_cast<std::size_t>(e.actor_id.back() - '0')];
      ordered = ordered && e.version > before;
      before = e.version;
      ++received;
    }
    for (auto& t : threads)
      t.join();
  };
  run_options four;
  four.threads = 4;
  with_buses(provider, body, four);
  if (received + lost == 0)
    return; // not run here
  BOOST_TEST(ended);
  BOOST_TEST(ordered);
  BOOST_TEST(received + lost == static_cast<std::uint64_t>(publishers * each));
}

BOOST_DATA_TEST_CASE(nonsense_is_refused, all_buses(), provider) {
  with_buses(provider, [](bus_data& data, bus_ptr here, bus_ptr there) -> awaitable<void> {
    auto e = co_await error_of(there->subscribe(bus_filter_of("a..b")));
    BOOST_TEST(e == make_error_code(errc::invalid_argument));
    BOOST_CHECK_THROW(here->publish("a.*", event_of("order-1", 1)), error);
    BOOST_CHECK_THROW(here->publish("a", std::shared_ptr<event const>()), error);
    auto const gone = data.moved_from();
    e = co_await error_of(gone->subscribe(bus_filter_of("a")));
    BOOST_TEST(e == make_error_code(errc::not_open));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
