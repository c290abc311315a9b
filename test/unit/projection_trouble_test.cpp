// Projections in trouble: handlers that fail, messages that are no events, stores that fail, and runs broken off at
// every step.
#include <support/interrupted_runs.hpp>
#include <support/projections.hpp>
#include <support/recording_logger.hpp>
#include <support/run.hpp>
#include <support/scripted_store.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(projections_in_trouble)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using boost::test_tools::per_element;
using report = projection_report;

namespace {

/// A scripted store, and a handler that fails as the test says.
struct world {
  std::shared_ptr<scripted_store> events = std::make_shared<scripted_store>();
  std::shared_ptr<checkpoint_store> checkpoints = std::make_shared<memory_checkpoint_store>();
  std::shared_ptr<versions> seen = std::make_shared<versions>();
  std::shared_ptr<std::map<std::int64_t, int>> failures = std::make_shared<std::map<std::int64_t, int>>();
  std::shared_ptr<std::vector<report>> reports = std::make_shared<std::vector<report>>();
  std::shared_ptr<recording_logger> log = std::make_shared<recording_logger>();

  void add(std::int64_t first, std::int64_t last) {
    for (; first <= last; ++first)
      events->add(event_of("order-1", first));
  }

  static awaitable<void> handle(world w, std::int64_t version) {
    co_await hop();
    w.seen->push_back(version);
    auto const left = w.failures->find(version);
    if (left != w.failures->end() && left->second-- > 0)
      throw std::runtime_error("version " + std::to_string(version) + " fails");
    co_await hop();
  }
  static awaitable<void> keep(std::shared_ptr<std::vector<report>> in, report told) {
    co_await hop();
    in->push_back(std::move(told));
  }

  projection make(projection_options options) const {
    if (!options.on_report)
      options.on_report = [in = reports](report const& told) { return keep(in, told); };
    options.log = log;
    auto self = *this;
    return projection(events, checkpoints, std::move(options),
                      [self](recorded_event const& e) { return handle(self, e.event.version); });
  }
  /// Runs it until everything there was is done with; returns what it threw.
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
  awaitable<std::uint64_t> checkpoint_at() const {
    auto const found = co_await checkpoints->find("totals");
    co_return sequence_of(found);
  }
};

projection_options with(failed_event_policy policy) {
  auto options = named("totals");
  options.on_failure = policy;
  options.max_attempts = 3;
  options.first_pause = std::chrono::milliseconds(1);
  return options;
}

constexpr int always = 1'000'000;

void in_world(std::function<awaitable<void>(world&)> body) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    world w;
    co_await body(w);
  });
}

BOOST_AUTO_TEST_CASE(stop_throws_what_the_handler_threw_and_the_checkpoint_stays_before_the_event) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 5);
    (*w.failures)[3] = 2;
    auto p = w.make(with(failed_event_policy::stop));
    for (int run = 1; run <= 2; ++run) { // again each time
      auto const thrown = co_await w.run_to_the_end(p);
      BOOST_TEST(thrown == "version 3 fails");
      auto const at = co_await w.checkpoint_at();
      BOOST_TEST(at == 2u);
    }
    BOOST_TEST(*w.seen == (versions{1, 2, 3, 3}), per_element());
    BOOST_TEST_REQUIRE(w.reports->size() == 2u);
    auto const& told = w.reports->front();
    BOOST_TEST((told.what == report::trouble::handler_failed));
    BOOST_TEST((told.then == report::step::stop));
    BOOST_TEST((told.event && told.event->event.version == 3));
    BOOST_TEST(told.reason == "version 3 fails");
    BOOST_TEST(told.attempt == 1u);
    BOOST_TEST((told.error != nullptr));
    auto const logged = w.log->records("a projection's handler failed");
    BOOST_TEST_REQUIRE(logged.size() == 2u);
    BOOST_TEST((logged[0].level == log_level::error));
    BOOST_TEST(logged[0]["projection"] == "\"totals\"");
    BOOST_TEST(logged[0]["then"] == "\"stop\"");
    BOOST_TEST(logged[0]["sequence"] == "3");
    BOOST_TEST(logged[0]["actor_id"] == "\"order-1\"");
    BOOST_TEST(logged[0]["attempt"] == "1");
    BOOST_TEST(w.log->count("a projection took its name over") == 2u);
    auto const thrown = co_await w.run_to_the_end(p); // it fails no longer
    BOOST_TEST(thrown == "");
    BOOST_TEST(*w.seen == (versions{1, 2, 3, 3, 3, 4, 5}), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_stop_that_came_when_the_run_failed_is_the_next_ones) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    std::optional<projection> itself;
    int handled = 0;
    auto const fails = [&](recorded_event const&) -> awaitable<void> {
      ++handled;
      itself->stop();
      co_await hop();
      throw std::runtime_error("it fails");
    };
    auto options = with(failed_event_policy::stop);
    itself.emplace(w.events, w.checkpoints, options, fails);
    auto const thrown = co_await w.run_to_the_end(*itself);
    BOOST_TEST(thrown == "it fails");
    auto const again = co_await w.run_to_the_end(*itself); // as whoever supervises it does
    BOOST_TEST(again == "");
    BOOST_TEST(handled == 1);
    auto const later = co_await w.run_to_the_end(*itself);
    BOOST_TEST(later == "it fails");
    itself.reset();
  });
}

