// Commands routed between nodes of one process: to the owner, past who is gone, and back here.
#include "command_envelope.hpp"

#include <aether/command_router.hpp>
#include <aether/memory_cluster.hpp>
#include <aether/memory_event_store.hpp>
#include <aether/task_group.hpp>
#include <support/account.hpp>
#include <support/recording_logger.hpp>
#include <support/run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <map>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(command_routing)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

struct node {
  std::shared_ptr<placement> where;
  actor_host host;
  command_router router;

  node() = default;
};

command_routes account_routes() {
  command_routes routes;
  routes.add<account, deposit, withdraw, break_decide>();
  return routes;
}

/// Nodes that share a store, each with a host of its own.
struct cluster {
  asio::any_io_executor executor;
  memory_cluster members;
  std::shared_ptr<memory_event_store> store;
  std::map<std::string, node> nodes;

  explicit cluster(asio::any_io_executor ex) : executor(ex), store(std::make_shared<memory_event_store>(ex)) {}

  awaitable<void> add(std::string name, command_router_options options = {}) {
    node n;
    n.where = members.join(name);
    n.host = actor_host(executor, store);
    auto router = co_await command_router::open(n.host, n.where, members.transport(), account_routes(), options);
    n.router = std::move(router);
    nodes[name] = std::move(n);
  }
  node& of(std::string const& name) { return nodes.at(name); }

  /// An actor that belongs to this node.
  std::string actor_of(std::string const& name) const {
    auto const& ring = nodes.begin()->second.where->view()->ring;
    for (int i = 0;; ++i) {
      auto id = "account-" + std::to_string(i);
      if (ring.node_of(id) == name)
        return id;
    }
  }
  awaitable<void> close() {
    for (auto& [name, n] : nodes) {
      co_await n.where->leave();
      co_await n.router.close();
      co_await n.host.close();
    }
  }
};

void with_nodes(std::vector<std::string> names, std::function<awaitable<void>(cluster&)> body) {
  run([&](asio::io_context& context) -> awaitable<void> {
    cluster c(context.get_executor());
    for (auto const& name : names)
      co_await c.add(name);
    co_await body(c);
    co_await c.close();
  });
}

command_options quick(std::string id) {
  auto options = with_id(std::move(id));
  options.timeout = 200ms;
  return options;
}

template <class T> awaitable<boost::system::error_code> code_of(awaitable<T> call) {
  boost::system::error_code code;
  try {
    co_await std::move(call);
  } catch (boost::system::system_error const& e) {
    code = e.code();
  }
  co_return code;
}

BOOST_AUTO_TEST_CASE(a_command_goes_to_the_node_that_owns_the_actor) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const mine = c.actor_of("a"), others = c.actor_of("b");
    auto const& from = c.of("a").router;
    auto const here = co_await from.get<account>(mine).with(with_id("1")).execute<deposit>("x", 3);
    auto const there = co_await from.get<account>(others).with(with_id("1")).execute<deposit>("x", 5);
    BOOST_TEST(here.last_version == 1);
    BOOST_TEST(there.last_version == 1);
    BOOST_TEST(c.of("a").host.metrics().stored == 1u);
    BOOST_TEST(c.of("b").host.metrics().stored == 1u);
    auto const again = co_await from.get<account>(others).with(with_id("1")).execute<deposit>("x", 5);
    BOOST_TEST(again.repeated);
    BOOST_TEST(from.metrics().here == 1u);
    BOOST_TEST(from.metrics().answered == 2u);
    BOOST_TEST(c.of("b").router.metrics().executed == 2u);
  });
}

BOOST_AUTO_TEST_CASE(rejections_and_errors_are_those_of_the_other_node) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const on_b = c.of("a").router.get<account>(c.actor_of("b"));
    auto const refused = co_await on_b.try_execute<withdraw>(7);
    BOOST_TEST((std::get<rejection>(refused) == rejection("insufficient_funds", "there are 0")));
    auto const thrown = co_await code_of(on_b.execute<withdraw>(7));
    BOOST_TEST((thrown == errc::command_rejected));
    std::string text;
    try {
      co_await on_b.execute<break_decide>();
    } catch (error const& e) {
      BOOST_TEST((e.code() == errc::decide_failed));
      text = e.what();
    }
    BOOST_TEST(text.find("node \"b\"") != std::string::npos, text);
    BOOST_TEST(text.find("decide is broken") != std::string::npos, text);
    BOOST_TEST(text.find("throw instead", text.find("threw instead") + 1) == std::string::npos, text);
  });
}

