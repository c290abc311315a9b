// Ends of connections: cancelled, destroyed, stopped or killed at any point, in any order, and nothing is left.
#include <integration/connection_support.hpp>
#include <integration/teardown_steps.hpp>

#include "detail/context_service.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(connection_teardown, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::connection;
using nats::connection_state;
using nats::message;

namespace {

enum class call { connect, request, unanswered_request, publish, flush, subscribe, receive, wait_for_change, close };
std::ostream& operator<<(std::ostream& out, call c) { return out << static_cast<int>(c); }
call const calls[] = {call::connect,   call::request, call::unanswered_request, call::publish, call::flush,
                      call::subscribe, call::receive, call::wait_for_change,    call::close};

// One call on a connection that stands; `to` is where to connect to.
asio::awaitable<void> make(call what, connection c, std::shared_ptr<nats::subscription> silent,
                           nats::connection_options to) {
  message const m(what == call::request ? "nobody" : "silent", "x");
  if (what == call::connect)
    co_await connection::connect(to);
  if (what == call::request || what == call::unanswered_request)
    co_await c.request(m);
  if (what == call::publish)
    co_await c.publish(m);
  if (what == call::flush)
    co_await c.flush();
  if (what == call::subscribe)
    co_await c.subscribe("a");
  if (what == call::receive)
    co_await silent->receive();
  if (what == call::wait_for_change)
    co_await c.wait_for_change(connection_state::connected);
  if (what == call::close)
    co_await c.close();
}

// An io_context with a connection on it and a subscription that nobody serves.
struct running {
  std::unique_ptr<asio::io_context> context;
  nats::connection_options options;
  connection c;
  std::shared_ptr<nats::subscription> silent;

  explicit running(nats_server const& server, asio::any_io_executor on = {})
      : context(std::make_unique<asio::io_context>()), options(options_for(server)) {
    options.executor = on;
    auto set_up = [&]() -> asio::awaitable<void> {
      c = co_await connection::connect(options);
      auto s = co_await c.subscribe("silent.*");
      silent = std::make_shared<nats::subscription>(std::move(s));
      context->stop();
    };
    asio::co_spawn(*context, set_up(), asio::detached);
    context->run();
    context->restart();
    BOOST_REQUIRE(silent);
  }
  asio::awaitable<void> make_call(call what) { return make(what, c, silent, options); }
  void drop_handles() {
    c = connection();
    silent.reset();
  }
};

// Told that the context goes before the connection is: the moment between.
class first_to_know final : public detail::context_member {
public:
  explicit first_to_know(running& of) : of_(of) {}
  void context_shutdown() noexcept override {
    state = of_.c.state();
    auto ended = [&](std::exception_ptr e) { end = e; };
    asio::co_spawn(callers, of_.make_call(call::request), ended);
    callers.run_for(5s);
  }

  asio::io_context callers;
  connection_state state = connection_state::connected;
  std::exception_ptr end;

private:
  running& of_;
};

bool is_known_end(std::exception_ptr e) {
  try {
    if (e)
      std::rethrow_exception(e);
    return true;
  } catch (boost::system::system_error const& error) {
    return error.code() == asio::error::operation_aborted || error.code() == errc::closed ||
           error.code() == errc::connection_lost || error.code() == errc::timed_out;
  }
}

} // namespace

BOOST_DATA_TEST_CASE(a_call_cancelled_at_any_step_ends_and_leaves_nothing, calls, what) {
  nats_server server(without_jetstream());
  cancel_at_each_step<running>(server, [&](running& r) { return r.make_call(what); }, is_known_end, [](running&) {});
}

BOOST_DATA_TEST_CASE(the_context_may_be_destroyed_at_any_step, calls, what) {
  nats_server server(without_jetstream());
  destroy_the_context_at_each_step<running>(
      server, [&](running& r) { return r.make_call(what); },
      [](running& r) {
        BOOST_CHECK(r.c.state() == connection_state::closed);
        BOOST_TEST(r.c.connected_server() == "");
        BOOST_TEST(!r.silent->try_receive().has_value());
      });
}

