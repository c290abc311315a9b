// Workflows over every store: what is stored, who runs them, restarts, several hosts, and clients that host nothing.
#include <contract/reading.hpp>

#include <aether/task_group.hpp>
#include <aether/workflow_host.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <numeric>

BOOST_AUTO_TEST_SUITE(contract_workflows)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

/// How often each step ran, over all hosts.
struct tally {
  std::mutex mutex;
  std::map<std::string, int> calls;

  void count(std::string const& key) {
    std::scoped_lock const lock(mutex);
    ++calls[key];
  }
};

namespace {

workflow_type<int, int> const sum("sum");
workflow_type<std::string, std::string> const talk("talk");
workflow_type<int, int> const family("family");

void with_workflows(store_provider const& provider,
                    std::function<awaitable<void>(store_ptr, asio::any_io_executor)> body) {
  with_data(provider, [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto store = co_await data.open(context.get_executor(), settings);
    co_await body(store, context.get_executor());
  });
}

template <class T> awaitable<errc> code_of(awaitable<T> call) {
  errc code{};
  try {
    if constexpr (std::is_void_v<T>)
      co_await std::move(call);
    else
      (void)co_await std::move(call);
  } catch (error const& e) {
    code = static_cast<errc>(e.code().value());
  }
  co_return code;
}

awaitable<int> count_one(std::shared_ptr<tally> counted, int value, step_info info) {
  counted->count(info.key);
  co_return value;
}

awaitable<int> five_steps(std::shared_ptr<tally> counted, workflow wf, int start) {
  int total = start;
  for (int i = 1; i <= 5; ++i) {
    auto const one = [&](step_info const& info) { return count_one(counted, i, info); };
    total += co_await wf.step("step " + std::to_string(i), one);
  }
  co_return total;
}

awaitable<std::string> ask(std::shared_ptr<tally> counted, workflow wf, std::string question) {
  auto const one = [&](step_info const& info) { return count_one(counted, 0, info); };
  co_await wf.step("ask", one);
  std::string const answer = co_await wf.signal<std::string>("answer");
  time_point const now = co_await wf.now("now");
  std::optional<std::string> const late = co_await wf.signal_until<std::string>("late", now + 20ms);
  co_await wf.sleep_for("pause", 20ms);
  co_return question + answer + late.value_or("!");
}

awaitable<int> with_child(workflow wf, int start) { co_return 1 + co_await wf.child("child", sum, start); }

workflow_host make_host(asio::any_io_executor executor, store_ptr store, std::string name,
                        std::shared_ptr<tally> counted) {
  workflow_host_options options;
  options.name = std::move(name);
  options.takeover_after = 1s;
  options.step_timeout = 900ms;
  workflow_host host(executor, store, options);
  host.add(sum, [counted](workflow wf, int start) { return five_steps(counted, wf, start); });
  host.add(talk, [counted](workflow wf, std::string question) { return ask(counted, wf, question); });
  host.add(family, with_child);
  return host;
}

} // namespace