BOOST_AUTO_TEST_CASE(metadata_and_the_command_id_reach_the_event) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const id = c.actor_of("b");
    auto options = with_id("c-9");
    options.metadata.correlation_id("web-1").trace_id("t");
    co_await c.of("a").router.get<account>(id).with(options).execute<deposit>("x", 1);
    auto const stored = co_await c.store->find_event(id, 1);
    BOOST_TEST(stored->command_id == "c-9");
    BOOST_TEST(stored->metadata.correlation_id() == "web-1");
    BOOST_TEST(stored->metadata.trace_id() == "t");
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_nobody_answers_for_is_passed_over) {
  with_nodes({"a", "b", "c"}, [](cluster& c) -> awaitable<void> {
    auto const id = c.actor_of("b");
    co_await c.of("b").router.close(); // it lives, and does not listen
    auto const done = co_await c.of("a").router.get<account>(id).with(quick("1")).execute<deposit>("x", 1);
    BOOST_TEST(done.last_version == 1);
    BOOST_TEST(c.of("b").host.metrics().commands == 0u);
    BOOST_TEST(c.of("a").router.metrics().fell_back == 1u);
    auto const next = c.of("a").where->view()->ring.nodes_of(id, 2)[1];
    BOOST_TEST(c.of(next).host.metrics().stored == 1u); // who owns it when b is gone
  });
}

BOOST_AUTO_TEST_CASE(without_other_nodes_commands_are_executed_here) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const id = c.actor_of("b");
    c.members.expire("a");
    c.members.expire("b");
    BOOST_TEST(c.of("a").where->owner_of(id) == "");
    auto const done = co_await c.of("a").router.get<account>(id).execute<deposit>("x", 1);
    BOOST_TEST(done.last_version == 1);
    BOOST_TEST(c.of("a").host.metrics().stored == 1u);
  });
}

BOOST_AUTO_TEST_CASE(no_answer_is_outcome_unknown_and_the_same_id_counts_once) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const on_b = c.of("a").router.get<account>(c.actor_of("b"));
    c.members.silence("b");
    auto const lost = co_await code_of(on_b.with(quick("1")).execute<deposit>("x", 1));
    BOOST_TEST((lost == errc::outcome_unknown));
    BOOST_TEST(is_retryable(lost));
    BOOST_TEST(c.of("a").router.metrics().unanswered == 1u);
    c.members.expire("b"); // it is dead: its actors are a's
    auto const done = co_await on_b.with(quick("1")).execute<deposit>("x", 1);
    BOOST_TEST(!done.repeated);
    c.members.revive("b");
    c.members.silence("b", false);
    auto const again = co_await on_b.with(quick("1")).execute<deposit>("x", 1);
    BOOST_TEST(again.repeated);
    BOOST_TEST(again.last_version == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_stale_sender_is_told_where_to_go) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const id = c.actor_of("b");
    c.members.expire("a", false); // a believes that both live; b is alone
    auto const mine = c.actor_of("a");
    co_await c.of("b").router.get<account>(mine).execute<deposit>("x", 1);
    BOOST_TEST(c.of("b").host.metrics().stored == 1u);
    co_await c.of("a").router.get<account>(mine).execute<deposit>("x", 1); // a is stale, and the store makes it safe
    BOOST_TEST(c.of("a").host.metrics().stored == 1u);
    c.members.revive("a");
    co_await c.of("a").router.get<account>(id).execute<deposit>("x", 1);
    BOOST_TEST(c.of("b").host.metrics().stored == 2u);
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_lapsed_passes_commands_on) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const id = c.actor_of("b");
    detail::command_envelope e;
    e.type = deposit::command_type;
    e.actor_id = id;
    e.command_id = "late";
    e.data["reference"] = "x";
    e.data["amount"] = 1;
    auto const text = detail::to_text(e);
    c.members.expire("b");
    auto const way = c.members.transport();
    auto const answered = co_await way->send("b", text, {});
    BOOST_TEST(answered.answer == R"({"v":1,"outcome":"moved","owner":"a"})");
    auto const third = co_await way->send("a", text, {});
    BOOST_TEST(third.answer == R"({"v":1,"outcome":"done","firstVersion":1,"lastVersion":1,"repeated":false})");
    BOOST_TEST(c.of("b").router.metrics().passed_on == 1u);
    BOOST_TEST(c.of("b").host.metrics().commands == 0u);
  });
}