BOOST_AUTO_TEST_CASE(callers_elsewhere_hear_that_the_connections_context_is_gone) {
  nats_server server(without_jetstream());
  auto own = std::make_unique<asio::io_context>();
  auto guard = std::make_optional(asio::make_work_guard(*own));
  std::thread owner([&] { own->run(); });
  running r(server, own->get_executor());
  std::vector<errc> ends;
  int under_way = 0;
  auto note = [&](std::exception_ptr e) {
    --under_way;
    try {
      if (e)
        std::rethrow_exception(e);
      ends.push_back(errc{});
    } catch (boost::system::system_error const& error) {
      ends.push_back(static_cast<errc>(error.code().value()));
    }
  };
  for (auto const what : {call::unanswered_request, call::receive, call::wait_for_change}) {
    ++under_way;
    asio::co_spawn(*r.context, r.make_call(what), note);
  }
  // All three have begun when the answer to a later request is there.
  std::optional<std::exception_ptr> later;
  asio::co_spawn(*r.context, r.make_call(call::request), [&](std::exception_ptr e) { later = e; });
  while (!later)
    r.context->run_one();
  own->stop();
  owner.join();
  guard.reset();
  own.reset();
  for (auto const end = std::chrono::steady_clock::now() + 5s;
       under_way != 0 && std::chrono::steady_clock::now() < end;)
    r.context->run_one_for(100ms);
  BOOST_TEST(under_way == 0);
  for (auto const end : ends)
    BOOST_TEST((end == errc::closed || end == errc{})); // wait_for_change() returns the new state
  BOOST_CHECK(r.c.state() == connection_state::closed);
  std::optional<std::exception_ptr> after;
  asio::co_spawn(*r.context, r.make_call(call::request), [&](std::exception_ptr e) { after = e; });
  r.context->restart();
  r.context->run_for(5s);
  BOOST_REQUIRE(after.has_value());
  BOOST_CHECK_EXCEPTION(std::rethrow_exception(*after), error, [](error const& e) { return e.code() == errc::closed; });
}

BOOST_AUTO_TEST_CASE(a_callers_context_may_go_first) {
  nats_server server(without_jetstream());
  auto own = std::make_unique<asio::io_context>();
  auto guard = std::make_optional(asio::make_work_guard(*own));
  std::thread owner([&] { own->run(); });
  {
    running r(server, own->get_executor());
    for (auto const what : {call::unanswered_request, call::receive, call::wait_for_change, call::flush})
      asio::co_spawn(*r.context, r.make_call(what), asio::detached);
    r.context->poll();
    r.context.reset(); // what they wait for comes, or ends, on a context that still runs
  }
  guard.reset();
  owner.join(); // the last handle is gone: nothing keeps run() from returning
}

BOOST_AUTO_TEST_CASE(while_the_connections_context_is_not_run_calls_end_at_their_deadline) {
  nats_server server(without_jetstream());
  asio::io_context own;
  {
    auto guard = std::make_optional(asio::make_work_guard(own));
    std::thread owner([&] { own.run(); });
    running r(server, own.get_executor());
    own.stop();
    owner.join();
    run([&](asio::io_context&) -> asio::awaitable<void> {
      auto c = r.c;
      auto f = co_await failure_of(c.request(message("nobody", ""), within(20ms)));
      BOOST_TEST(f.code == errc::timed_out);
      f = co_await failure_of(c.publish(message("nobody", ""), within(20ms)));
      BOOST_TEST(f.code == errc::timed_out);
      f = co_await failure_of(c.flush(within(20ms)));
      BOOST_TEST(f.code == errc::timed_out);
      f = co_await failure_of(c.wait_for_change(connection_state::connected, within(20ms)));
      BOOST_TEST(f.code == errc::timed_out);
      f = co_await failure_of(c.close(within(20ms)));
      BOOST_TEST(f.code == errc::timed_out);
    });
  }
  own.restart();
  own.run(); // what was asked of it meanwhile is done now: it closes, and returns
  BOOST_TEST(own.stopped());
}

