// Projections into SQLite: every event takes effect exactly once, whatever happens in between.
#include <sqlite/read_model.hpp>

#include <support/interrupted_runs.hpp>
#include <support/run.hpp>
#include <support/scripted_store.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(sqlite_projections)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

struct world {
  temporary_directory directory;
  std::shared_ptr<scripted_store> events = std::make_shared<scripted_store>();
  std::shared_ptr<std::map<std::int64_t, int>> failures = std::make_shared<std::map<std::int64_t, int>>();

  database_ptr open() const { return open_model((directory.path() / "model.db").string()); }
  void add(std::int64_t first, std::int64_t last) {
    for (; first <= last; ++first)
      events->add(event_of("order-1", first));
  }

  /// Writes, and then fails as often as the test says.
  static awaitable<void> handle(std::shared_ptr<std::map<std::int64_t, int>> failures, database_ptr database,
                                std::int64_t version) {
    co_await add_up(database, version);
    auto const left = failures->find(version);
    if (left != failures->end() && left->second-- > 0)
      throw std::runtime_error("version " + std::to_string(version) + " fails");
  }
  projection make(database_ptr database, projection_options options) const {
    auto checkpoints = std::make_shared<sqlite::checkpoint_store>(database);
    return projection(
        events, std::move(checkpoints), std::move(options),
        [database, all = failures](recorded_event const& e) { return handle(all, database, e.event.version); });
  }
  awaitable<std::string> run_to_the_end(projection p) const {
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(stop_when_done(p));
    std::string thrown;
    try {
      co_await p.run();
    } catch (std::exception const& e) {
      thrown = e.what();
    }
    group.cancel();
    co_await group.join();
    co_return thrown;
  }
  static awaitable<void> stop_when_done(projection p) {
    auto const done = [&] { return p.progress().caught_up && p.progress().events_behind == 0; };
    co_await until(done);
    p.stop();
  }
};

void in_world(std::function<awaitable<void>(world&)> body) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    world w;
    co_await body(w);
  });
}

constexpr int always = 1'000'000;

void exactly_once(interruption how) {
  constexpr std::int64_t count = 7;
  bool more = true;
  int k = 0;
  for (; more; ++k) {
    world w;
    w.add(1, 4);
    w.events->add_malformed("in between");
    w.add(5, count);
    (*w.failures)[3] = 1;
    auto options = named("totals");
    options.checkpoint_events = 3;
    options.on_failure = failed_event_policy::retry_then_stop;
    options.first_pause = std::chrono::nanoseconds(1);
    more = false;
    std::int64_t sum = 0;
    for (int life = 0; life < 4; ++life) {
      // Nothing of the life before is left but the file.
      auto p = w.make(w.open(), options);
      auto const stepped = interrupt_after(k, how, [&p] { return p.run(); });
      more = more || stepped;
      p = projection();
      auto const reader = w.open();
      BOOST_TEST(sum_in(reader) >= sum);
      sum = sum_in(reader);
    }
    auto const database = w.open();
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto const thrown = co_await w.run_to_the_end(w.make(database, options));
      BOOST_TEST(thrown == "");
    });
    BOOST_TEST_CONTEXT("after " << k << " steps") {
      BOOST_TEST(sum_in(database) == count * (count + 1) / 2);
      BOOST_TEST(count_in(database) == count);
    }
  }
  BOOST_TEST(k > 20);
}

BOOST_AUTO_TEST_CASE(exactly_once_when_the_process_ends_at_any_step) { exactly_once(interruption::destroy); }
BOOST_AUTO_TEST_CASE(exactly_once_when_it_is_cancelled_at_any_step) { exactly_once(interruption::cancel); }

BOOST_AUTO_TEST_CASE(what_a_failed_handler_wrote_is_gone_and_the_events_before_it_stay) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 5);
    (*w.failures)[3] = 1;
    auto const database = w.open();
    auto p = w.make(database, named("totals"));
    auto thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "version 3 fails");
    BOOST_TEST(sum_in(database) == 1 + 2);
    thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "");
    BOOST_TEST(sum_in(database) == 15);
    BOOST_TEST(count_in(database) == 5);
  });
}

