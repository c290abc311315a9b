// Contexts that stop or go while calls are under way: the store's, the caller's, both; before and after the handles.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

BOOST_AUTO_TEST_SUITE(store_teardown, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
namespace data = boost::unit_test::data;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

// An io_context that threads of its own run until it is stopped.
class running_context {
public:
  explicit running_context(int threads) : context_(std::in_place, threads), work_(asio::make_work_guard(*context_)) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([c = &*context_] { c->run(); });
  }
  ~running_context() { destroy(); }

  asio::io_context& get() { return *context_; }
  void stop() {
    if (context_)
      context_->stop();
    for (auto& t : threads_)
      t.join();
    threads_.clear();
  }
  void destroy() {
    stop();
    work_.reset();
    context_.reset();
  }

  // Runs a coroutine there and waits for what it returns.
  template <class T> T run(awaitable<T> call) {
    auto future = asio::co_spawn(*context_, std::move(call), asio::use_future);
    if (future.wait_for(scaled(60s)) != std::future_status::ready)
      throw std::runtime_error("the call does not end");
    return future.get();
  }

private:
  std::optional<asio::io_context> context_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
};

// A store that runs on `home`, whoever uses it.
awaitable<jetstream_event_store> open_at(asio::io_context& home, std::string url, std::string stream) {
  nats::connection_options options;
  options.servers.push_back(std::move(url));
  options.executor = home.get_executor();
  auto on = co_await nats::connection::connect(std::move(options));
  auto store = co_await jetstream_event_store::open(std::move(on), std::move(stream));
  co_return store;
}

// Counts progress, and wakes who waits for it.
class progress {
public:
  void step() {
    std::lock_guard lock(mutex_);
    ++steps_;
    changed_.notify_all();
  }
  bool wait_for(int steps) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, scaled(30s), [&] { return steps_ >= steps; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int steps_ = 0;
};

// Every operation, again and again, until it is ended from outside.
awaitable<void> use_for_ever(jetstream_event_store store, std::string actor, std::shared_ptr<progress> p) {
  for (std::int64_t version = 1;; ++version) {
    co_await store.try_save_event(event_of(actor, version));
    p->step();
    co_await store.get_events(actor);
    p->step();
    co_await store.latest_version(actor);
    p->step();
    co_await store.find_event(actor, version);
    p->step();
    co_await store.save_snapshot(snapshot_of(actor, version));
    p->step();
    co_await store.find_snapshot(actor);
    p->step();
    if (store.supports_batches() && version % 5 == 0) {
      co_await store.try_save_events(events_of(actor, version + 1, version + 3));
      version += 3;
    }
  }
}

// Each operation once; what they ended with.
struct ends {
  std::mutex mutex;
  std::vector<std::pair<std::string, boost::system::error_code>> list;