BOOST_AUTO_TEST_CASE(skip_reports_and_goes_on) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 5);
    (*w.failures)[1] = always;
    (*w.failures)[5] = always;
    auto p = w.make(with(failed_event_policy::skip));
    auto const thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "");
    BOOST_TEST(*w.seen == from_to(1, 5), per_element());
    BOOST_TEST_REQUIRE(w.reports->size() == 2u);
    BOOST_TEST((w.reports->front().then == report::step::skip));
    BOOST_TEST(p.progress().events_skipped == 2u);
    BOOST_TEST(p.progress().events_handled == 3u);
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 5u);
  });
}

BOOST_AUTO_TEST_CASE(retry_tries_again_and_then_stops) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 4);
    (*w.failures)[2] = 2; // the third attempt succeeds
    (*w.failures)[4] = always;
    auto p = w.make(with(failed_event_policy::retry_then_stop));
    auto const thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "version 4 fails");
    BOOST_TEST(*w.seen == (versions{1, 2, 2, 2, 3, 4, 4, 4}), per_element());
    std::vector<unsigned> attempts;
    for (auto const& told : *w.reports)
      attempts.push_back(told.attempt);
    BOOST_TEST(attempts == (std::vector<unsigned>{1, 2, 1, 2, 3}), per_element());
    BOOST_TEST((w.reports->at(0).then == report::step::retry));
    BOOST_TEST((w.reports->at(1).pause == 2ms));
    BOOST_TEST((w.reports->at(4).then == report::step::stop));
    std::string logged;
    for (auto const& r : w.log->records("a projection's handler failed"))
      logged += r["then"] + r["attempt"] + std::string(to_string(r.level)) + ' ';
    BOOST_TEST(logged == "\"retry\"1warning \"retry\"2warning \"retry\"1warning \"retry\"2warning \"stop\"3error ");
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 3u);
  });
}

BOOST_AUTO_TEST_CASE(retry_tries_again_and_then_skips) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    (*w.failures)[2] = always;
    auto const thrown = co_await w.run_to_the_end(w.make(with(failed_event_policy::retry_then_skip)));
    BOOST_TEST(thrown == "");
    BOOST_TEST(*w.seen == (versions{1, 2, 2, 2, 3}), per_element());
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 3u);
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_stored_before_the_pause_and_never_passes_the_event) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    (*w.failures)[3] = always;
    auto options = with(failed_event_policy::retry_then_stop);
    options.first_pause = options.longest_pause = std::chrono::hours(1);
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return w.reports->size() == 1; });
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 2u);
    p.pause();
    co_await until([&] { return p.progress().state == projection_state::paused; });
    p.resume();
    co_await until([&] { return p.progress().state == projection_state::running; });
    p.stop(); // does not wait for the hour to pass
    co_await group.join();
    auto const after = co_await w.checkpoint_at();
    BOOST_TEST(after == 2u);
    BOOST_TEST(*w.seen == from_to(1, 3), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_report_that_cannot_be_made_ends_the_run_before_the_event_is_passed) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    (*w.failures)[2] = always;
    auto options = with(failed_event_policy::skip);
    options.on_report = [](report const&) -> awaitable<void> {
      co_await hop();
      throw std::runtime_error("no room for reports");
    };
    auto const thrown = co_await w.run_to_the_end(w.make(options));
    BOOST_TEST(thrown == "no room for reports");
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at < 2u);
  });
}