BOOST_AUTO_TEST_CASE(a_skipped_event_leaves_its_report_and_nothing_else) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 5);
    (*w.failures)[3] = always;
    auto const database = w.open();
    execute(database, "create table failed (version integer)");
    auto options = named("totals");
    options.on_failure = failed_event_policy::retry_then_skip;
    options.max_attempts = 2;
    options.first_pause = std::chrono::nanoseconds(1);
    options.on_report = [database](projection_report const& told) -> awaitable<void> {
      if (told.then == projection_report::step::skip)
        execute(database, "insert into failed values (" + std::to_string(told.event->event.version) + ")");
      co_return;
    };
    auto const thrown = co_await w.run_to_the_end(w.make(database, options));
    BOOST_TEST(thrown == "");
    BOOST_TEST(sum_in(database) == 15 - 3);
    BOOST_TEST(count_in(database) == 4);
    BOOST_TEST(number_of(database, "select sum(version) from failed") == 3);
  });
}

BOOST_AUTO_TEST_CASE(what_is_handled_is_seen_by_others_as_soon_as_nothing_more_is_there) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    auto options = named("totals");
    options.checkpoint_interval = std::chrono::hours(1);
    auto p = w.make(w.open(), options);
    auto const reader = w.open();
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return sum_in(reader) == 6; });
    w.add(4, 4);
    co_await until([&] { return sum_in(reader) == 10; });
    execute(reader, "update totals set sum = sum"); // and may write
    p.stop();
    co_await group.join();
  });
}

BOOST_AUTO_TEST_CASE(a_rebuild_is_one_transaction) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 4);
    auto const database = w.open();
    auto options = named("totals");
    bool fails = true;
    auto clear = [&]() -> awaitable<void> {
      execute(database, "delete from handled");
      co_await hop();
      execute(database, "update totals set sum = 0");
      if (fails)
        throw std::runtime_error("not now");
    };
    options.on_reset = clear;
    auto p = w.make(database, options);
    auto thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "");
    execute(database, "update totals set sum = 1000"); // a wrong read model
    p.rebuild();
    thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "not now");
    BOOST_TEST(sum_in(database) == 1000); // as it was
    BOOST_TEST(count_in(database) == 4);
    fails = false;
    thrown = co_await w.run_to_the_end(p); // it is still wanted
    BOOST_TEST(thrown == "");
    BOOST_TEST(sum_in(database) == 10);
    BOOST_TEST(count_in(database) == 4);
  });
}

BOOST_AUTO_TEST_CASE(a_second_runner_takes_over_and_no_event_takes_effect_twice) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    auto first = w.make(w.open(), named("totals"));
    auto second = w.make(w.open(), named("totals"));
    auto executor = co_await boost::asio::this_coro::executor;
    task_group one(executor), two(executor);
    one.spawn(first.run());
    co_await until([&] { return first.progress().checkpoints == 1; });
    two.spawn(second.run());
    co_await until([&] { return second.progress().caught_up; });
    w.add(4, 6);
    auto const ended = co_await error_of(one.join());
    BOOST_TEST(ended == make_error_code(errc::projection_taken_over));
    co_await until([&] { return second.progress().events_handled == 3; });
    second.stop();
    co_await two.join();
    auto const reader = w.open();
    BOOST_TEST(sum_in(reader) == 21);
    BOOST_TEST(count_in(reader) == 6);
  });
}

BOOST_AUTO_TEST_CASE(a_handler_that_ends_the_transaction_is_told) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    auto const database = w.open();
    for (std::string const sql : {"commit", "rollback", "commit; begin"}) {
      auto const meddle = [&](recorded_event const&) -> awaitable<void> {
        execute(database, sql);
        co_return;
      };
      projection p(w.events, std::make_shared<sqlite::checkpoint_store>(database), named("totals"), meddle);
      auto const ended = co_await error_of(p.run());
      BOOST_TEST(ended == make_error_code(errc::database_error), sql << ": " << ended.message());
      if (sqlite3_get_autocommit(database.get()) == 0)
        execute(database, "rollback");
    }
    auto const found = co_await sqlite::checkpoint_store(database).find("totals");
    BOOST_TEST(sequence_of(found) == 0u);
  });
}