  void add(std::string name, boost::system::error_code code) {
    std::lock_guard lock(mutex);
    list.emplace_back(std::move(name), code);
  }
};

template <class T> awaitable<void> note(std::shared_ptr<ends> e, std::string name, awaitable<T> call) {
  auto const code = co_await error_of(std::move(call));
  e->add(std::move(name), code);
}

awaitable<void> call_each(jetstream_event_store store, std::chrono::nanoseconds timeout, std::shared_ptr<ends> e) {
  call_options const options{.timeout = timeout};
  save_options const save{.timeout = timeout};
  task_group group(co_await asio::this_coro::executor);
  group.spawn(note(e, "save", store.save_event(event_of("known-1", 2), save)));
  group.spawn(note(e, "save, waiting for its turn", store.save_event(event_of("known-1", 3), save)));
  group.spawn(note(e, "save of a new actor", store.save_event(event_of("new-1", 1), save)));
  if (store.supports_batches())
    group.spawn(note(e, "save of a batch", store.save_events(events_of("new-2", 1, 3), save)));
  group.spawn(note(e, "get_events", store.get_events("known-1", 0, options)));
  group.spawn(note(e, "latest_version", store.latest_version("known-1", options)));
  group.spawn(note(e, "find_event", store.find_event("known-1", 1, options)));
  group.spawn(note(e, "find_latest_event", store.find_latest_event("known-1", options)));
  group.spawn(note(e, "save_snapshot", store.save_snapshot(snapshot_of("known-1", 1), options)));
  group.spawn(note(e, "find_snapshot", store.find_snapshot("known-1", options)));
  co_await group.join();
}

std::size_t calls_of(jetstream_event_store const& store) { return store.supports_batches() ? 10u : 9u; }

auto threads() { return data::make({1, 4}); }

BOOST_DATA_TEST_CASE(one_context_stops_and_goes_at_any_moment, threads() * data::make({true, false}), threads,
                     handle_first) {
  for (int k = 0; k < 40; ++k) {
    auto const p = std::make_shared<progress>();
    jetstream_event_store store;
    running_context context(threads);
    auto const begin = [&](std::string name) -> awaitable<void> {
      auto opened = co_await open_store(name);
      store = opened;
      for (int i = 0; i < 8; ++i)
        asio::co_spawn(context.get(), use_for_ever(opened, "order-" + std::to_string(i), p), asio::detached);
    };
    context.run(begin(new_stream()));
    BOOST_TEST_REQUIRE(p->wait_for(k * 3));
    context.stop();
    if (handle_first)
      store = {};
    context.destroy();
  }
}

BOOST_DATA_TEST_CASE(a_context_goes_while_a_store_is_opened, threads(), threads) {
  for (int k = 0; k < 40; ++k) {
    running_context context(threads);
    auto const name = new_stream();
    for (int i = 0; i < 3; ++i)
      asio::co_spawn(context.get(), open_store(name), asio::detached);
    std::this_thread::sleep_for(k * 100us); // the moment is the subject
  }
}

// The server stands still, so that every call waits; then the store's context goes.
BOOST_DATA_TEST_CASE(callers_on_another_context_are_told_that_the_stores_has_gone, threads(), threads) {
  nats_server server;
  running_context home(threads), callers(threads);
  auto store = callers.run(open_at(home.get(), server.url(), "orders"));
  callers.run(store.save_event(event_of("known-1", 1)));
  server.pause();
  auto const e = std::make_shared<ends>();
  auto calls = asio::co_spawn(callers.get(), call_each(store, 60s, e), asio::use_future);
  callers.run(pause(200ms)); // all have begun, and wait
  home.destroy();
  BOOST_TEST_REQUIRE((calls.wait_for(scaled(20s)) == std::future_status::ready));
  calls.get();
  BOOST_TEST(e->list.size() == calls_of(store));
  for (auto const& [name, code] : e->list)
    BOOST_TEST((code == errc::closed || (name.starts_with("save") && code == errc::outcome_unknown)),
               name << ": " << code);
  auto const later = std::make_shared<ends>();
  callers.run(call_each(store, 60s, later));
  for (auto const& [name, code] : later->list)
    BOOST_TEST(code == errc::closed, name << " later: " << code);
  auto const report = callers.run(store.close());
  BOOST_TEST(report.unknown.size() <= 2u);
  server.resume();
}

BOOST_DATA_TEST_CASE(callers_end_at_their_deadline_while_the_stores_context_is_stopped, threads(), threads) {
  running_context home(threads), callers(threads);
  auto store = callers.run(open_at(home.get(), shared_server().url(), new_stream()));
  callers.run(store.save_event(event_of("known-1", 1)));
  home.stop();
  auto const e = std::make_shared<ends>();
  auto calls = asio::co_spawn(callers.get(), call_each(store, 300ms, e), asio::use_future);
  BOOST_TEST_REQUIRE((calls.wait_for(scaled(20s)) == std::future_status::ready));
  calls.get();
  BOOST_TEST(e->list.size() == calls_of(store));
  for (auto const& [name, code] : e->list)
    BOOST_TEST((code == errc::timed_out || (name.starts_with("save") && code == errc::outcome_unknown)),
               name << ": " << code);
  auto const closing = callers.run(error_of(store.close(call_options{.timeout = 300ms})));
  BOOST_TEST(!closing, closing);
}

BOOST_DATA_TEST_CASE(the_stores_context_goes_at_any_moment, threads(), threads) {
  for (int k = 0; k < 40; ++k) {
    auto const p = std::make_shared<progress>();
    running_context callers(threads);
    std::optional<running_context> home(std::in_place, threads);
    auto store = callers.run(open_at(home->get(), shared_server().url(), new_stream()));
    std::vector<std::future<boost::system::error_code>> ended;
    for (int i = 0; i < 8; ++i)
      ended.push_back(asio::co_spawn(callers.get(), error_of(use_for_ever(store, "order-" + std::to_string(i), p)),
                                     asio::use_future));
    BOOST_TEST_REQUIRE(p->wait_for(k * 3));
    home.reset();
    for (auto& f : ended) {
      BOOST_TEST_REQUIRE((f.wait_for(scaled(30s)) == std::future_status::ready));
      auto const code = f.get();
      BOOST_TEST((code == errc::closed || code == errc::outcome_unknown), code);
    }
  }
}

// A caller that goes takes its calls with it; they are cancelled first, as its context must outlive them.
BOOST_DATA_TEST_CASE(callers_come_and_go_while_the_store_stays, threads(), threads) {
  running_context home(threads);
  running_context other(1);
  auto store = other.run(open_at(home.get(), shared_server().url(), new_stream()));
  for (int k = 0; k < 40; ++k) {
    running_context callers(threads);
    auto const p = std::make_shared<progress>();
    auto const serve = [&](std::string actor) -> awaitable<void> {
      task_group group(callers.get().get_executor());
      for (int i = 0; i < 8; ++i)
        group.spawn(use_for_ever(store, actor + std::to_string(i), p));
      co_await pause(k * 200us);
      group.cancel();
      co_await group.join();
    };
    callers.run(serve("order-" + std::to_string(k) + "."));
  }
  auto const outcome = other.run(store.try_save_event(event_of("last-1", 1)));
  BOOST_TEST(stored(outcome, 1));
}

// Closing lets what was begun end, and reports nothing unknown when the server answers.
BOOST_DATA_TEST_CASE(closing_drains_what_was_begun, threads(), threads) {
  running_context context(threads);
  auto const name = new_stream();
  auto store = context.run(open_store(name));
  auto const e = std::make_shared<ends>();
  auto const body = [&]() -> awaitable<close_report> {
    task_group group(context.get().get_executor());
    for (int i = 0; i < 200; ++i)
      group.spawn(note(e, "save", store.save_event(event_of("order-" + std::to_string(i % 20), 1 + i / 20))));
    auto copy = store;
    close_report report = co_await copy.close();
    co_await group.join();
    co_return report;
  };
  auto const report = context.run(body());
  BOOST_TEST(report.unknown.empty());
  std::int64_t saved = 0;
  for (auto const& [what, code] : e->list) {
    saved += !code;
    BOOST_TEST((!code || code == errc::closed || code == errc::version_conflict), what << ": " << code);
  }
  auto raw = context.run(raw_client::connect());
  BOOST_TEST(context.run(raw.count(name, name + ".events.>")) == saved);
}

// Nobody answers: closing ends at its deadline and names what is open.
BOOST_AUTO_TEST_CASE(closing_names_what_stays_unknown) {
  nats_server server;
  running_context context(2);
  auto store = context.run(open_store(server.url(), "orders"));
  context.run(store.save_event(event_of("order-1", 1)));
  server.pause();
  event const first = event_of("order-1", 2);
  auto save =
      asio::co_spawn(context.get(), error_of(store.save_event(first, save_options{.timeout = 60s})), asio::use_future);
  context.run(pause(200ms)); // it has the turn
  auto queued =
      asio::co_spawn(context.get(), error_of(store.save_event(event_of("order-1", 3), save_options{.timeout = 60s})),
                     asio::use_future);
  context.run(pause(200ms)); // and this one waits for it
  auto const report = context.run(store.close(call_options{.timeout = 300ms}));
  BOOST_TEST_REQUIRE(report.unknown.size() == 1u);
  BOOST_TEST(report.unknown[0].actor_id == "order-1");
  BOOST_TEST(report.unknown[0].event_id == first.id);
  BOOST_TEST(report.unknown[0].version == 2);
  BOOST_TEST_REQUIRE((queued.wait_for(scaled(20s)) == std::future_status::ready));
  BOOST_TEST(queued.get() == errc::closed);
  server.resume();
  BOOST_TEST_REQUIRE((save.wait_for(scaled(30s)) == std::future_status::ready));
  auto const end = save.get();
  BOOST_TEST((!end || end == errc::outcome_unknown || end == errc::closed), end);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
