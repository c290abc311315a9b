// Ends of actor hosts: commands cancelled, contexts destroyed at any step, while others wait for the same actor and the
// server answers or stands still. Nothing hangs, nothing is left, and every command counts once.
#include <integration/store_support.hpp>
#include <integration/teardown_steps.hpp>
#include <support/account.hpp>

#include <boost/asio/detached.hpp>

#include <algorithm>
#include <utility>

BOOST_AUTO_TEST_SUITE(actors_teardown, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

enum class server_state { answers, stands_still };

/// Again until it is stored, as a client does.
awaitable<void> insist(actor<account> a, std::string id, std::shared_ptr<int> left) {
  auto options = with_id(std::move(id));
  options.timeout = 300ms;
  for (auto stored = false; !stored;) {
    try {
      co_await a.with(options).execute<deposit>("ref", 1);
      stored = true;
    } catch (error const& e) {
      if (!is_retryable(e.code()))
        throw;
    }
  }
  --*left;
}

/// A host and its store on a context of their own. The call is the first command of three on one actor: it leads, and
/// the others wait behind it.
template <server_state State, bool IsWarm> struct stage {
  nats_server& server;
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
  actor_host host;
  std::string const name;
  std::shared_ptr<int> left = std::make_shared<int>(2);
  bool stands_still = false;

  explicit stage(nats_server& s) : server(s), name("account-" + new_stream()) {
    auto ready = false;
    auto const set_up = [&]() -> awaitable<void> {
      auto store = co_await open_store(server.url(), "orders");
      host = actor_host(context->get_executor(), std::make_shared<jetstream_event_store>(store));
      if (IsWarm)
        co_await host.get<account>(name).version();
      ready = true;
      context->stop();
    };
    asio::co_spawn(*context, set_up(), asio::detached);
    context->run();
    context->restart();
    BOOST_REQUIRE(ready);
    if ((stands_still = State == server_state::stands_still))
      server.pause();
  }
  ~stage() { resume(); }
  void resume() {
    if (std::exchange(stands_still, false))
      server.resume();
  }

  awaitable<void> call() {
    auto const a = host.get<account>(name);
    for (auto const* id : {"second", "third"})
      asio::co_spawn(*context, insist(a, id, left), asio::detached);
    return first(a);
  }
  static awaitable<void> first(actor<account> a) {
    co_await a.with(with_id("first")).template execute<deposit>("ref", 1);
  }
  void drop_handles() { host = actor_host(); }

  /// Everybody else comes to his end, and the first command may come again.
  void check() {
    resume();
    for (int i = 0; i < 3000 && *left > 0; ++i)
      context->run_one_for(10ms);
    BOOST_TEST_REQUIRE(*left == 0);
    auto done = false;
    std::vector<event> events;
    auto const again = [&]() -> awaitable<void> {
      co_await host.get<account>(name).with(with_id("first")).template execute<deposit>("ref", 1);
      auto store = co_await open_store(server.url(), "orders");
      auto all = co_await store.get_events(name);
      events = std::move(all);
      done = true;
    };
    asio::co_spawn(*context, again(), asio::detached);
    for (int i = 0; i < 3000 && !done; ++i)
      context->run_one_for(10ms);
    BOOST_TEST_REQUIRE(done);
    std::vector<std::string> ids;
    for (event const& e : events)
      ids.push_back(e.command_id);
    std::sort(ids.begin(), ids.end());
    BOOST_TEST(ids == (std::vector<std::string>{"first", "second", "third"}), boost::test_tools::per_element());
    BOOST_TEST(host.metrics().waiting == 0u);
  }
};

bool is_known_end(std::exception_ptr e) {
  try {
    if (e)
      std::rethrow_exception(e);
    return true;
  } catch (boost::system::system_error const& error) {
    return error.code() == asio::error::operation_aborted;
  }
}

template <class Stage> void cancel_at_each_step_of() {
  nats_server server;
  cancel_at_each_step<Stage>(server, [](Stage& s) { return s.call(); }, is_known_end, [](Stage& s) { s.check(); });
}

// The host outlives its context: nobody waits any more, and whoever comes is told.
template <class Stage> void destroy_at_each_step_of() {
  nats_server server;
  destroy_the_context_at_each_step<Stage>(
      server, [](Stage& s) { return s.call(); },
      [](Stage& s) {
        BOOST_TEST(s.host.metrics().waiting == 0u);
        run([&](asio::io_context&) -> awaitable<void> {
          auto const code = co_await error_of(s.host.template get<account>(s.name).template execute<deposit>("x", 1));
          BOOST_TEST((code == errc::closed), code);
        });
      });
}

using server_state::answers;
using server_state::stands_still;

BOOST_AUTO_TEST_CASE(a_leader_is_cancelled_at_any_step) { cancel_at_each_step_of<stage<answers, true>>(); }
BOOST_AUTO_TEST_CASE(one_that_loads_is_cancelled_at_any_step) { cancel_at_each_step_of<stage<answers, false>>(); }
BOOST_AUTO_TEST_CASE(a_leader_is_cancelled_while_the_server_stands_still) {
  cancel_at_each_step_of<stage<stands_still, true>>();
}
BOOST_AUTO_TEST_CASE(one_that_loads_is_cancelled_while_the_server_stands_still) {
  cancel_at_each_step_of<stage<stands_still, false>>();
}
BOOST_AUTO_TEST_CASE(the_context_is_destroyed_at_any_step) { destroy_at_each_step_of<stage<answers, true>>(); }
BOOST_AUTO_TEST_CASE(the_context_is_destroyed_while_one_loads) { destroy_at_each_step_of<stage<answers, false>>(); }
BOOST_AUTO_TEST_CASE(the_context_is_destroyed_while_the_server_stands_still) {
  destroy_at_each_step_of<stage<stands_still, true>>();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