BOOST_AUTO_TEST_CASE(malformed_messages_are_reported_and_passed) {
  in_world([](world& w) -> awaitable<void> {
    w.events->add_malformed("not JSON");
    w.add(1, 2);
    w.events->add_malformed("no id");
    auto p = w.make(named("totals"));
    auto const thrown = co_await w.run_to_the_end(p);
    BOOST_TEST(thrown == "");
    BOOST_TEST(*w.seen == from_to(1, 2), per_element());
    BOOST_TEST_REQUIRE(w.reports->size() == 2u);
    auto const& told = w.reports->back();
    BOOST_TEST((told.what == report::trouble::malformed_message));
    BOOST_TEST((told.then == report::step::skip));
    BOOST_TEST((told.malformed && told.malformed->sequence == 4u));
    BOOST_TEST(told.reason == "no id");
    auto const logged = w.log->records("a projection met a malformed message");
    BOOST_TEST_REQUIRE(logged.size() == 2u);
    BOOST_TEST((logged[1].level == log_level::warning));
    BOOST_TEST(logged[1]["sequence"] == "4");
    BOOST_TEST(logged[1]["then"] == "\"skip\"");
    BOOST_TEST(w.log->text().find("not JSON") == std::string::npos); // what is stored is not told
    BOOST_TEST(p.progress().malformed_messages == 2u);
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 4u);
  });
}

BOOST_AUTO_TEST_CASE(malformed_messages_stop_it_where_that_was_asked_for) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 2);
    w.events->add_malformed("no id");
    w.add(3, 3);
    auto options = named("totals");
    options.on_malformed = malformed_message_policy::stop;
    auto p = w.make(options);
    auto const ended = co_await error_of(p.run());
    BOOST_TEST(ended == make_error_code(errc::malformed_event));
    BOOST_TEST(*w.seen == from_to(1, 2), per_element());
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 2u);
    options.on_malformed = malformed_message_policy::skip;
    auto const thrown = co_await w.run_to_the_end(w.make(options));
    BOOST_TEST(thrown == "");
    BOOST_TEST(*w.seen == from_to(1, 3), per_element());
  });
}

BOOST_AUTO_TEST_CASE(what_was_handled_is_kept_when_the_subscription_ends) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    w.events->fail_here(std::make_exception_ptr(error(errc::stream_not_found, "deleted")));
    auto p = w.make(named("totals"));
    auto const ended = co_await error_of(p.run());
    BOOST_TEST(ended == make_error_code(errc::stream_not_found));
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 3u);
    w.events->make_anew();
    w.add(1, 9);
    auto const foreign = co_await error_of(p.run());
    BOOST_TEST(foreign == make_error_code(errc::position_invalid));
  });
}

/// Checkpoints that cannot be written so many times.
class failing_checkpoints final : public checkpoint_store {
public:
  failing_checkpoints(std::shared_ptr<checkpoint_store> below, errc with, int times)
      : below_(std::move(below)), left_(std::make_shared<int>(times)), with_(with) {}

private:
  class session final : public checkpoint_session {
  public:
    session(std::unique_ptr<checkpoint_session> below, std::shared_ptr<int> left, errc with)
        : below_(std::move(below)), left_(std::move(left)), with_(with) {}
    checkpoint const& last() const noexcept override { return below_->last(); }
    bool is_transactional() const noexcept override { return false; }
    awaitable<void> commit(checkpoint next, call_options options) override {
      co_await hop();
      if ((*left_)-- > 0)
        throw error(with_, "as the test says");
      co_await below_->commit(std::move(next), options);
    }

  private:
    std::unique_ptr<checkpoint_session> below_;
    std::shared_ptr<int> left_;
    errc with_;
  };

  static awaitable<std::unique_ptr<checkpoint_session>> wrap(std::shared_ptr<checkpoint_store> below, std::string name,
                                                             std::shared_ptr<int> left, errc with) {
    auto taken = co_await below->take_over(std::move(name));
    co_return std::make_unique<session>(std::move(taken), std::move(left), with);
  }
  awaitable<std::optional<checkpoint>> do_find(std::string name, call_options) const override {
    return below_->find(std::move(name));
  }
  awaitable<std::unique_ptr<checkpoint_session>> do_take_over(std::string name, call_options) override {
    return wrap(below_, std::move(name), left_, with_);
  }

  std::shared_ptr<checkpoint_store> below_;
  std::shared_ptr<int> left_;
  errc with_;
};