BOOST_AUTO_TEST_CASE(closing_while_it_connects_and_closing_at_once_from_everywhere) {
  nats_server server(without_jetstream());
  run(
      [&](asio::io_context& context) -> asio::awaitable<void> {
        auto c = co_await connection::connect(options_for(server));
        task_group group(context.get_executor());
        for (int i = 0; i < 20; ++i)
          group.spawn(c.close());
        co_await group.join();
        BOOST_CHECK(c.state() == connection_state::closed);
        // Given up while it connects: join() waits for the cancelled ones.
        auto connect = [&]() -> asio::awaitable<void> { co_await connection::connect(options_for(server)); };
        for (int i = 0; i < 20; ++i) {
          task_group connecting(context.get_executor());
          connecting.spawn(connect());
          if (i % 2 == 0)
            co_await pause(std::chrono::microseconds(100 * i));
          connecting.cancel();
          co_await connecting.join();
        }
      },
      {.threads = 4});
}

// Calls of every kind on four threads while the server is killed and started again.
BOOST_AUTO_TEST_CASE(the_server_may_be_killed_at_any_point) {
  nats_server server(without_jetstream());
  auto const before = open_descriptors();
  std::atomic<int> ended = 0;
  std::mutex mutex;
  std::set<std::string> unexpected;
  std::atomic<bool> stop = false;
  run(
      [&](asio::io_context& context) -> asio::awaitable<void> {
        auto c = co_await connection::connect(options_for(server));
        auto s = co_await c.subscribe("silent.*");
        auto const silent = std::make_shared<nats::subscription>(std::move(s));
        auto hammer = [&](call what) -> asio::awaitable<void> {
          while (!stop) {
            auto const f = co_await failure_of(make(what, c, silent, options_for(server)));
            ++ended;
            if (f.code.failed() && f.code != errc::connection_lost && f.code != errc::connect_failed &&
                f.code != errc::closed && f.code != errc::timed_out) {
              std::lock_guard lock(mutex);
              unexpected.insert(f.text);
            }
          }
        };
        task_group group(context.get_executor());
        for (int i = 0; i < 4; ++i)
          for (auto const what :
               {call::connect, call::request, call::unanswered_request, call::publish, call::flush, call::subscribe})
            group.spawn(hammer(what));
        for (int i = 0; i < 6; ++i) {
          auto const enough = ended + 200;
          while (ended < enough)
            co_await pause(1ms);
          server.kill();
          co_await pause(std::chrono::milliseconds(5 * i));
          server.start();
        }
        stop = true;
        co_await c.close(); // ends the unanswered ones
        co_await group.join();
      },
      {.threads = 4});
  for (auto const& text : unexpected)
    BOOST_ERROR(text);
  BOOST_TEST(open_descriptors() == before);
}

// Threads run the context until it is stopped in the middle of everything, then it is destroyed under the handles.
BOOST_AUTO_TEST_CASE(a_context_stopped_in_the_middle_of_everything_is_destroyed_cleanly) {
  nats_server server(without_jetstream());
  auto const before = open_descriptors();
  for (int round = 0; round < 10; ++round) {
    running r(server);
    std::vector<std::thread> threads;
    auto hammer = [](running& on, call what) -> asio::awaitable<void> {
      for (;;)
        co_await make(what, on.c, on.silent, on.options);
    };
    for (auto const what : {call::connect, call::request, call::publish, call::flush, call::subscribe})
      asio::co_spawn(asio::make_strand(*r.context), hammer(r, what), asio::detached);
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { r.context->run(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    std::thread dropping([&, c = r.c]() mutable { c = connection(); });
    r.context->stop();
    for (auto& t : threads)
      t.join();
    if (round % 2 == 0)
      r.drop_handles();
    r.context.reset();
    dropping.join();
  }
  BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(it_is_closed_as_soon_as_its_context_begins_to_go) {
  nats_server server(without_jetstream());
  running r(server);
  auto const told = std::make_shared<first_to_know>(r);
  detail::context_service::of(r.context->get_executor()).add_member(told);
  r.context.reset();
  BOOST_TEST((told->state == connection_state::closed));
  BOOST_REQUIRE(told->end);
  BOOST_CHECK_EXCEPTION(std::rethrow_exception(told->end), error,
                        [](error const& e) { return e.code() == errc::closed; });
}

BOOST_AUTO_TEST_SUITE_END()