BOOST_DATA_TEST_CASE(five_steps_take_six_saves, all_readers(), provider) {
  with_workflows(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    auto const counted = std::make_shared<tally>();
    auto host = make_host(executor, store, "a", counted);
    co_await host.open();
    bool const is_new = co_await host.client().start(sum, "1", 100);
    BOOST_TEST(is_new);
    int const result = co_await host.client().result(sum, "1");
    BOOST_TEST(result == 115);
    auto const events = co_await store->get_events("sum-1");
    BOOST_TEST_REQUIRE(events.size() == 6u);
    BOOST_TEST(events[0].event_type == "workflow_started");
    for (std::size_t i = 1; i < 5; ++i) {
      BOOST_TEST(events[i].event_type == "workflow_advanced");
      BOOST_TEST(events[i].data.at("entries").as_array().size() == 1u);
    }
    BOOST_TEST(events[5].event_type == "workflow_finished");
    BOOST_TEST(counted->calls.size() == 5u);
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(a_client_that_hosts_nothing_starts_signals_and_waits, all_readers(), provider) {
  with_workflows(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    auto const counted = std::make_shared<tally>();
    workflow_client const client(executor, store);
    std::string const question = "why";
    bool const is_new = co_await client.start(talk, "q", question);
    BOOST_TEST(is_new);
    bool const again = co_await client.start(talk, "q", question);
    BOOST_TEST(!again);
    std::string const other = "who";
    auto const refused = co_await code_of(client.start(talk, "q", other));
    BOOST_TEST((refused == errc::workflow_exists));
    auto const unknown = co_await code_of(client.signal(talk, "nobody", "answer", question));
    BOOST_TEST((unknown == errc::workflow_not_found));
    std::string const answer = " not";
    co_await client.signal(talk, "q", "answer", answer, "signal-1");
    co_await client.signal(talk, "q", "answer", answer, "signal-1");
    auto host = make_host(executor, store, "a", counted);
    co_await host.open();
    std::string const result = co_await client.result(talk, "q");
    BOOST_TEST(result == "why not!");
    std::string const later = co_await client.result(talk, "q"); // it has finished
    BOOST_TEST(later == result);
    auto const state = co_await client.state(talk, "q");
    BOOST_TEST((state == workflow_state::completed));
    auto const late = co_await code_of(client.signal(talk, "q", "answer", answer));
    BOOST_TEST((late == errc::workflow_finished));
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(two_hosts_finish_each_once, all_readers(), provider) {
  with_workflows(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    constexpr int each = 30;
    auto const counted = std::make_shared<tally>();
    auto first = make_host(executor, store, "a", counted);
    auto second = make_host(executor, store, "b", counted);
    co_await first.open();
    co_await second.open();
    workflow_client const client(executor, store);
    for (int i = 0; i < each; ++i) { // each is claimed by one of them
      co_await client.start(sum, std::to_string(i), i);
      co_await client.start(family, std::to_string(i), i);
    }
    for (int i = 0; i < each; ++i) {
      int const result = co_await client.result(sum, std::to_string(i));
      BOOST_TEST(result == i + 15);
      int const parent = co_await client.result(family, std::to_string(i));
      BOOST_TEST(parent == i + 16);
    }
    for (int i = 0; i < each; ++i) {
      auto const events = co_await store->get_events("sum-" + std::to_string(i));
      std::map<std::string, int> settled;
      int claims = 0;
      for (auto const& e : events)
        if (auto const* entries = e.data.if_contains("entries"))
          for (auto const& entry : entries->as_array()) {
            if (auto const* name = entry.as_object().if_contains("name"))
              ++settled[std::string(name->as_string())];
            claims += entry.at("kind").as_string() == "claimed" ? 1 : 0;
          }
      BOOST_TEST(settled.size() == 5u);
      for (auto const& [name, times] : settled)
        BOOST_TEST(times == 1, name);
      BOOST_TEST(claims >= 1);
    }
    co_await first.close();
    co_await second.close();
  });
}

awaitable<void> run_lane(workflow_client client, std::string lane, int each, std::shared_ptr<std::atomic<int>> right) {
  for (int i = 0; i < each; ++i) {
    auto const id = lane + "." + std::to_string(i);
    std::string const word = "so";
    if (i % 3 == 0) { // answered by another client, which hosts nothing
      co_await client.start(talk, id, word);
      co_await client.signal(talk, id, "answer", word);
      std::string const said = co_await client.result(talk, id);
      *right += said == "soso!";
    } else if (i % 3 == 1) {
      co_await client.start(family, id, i);
      int const total = co_await client.result(family, id);
      *right += total == i + 16;
    } else {
      co_await client.start(sum, id, i);
      int const total = co_await client.result(sum, id);
      *right += total == i + 15;
    }
  }
}

// Two hosts know nothing of each other; lanes start workflows at either, or at a client that hosts none.
BOOST_DATA_TEST_CASE(several_hosts_and_clients, all_readers() * one_and_four_threads(), provider, threads) {
  constexpr int lanes = 6, each = 6;
  auto const right = std::make_shared<std::atomic<int>>(0);
  auto const counted = std::make_shared<tally>();
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    auto const executor = context.get_executor();
    store_settings const settings;
    auto const first = co_await data.open(executor, settings);
    auto const second = co_await data.open(executor, settings);
    auto one = make_host(executor, first, "one", counted);
    auto other = make_host(executor, second, "other", counted);
    co_await one.open();
    co_await other.open();
    std::vector<workflow_client> const clients{one.client(), other.client(), workflow_client(executor, first)};
    task_group group(executor);
    for (int lane = 0; lane < lanes; ++lane)
      group.spawn(
          run_lane(clients[static_cast<std::size_t>(lane) % clients.size()], std::to_string(lane), each, right));
    co_await group.join();
    co_await one.close();
    co_await other.close();
  };
  run_options options;
  options.threads = threads;
  options.limit = 120s;
  with_data(provider, body, options);
  BOOST_TEST(*right == lanes * each);
}

BOOST_DATA_TEST_CASE(what_is_unfinished_goes_on_after_a_restart, all_readers(), provider) {
  with_workflows(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    constexpr int many = 100;
    auto const counted = std::make_shared<tally>();
    {
      auto host = make_host(executor, store, "a", counted);
      co_await host.open();
      for (int i = 0; i < many; ++i)
        co_await host.client().start(talk, std::to_string(i), std::to_string(i));
      for (int i = 0; i < many; i += 2) {
        std::string const answer = ".";
        co_await host.client().signal(talk, std::to_string(i), "answer", answer);
      }
    } // ends as a crash would
    auto host = make_host(executor, store, "a", counted);
    co_await host.open();
    for (int i = 1; i < many; i += 2) {
      std::string const answer = "?";
      co_await host.client().signal(talk, std::to_string(i), "answer", answer);
    }
    for (int i = 0; i < many; ++i) {
      std::string const result = co_await host.client().result(talk, std::to_string(i));
      BOOST_TEST(result == std::to_string(i) + (i % 2 == 0 ? ".!" : "?!"));
    }
    auto const metrics = host.metrics();
    BOOST_TEST(metrics.broken == 0u);
    BOOST_TEST(metrics.resident == 0u);
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(another_host_takes_over, all_readers(), provider) {
  with_workflows(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    auto const counted = std::make_shared<tally>();
    auto second = make_host(executor, store, "b", counted);
    co_await second.open();
    {
      auto first = make_host(executor, store, "a", counted);
      co_await first.open();
      std::string const question = "who";
      co_await first.client().start(talk, "t", question);
      auto const asked = [&] {
        std::scoped_lock const lock(counted->mutex);
        return counted->calls.size() == 1;
      };
      while (!asked())
        co_await machine_time()->sleep_for(1ms);
      co_await machine_time()->sleep_for(20ms);
    }
    workflow_client const client(executor, store);
    std::string const answer = " else";
    co_await client.signal(talk, "t", "answer", answer);
    std::string const result = co_await client.result(talk, "t");
    BOOST_TEST(result == "who else!");
    co_await second.close();
  });
}

BOOST_DATA_TEST_CASE(a_workflow_that_is_cancelled, all_readers(), provider) {
  with_workflows(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    auto const counted = std::make_shared<tally>();
    auto host = make_host(executor, store, "a", counted);
    co_await host.open();
    std::string const question = "who";
    co_await host.client().start(talk, "c", question);
    co_await host.client().cancel(talk, "c");
    auto const how = co_await code_of(host.client().result(talk, "c"));
    BOOST_TEST((how == errc::workflow_cancelled));
    auto const state = co_await host.client().state(talk, "c");
    BOOST_TEST((state == workflow_state::cancelled));
    co_await host.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()