BOOST_AUTO_TEST_CASE(who_was_named_executes_whatever_it_knows) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    detail::command_envelope e;
    e.type = withdraw::command_type;
    e.actor_id = c.actor_of("b");
    e.command_id = "1";
    e.data["amount"] = 0;
    e.hop = 1;
    auto const answered = co_await c.members.transport()->send("a", detail::to_text(e), {});
    BOOST_TEST(answered.answer == R"({"v":1,"outcome":"done","firstVersion":0,"lastVersion":0,"repeated":false})");
  });
}

BOOST_AUTO_TEST_CASE(actors_of_another_node_leave_memory) {
  with_nodes({"a"}, [](cluster& c) -> awaitable<void> {
    auto const router = c.of("a").router;
    for (int i = 0; i < 40; ++i)
      co_await router.get<account>("account-" + std::to_string(i)).execute<deposit>("x", 1);
    BOOST_TEST(c.of("a").host.metrics().actors == 40u);
    co_await c.add("b");
    std::size_t left = 0;
    for (int i = 0; i < 40; ++i)
      left += c.of("a").where->owns("account-" + std::to_string(i)) ? 1 : 0;
    BOOST_TEST(left < 40u);
    for (int i = 0; i < 1000 && c.of("a").host.metrics().actors != left; ++i)
      co_await asio::post(c.executor, asio::use_awaitable);
    BOOST_TEST(c.of("a").host.metrics().actors == left);
    BOOST_TEST(router.metrics().evicted == 40 - left);
    for (int i = 0; i < 40; ++i) {
      auto const r = co_await router.get<account>("account-" + std::to_string(i)).execute<deposit>("x", 1);
      BOOST_TEST(r.last_version == 2);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_lapsed_for_a_moment_forgets_all_its_actors) {
  with_nodes({"a"}, [](cluster& c) -> awaitable<void> {
    for (int i = 0; i < 10; ++i)
      co_await c.of("a").router.get<account>("account-" + std::to_string(i)).execute<deposit>("x", 1);
    c.members.expire("a");
    c.members.revive("a"); // before anybody looked
    BOOST_TEST(c.of("a").where->view()->lapses == 1u);
    for (int i = 0; i < 1000 && c.of("a").host.metrics().actors > 0; ++i)
      co_await asio::post(c.executor, asio::use_awaitable);
    BOOST_TEST(c.of("a").host.metrics().actors == 0u);
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_answered_counted_and_logged_without_its_payload) {
  run([](asio::io_context& context) -> awaitable<void> {
    cluster c(context.get_executor());
    command_router_options options;
    auto const log = std::make_shared<recording_logger>();
    options.log = log;
    co_await c.add("a", options);
    auto const way = c.members.transport();
    for (std::string const text :
         {"sesame", R"({"v":1,"type":"Sesame"})", R"({"v":2})",
          R"({"v":1,"type":"Nobodys","actorId":"account-1","commandId":"1","data":{"secret":"sesame"}})",
          R"({"v":1,"type":"Deposit","actorId":"account-1","commandId":"1","data":{"reference":"sesame"}})",
          R"({"v":1,"type":"Deposit","actorId":"account-1","commandId":"1","data":{"reference":1,"amount":1}})"}) {
      auto const answered = co_await way->send("a", text, {});
      detail::command_answer a;
      std::string why;
      BOOST_TEST_REQUIRE(detail::parse_answer(answered.answer, a, why), answered.answer);
      BOOST_TEST((a.error == errc::command_not_routable), answered.answer);
      BOOST_TEST(a.text.find("sesame") == std::string::npos, answered.answer);
    }
    BOOST_TEST(c.of("a").router.metrics().refused == 6u);
    BOOST_TEST(c.of("a").host.metrics().commands == 0u);
    BOOST_TEST(log->text().find("was not understood") != std::string::npos);
    BOOST_TEST(log->text().find("sesame") == std::string::npos);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_command_type_is_registered_once) {
  command_routes routes;
  routes.add<account, deposit>();
  BOOST_CHECK_EXCEPTION((routes.add<account, withdraw, deposit>()), error,
                        [](error const& e) { return e.code() == errc::invalid_argument; });
}

BOOST_AUTO_TEST_CASE(too_much_is_refused) {
  with_nodes({"a", "b"}, [](cluster& c) -> awaitable<void> {
    auto const on_b = c.of("a").router.get<account>(c.actor_of("b"));
    auto const large = co_await code_of(on_b.execute<deposit>(std::string(2'000'000, 'x'), 1));
    BOOST_TEST((large == errc::event_too_large));
  });
}

/// Answers with its own name.
class named_receiver final : public command_receiver {
public:
  explicit named_receiver(std::string name) : name_(std::move(name)) {}
  void on_command(std::string, std::function<void(std::string)> answer) override { answer(name_); }

private:
  std::string const name_;
};

BOOST_AUTO_TEST_CASE(who_listens_later_goes_on_when_the_first_one_goes) {
  run([](asio::io_context&) -> awaitable<void> {
    auto const way = memory_cluster().transport();
    auto const first = std::make_shared<named_receiver>("first"), second = std::make_shared<named_receiver>("second");
    auto listens = co_await way->listen("a", first);
    auto const listens_too = co_await way->listen("a", second);
    listens.reset();
    auto const got = co_await way->send("a", "x", {});
    BOOST_TEST((got.how == delivery::answered));
    BOOST_TEST(got.answer == "second");
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_has_left_takes_nobody_with_it) {
  run([](asio::io_context&) -> awaitable<void> {
    memory_cluster members;
    auto first = members.join("n");
    co_await first->leave();
    auto const second = members.join("n");
    co_await first->leave();
    BOOST_TEST(second->is_live());
    first.reset();
    BOOST_TEST(second->is_live());
    auto const third = members.join("m");
    BOOST_TEST(third->view()->ring.size() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(handles_that_are_not_open_say_so) {
  run([](asio::io_context& context) -> awaitable<void> {
    BOOST_CHECK_THROW(command_router().get<account>("account-1"), error);
    auto const none = co_await code_of(routed_actor<account>().execute<deposit>("x", 1));
    BOOST_TEST((none == errc::not_open));
    cluster c(context.get_executor());
    co_await c.add("a");
    auto const closed = c.of("a").router.get<account>("account-1");
    auto const bad_id = co_await code_of(c.of("a").router.get<account>("").execute<deposit>("x", 1));
    BOOST_TEST((bad_id == errc::invalid_id));
    co_await c.of("a").router.close();
    auto const late = co_await code_of(closed.execute<deposit>("x", 1));
    BOOST_TEST((late == errc::closed));
    co_await c.close();
  });
}

// Whoever is too late to be executed there is told to go elsewhere, however close to the end it comes.
BOOST_AUTO_TEST_CASE(commands_that_meet_a_closing_router_are_answered) {
  constexpr int rounds = 500, senders = 8;
  std::atomic<int> unknown = 0, ended = 0;
  run_options options;
  options.threads = 4;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        for (int round = 0; round < rounds; ++round) {
          cluster c(context.get_executor());
          co_await c.add("a");
          co_await c.add("b");
          auto const id = c.actor_of("b");
          auto const send = [&](int i) -> awaitable<void> {
            auto const a = c.of("a").router.get<account>(id).with(quick(std::to_string(i)));
            auto const code = co_await code_of(a.execute<deposit>("x", 1));
            unknown += code == errc::outcome_unknown;
            ++ended;
          };
          task_group group(context.get_executor());
          for (int i = 0; i < senders; ++i)
            group.spawn(send(i));
          co_await c.of("b").router.close();
          co_await group.join();
          co_await c.close();
        }
      },
      options);
  BOOST_TEST(ended == rounds * senders);
  BOOST_TEST(unknown == 0);
}

BOOST_AUTO_TEST_CASE(everything_may_go_while_commands_are_under_way) {
  for (int steps = 0; steps < 40; ++steps) {
    asio::io_context context;
    auto const set_up = [&]() -> awaitable<void> {
      auto const c = std::make_shared<cluster>(context.get_executor());
      co_await c->add("a");
      co_await c->add("b");
      auto const id = c->actor_of("b");
      for (int i = 0;; ++i)
        co_await c->of("a").router.get<account>(id).with(with_id(std::to_string(i))).execute<deposit>("x", 1);
    };
    asio::co_spawn(context, set_up(), asio::detached);
    for (int i = 0; i < steps; ++i)
      context.run_one_for(50ms);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE_END()