BOOST_AUTO_TEST_CASE(while_others_write_it_waits_and_does_not_block) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    auto const other = w.open();
    auto const database = w.open();
    execute(other, "begin immediate");
    auto options = named("totals");
    options.timeout = 50ms;
    auto const late = co_await error_of(w.make(database, options).run());
    BOOST_TEST(late == make_error_code(errc::timed_out));
    options.timeout = 60s;
    auto p = w.make(database, options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    for (int i = 0; i < 50; ++i)
      co_await hop(); // this thread goes on
    BOOST_TEST(sum_in(other) == 0);
    execute(other, "commit");
    co_await until([&] { return sum_in(other) == 6; });
    p.stop();
    co_await group.join();

    // Cancelled while it waits.
    execute(other, "begin immediate");
    task_group again(executor);
    again.spawn(p.run());
    for (int i = 0; i < 50; ++i)
      co_await hop();
    again.cancel();
    co_await again.join();
    execute(other, "commit");
  });
}

BOOST_AUTO_TEST_CASE(one_connection_serves_one_projection_at_a_time) {
  in_world([](world& w) -> awaitable<void> {
    auto const database = w.open();
    execute(database, "begin");
    auto const refused = co_await error_of(w.make(database, named("totals")).run());
    BOOST_TEST(refused == make_error_code(errc::database_error));
    execute(database, "rollback");
  });
}

BOOST_AUTO_TEST_CASE(a_full_database_ends_the_run_and_loses_nothing) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 50);
    auto const database = w.open();
    execute(database, "create table big (b blob)");
    auto const pages = number_of(database, "pragma page_count");
    execute(database, "pragma max_page_count = " + std::to_string(pages + 30));
    auto const grow = [&](recorded_event const& e) -> awaitable<void> {
      execute(database, "insert into handled values (" + std::to_string(e.event.version) + ")");
      execute(database, "insert into big values (zeroblob(8000))");
      co_return;
    };
    auto options = named("totals");
    options.checkpoint_events = 4;
    projection p(w.events, std::make_shared<sqlite::checkpoint_store>(database), options, grow);
    auto const thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown != "");
    auto const handled = count_in(database);
    BOOST_TEST(handled < 50);
    auto const found = co_await sqlite::checkpoint_store(database).find("totals");
    BOOST_TEST(sequence_of(found) == static_cast<std::uint64_t>(handled));
    execute(database, "pragma max_page_count = 100000");
    auto const after = co_await w.run_to_the_end(p);
    BOOST_TEST(after == "");
    BOOST_TEST(count_in(database) == 50);
    BOOST_TEST(number_of(database, "select count(distinct version) from handled") == 50);
  });
}

BOOST_AUTO_TEST_CASE(files_and_tables_that_cannot_be_are_refused_with_sqlites_words) {
  in_world([](world& w) -> awaitable<void> {
    try {
      sqlite::open_database((w.directory.path() / "no" / "such" / "folder.db").string());
      BOOST_ERROR("it was opened");
    } catch (error const& e) {
      BOOST_TEST(e.code() == make_error_code(errc::database_error));
      BOOST_TEST(std::string(e.what()).find("unable to open") != std::string::npos, e.what());
    }
    sqlite::checkpoint_config config;
    config.table = "x; drop table totals";
    BOOST_CHECK_THROW(config.validate(), error);
    BOOST_CHECK_THROW(sqlite::checkpoint_store(nullptr), error);
    config.table = "marks";
    auto const database = w.open();
    sqlite::checkpoint_store store(database, config);
    auto session = co_await store.take_over("totals");
    BOOST_TEST(number_of(database, "select count(*) from marks") == 1);
    session.reset();
    execute(database, "update marks set position = 'nonsense'");
    auto const broken = co_await error_of(store.take_over("totals"));
    BOOST_TEST(broken == make_error_code(errc::position_invalid));
    BOOST_TEST(sqlite3_get_autocommit(database.get()) != 0);
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