BOOST_AUTO_TEST_CASE(a_checkpoint_store_that_is_away_holds_up_nothing) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 10);
    w.checkpoints = std::make_shared<failing_checkpoints>(w.checkpoints, errc::connection_lost, 3);
    auto options = named("totals");
    options.checkpoint_events = 2;
    options.checkpoint_interval = 1ms;
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return w.seen->size() == 10 && p.progress().checkpoints > 0; });
    p.stop();
    co_await group.join();
    BOOST_TEST(*w.seen == from_to(1, 10), per_element());
    BOOST_TEST(w.reports->size() == 3u);
    BOOST_TEST((w.reports->front().what == report::trouble::checkpoint_not_stored));
    auto const logged = w.log->records("a projection's checkpoint was not stored");
    BOOST_TEST_REQUIRE(logged.size() == 3u);
    BOOST_TEST((logged[0].level == log_level::warning));
    BOOST_TEST(logged[0]["then"] == "\"retry\"");
    auto const at = co_await w.checkpoint_at();
    BOOST_TEST(at == 10u);
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_cannot_be_stored_at_the_end_is_told) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 3);
    w.checkpoints = std::make_shared<failing_checkpoints>(w.checkpoints, errc::connection_lost, always);
    auto p = w.make(named("totals"));
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(world::stop_when_done(p));
    auto const ended = co_await error_of(p.run());
    BOOST_TEST(ended == make_error_code(errc::connection_lost));
    auto const logged = w.log->records("a projection's checkpoint was not stored");
    BOOST_TEST_REQUIRE(logged.size() == 1u);
    BOOST_TEST((logged[0].level == log_level::error));
    BOOST_TEST(logged[0]["then"] == "\"stop\"");
    co_await group.join();
    task_group again(executor); // the stop is done with
    again.spawn(p.run());
    co_await until([&] { return w.seen->size() == 6; });
    again.cancel();
    co_await again.join();
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_store_that_refuses_ends_the_run) {
  in_world([](world& w) -> awaitable<void> {
    w.add(1, 10);
    w.checkpoints = std::make_shared<failing_checkpoints>(w.checkpoints, errc::permission_denied, 1);
    auto options = named("totals");
    options.checkpoint_events = 2;
    auto p = w.make(options);
    auto const ended = co_await error_of(p.run());
    BOOST_TEST(ended == make_error_code(errc::permission_denied));
    BOOST_TEST(*w.seen == from_to(1, 2), per_element());
  });
}

/// Broken off after k steps, up to five times, and then run to its end: every event came, and each run began right
/// behind the checkpoint before it.
void break_off_everywhere(interruption how) {
  constexpr std::int64_t count = 8;
  bool more = true;
  int k = 0;
  for (; more; ++k) {
    world w;
    w.add(1, count);
    w.events->add_malformed("in between");
    (*w.failures)[4] = 1;
    auto options = with(failed_event_policy::retry_then_stop);
    options.first_pause = std::chrono::nanoseconds(1);
    options.checkpoint_events = 3;
    more = false;
    for (int life = 0; life < 5; ++life) {
      auto p = w.make(options);
      auto const stepped = interrupt_after(k, how, [&p] { return p.run(); });
      more = more || stepped;
    }
    std::uint64_t at = 0;
    auto const handled = w.seen->size();
    run([&](boost::asio::io_context&) -> awaitable<void> {
      at = co_await w.checkpoint_at();
      auto const thrown = co_await w.run_to_the_end(w.make(options));
      BOOST_TEST(thrown == "");
    });
    BOOST_TEST_CONTEXT("after " << k << " steps") {
      // What comes again begins right behind the checkpoint; nothing is passed over.
      if (at < static_cast<std::uint64_t>(count)) {
        BOOST_TEST_REQUIRE(w.seen->size() > handled);
        BOOST_TEST(w.seen->at(handled) == static_cast<std::int64_t>(at) + 1);
      }
      std::int64_t highest = 0;
      for (auto const version : *w.seen) {
        BOOST_TEST(version <= highest + 1);
        highest = std::max(highest, version);
      }
      BOOST_TEST(highest == count);
    }
  }
  BOOST_TEST(k > 10); // it was broken off somewhere
}

BOOST_AUTO_TEST_CASE(nothing_is_passed_over_when_the_process_ends_at_any_step) {
  break_off_everywhere(interruption::destroy);
}

BOOST_AUTO_TEST_CASE(nothing_is_passed_over_when_it_is_cancelled_at_any_step) {
  break_off_everywhere(interruption::cancel);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
