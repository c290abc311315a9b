// Saves for later, on virtual time: order, retries beside each other, what ends a save, and what ends the queue.
#include "faulty_world.hpp"

#include <aether/save_queue.hpp>
#include <aether/task_group.hpp>
#include <support/forwarding_store.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(save_queues)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

/// Pauses of 100, 200, 400 … ms on the clock.
save_queue_options on(virtual_clock const& clock) {
  auto patient = save_queue_options::patient();
  patient.pauses.jitter = backoff_jitter::none;
  patient.time = std::make_shared<virtual_clock>(clock);
  save_queue_options options;
  options.retry = patient;
  return options;
}

struct queue_world : faulty_world {
  explicit queue_world(fault_plan plan = fault_plan()) : faulty_world(std::move(plan)) {}

  save_queue make(save_queue_options options) {
    return save_queue(context.get_executor(), std::make_shared<fault_injecting_store>(store), std::move(options));
  }
  save_queue make() { return make(on(clock)); }
  void fail(std::size_t saves) { store.script(testing::operation::save, std::vector<fault>(saves, fault::fail)); }
};

/// Stores what it is given first and does not say so; then it lets nothing through.
class refusing_store final : public forwarding_store {
public:
  using forwarding_store::forwarding_store;
  int calls = 0;

private:
  awaitable<save_outcome> do_save_event(event e, save_options options) override {
    if (++calls > 1)
      throw error(errc::circuit_open);
    return keep(to(), std::move(e), options);
  }
  static awaitable<save_outcome> keep(std::shared_ptr<event_store> store, event e, save_options options) {
    co_await store->try_save_event(std::move(e), options);
    throw error(errc::outcome_unknown);
  }
};

call_options within_call(std::chrono::nanoseconds timeout) {
  call_options options;
  options.timeout = timeout;
  return options;
}

bool is(error const& e, errc code) { return e.code() == code; }

} // namespace

BOOST_AUTO_TEST_CASE(what_is_queued_is_saved_and_told) {
  queue_world w;
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    auto ticket = queue.enqueue(event_of("a-1", 1));
    BOOST_TEST(!ticket.has_ended());
    BOOST_TEST(queue.metrics().waiting == 1u);
    auto const outcome = co_await ticket.outcome();
    BOOST_TEST(stored(outcome, 1));
    auto const again = co_await ticket.outcome(); // as often as one likes
    BOOST_TEST(stored(again, 1));
    BOOST_TEST(ticket.has_ended());
    auto const report = co_await queue.close();
    BOOST_TEST(report.not_saved.empty());
    BOOST_TEST(queue.metrics().saved == 1u);
    BOOST_TEST(queue.metrics().waiting == 0u);
    BOOST_TEST((w.clock.elapsed() == 0s));
  });
}

BOOST_AUTO_TEST_CASE(an_actor_that_is_retried_holds_up_itself_only) {
  queue_world w;
  w.fail(3);
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.at_once = 1; // even then: who pauses has no slot
    std::vector<std::string> ended;
    options.on_end = [&](queued_save_end const& e) {
      ended.push_back(e.what.actor_id + " " + std::to_string(e.what.version));
    };
    auto queue = w.make(options);
    auto const first = queue.enqueue(event_of("a-1", 1));
    auto const behind = queue.enqueue(event_of("a-1", 2));
    co_await w.clock.sleep_for(50ms);
    auto const beside = queue.enqueue(event_of("b-1", 1)); // which fails, too
    co_await w.clock.sleep_for(1ms);
    auto const quick = queue.enqueue(event_of("c-1", 1)); // and this
    co_await w.clock.sleep_for(1ms);
    auto const never_failed = queue.enqueue(event_of("d-1", 1));
    auto const outcome = co_await never_failed.outcome();
    BOOST_TEST(stored(outcome, 1));
    BOOST_TEST((w.clock.elapsed() == 52ms));
    auto const report = co_await queue.close();
    BOOST_TEST(report.not_saved.empty());
    BOOST_TEST((ended == std::vector<std::string>{"d-1 1", "a-1 1", "a-1 2", "b-1 1", "c-1 1"}));
    BOOST_TEST((w.clock.elapsed() == 151ms));
    BOOST_TEST(queue.metrics().retries == 3u);
  });
}

BOOST_AUTO_TEST_CASE(slots_bound_what_the_store_gets_at_once) {
  fault_plan plan;
  plan.min_delay = 1s; // each way
  queue_world w(plan);
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.at_once = 4;
    auto queue = w.make(options);
    for (int i = 0; i < 12; ++i)
      queue.enqueue(event_of("a-" + std::to_string(i), 1));
    auto const report = co_await queue.close();
    BOOST_TEST(report.not_saved.empty());
    BOOST_TEST((w.clock.elapsed() == 6s));
  });
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_is_resolved_and_nothing_is_stored_twice) {
  fault_plan plan;
  plan.seed = 7;
  plan.lose_acknowledgement = plan.lose_request = plan.fail_save = plan.store_late = 0.15;
  plan.max_delay = 1s;
  queue_world w(plan);
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    for (std::int64_t version = 1; version <= 50; ++version)
      for (auto const* actor : {"a-1", "a-2", "a-3"})
        queue.enqueue(event_of(actor, version));
    auto const report = co_await queue.close(within_call(1h));
    BOOST_TEST(report.not_saved.empty());
    BOOST_TEST(queue.metrics().saved == 150u);
    for (auto const* actor : {"a-1", "a-2", "a-3"}) {
      auto const versions = co_await versions_of(*w.inner, actor);
      BOOST_TEST(versions.size() == 50u);
    }
  });
  BOOST_TEST(w.store.counts().unknown > 20u);
}

BOOST_AUTO_TEST_CASE(what_waits_behind_a_conflict_is_not_tried) {
  queue_world w;
  w.run([&]() -> awaitable<void> {
    co_await w.inner->save_event(event_of("a-1", 5));
    auto options = on(w.clock);
    std::vector<bool> skipped;
    options.on_end = [&](queued_save_end const& e) { skipped.push_back(e.skipped); };
    auto queue = w.make(options);
    auto const first = queue.enqueue(event_of("a-1", 5));
    auto const behind = queue.enqueue(event_of("a-1", 6)); // which would have found room
    auto const other = queue.enqueue(event_of("b-1", 1));
    auto outcome = co_await first.outcome();
    BOOST_TEST(refused(outcome, 5));
    outcome = co_await behind.outcome();
    BOOST_TEST(refused(outcome, 5));
    BOOST_TEST(std::get<version_conflict>(outcome).attempted_version == 6);
    outcome = co_await other.outcome();
    BOOST_TEST(stored(outcome, 1));
    auto const later = queue.enqueue(event_of("a-1", 7)); // decided again
    outcome = co_await later.outcome();
    BOOST_TEST(stored(outcome, 7));
    BOOST_TEST(queue.metrics().conflicts == 2u);
    BOOST_TEST(queue.metrics().skipped == 1u);
    BOOST_TEST((skipped == std::vector{false, true, false, false}));
  });
}

BOOST_AUTO_TEST_CASE(a_save_that_fails_for_good_says_why) {
  queue_world w;
  w.fail(100);
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    auto few = options.retry.options();
    few.max_attempts = 3;
    options.retry = few;
    auto queue = w.make(options);
    auto const ticket = queue.enqueue(event_of("a-1", 1));
    auto const behind = queue.enqueue(event_of("a-1", 2));
    auto const invalid = queue.enqueue(event_of("b-1", -3));
    for (auto const& [one, code] : {std::pair(ticket, errc::connection_lost),
                                    {behind, errc::connection_lost},
                                    {invalid, errc::invalid_version}}) {
      auto const thrown = co_await error_of(one.outcome());
      BOOST_TEST((thrown == code));
    }
    BOOST_TEST(w.store.counts().failures == 3u);
    BOOST_TEST(queue.metrics().failed == 3u);
    BOOST_TEST(queue.metrics().skipped == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses) {
  queue_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.capacity = 2;
    auto queue = w.make(options);
    queue.enqueue(event_of("a-1", 1));
    queue.enqueue(event_of("a-1", 2));
    BOOST_CHECK_EXCEPTION(queue.enqueue(event_of("b-1", 1)), error,
                          [](error const& e) { return is(e, errc::overloaded); });
    BOOST_TEST(queue.metrics().refused == 1u);
    co_await w.clock.sleep_for(1ms);
    auto const outcome = co_await queue.enqueue(event_of("b-1", 1)).outcome();
    BOOST_TEST(stored(outcome, 1));
  });
}

BOOST_AUTO_TEST_CASE(closing_drains_until_the_deadline_and_reports_the_rest) {
  queue_world w;
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    co_await queue.enqueue(event_of("a-1", 1)).outcome();
    w.store.begin_outage();
    save_options options;
    options.expected_version = 1;
    auto const second = queue.enqueue(event_of("a-1", 2), options);
    auto const third = queue.enqueue(event_of("a-1", 3));
    auto const report = co_await queue.close(within_call(5s));
    BOOST_TEST((w.clock.elapsed() == 5s));
    BOOST_TEST(report.not_saved.size() == 2u);
    BOOST_TEST(report.not_saved[0].what.version == 2);
    BOOST_TEST((report.not_saved[0].options.expected_version == 1));
    BOOST_TEST(report.not_saved[0].maybe_stored);
    BOOST_TEST(report.not_saved[1].what.version == 3);
    BOOST_TEST(!report.not_saved[1].maybe_stored);
    auto const thrown = co_await error_of(third.outcome());
    BOOST_TEST((thrown == errc::closed));
    BOOST_CHECK_EXCEPTION(queue.enqueue(event_of("a-1", 4)), error, [](error const& e) { return is(e, errc::closed); });
    auto const again = co_await queue.close();
    BOOST_TEST(again.not_saved.empty());
    BOOST_TEST(queue.metrics().not_saved == 2u);
  });
}

BOOST_AUTO_TEST_CASE(a_failed_attempt_that_was_not_handed_over_stored_nothing) {
  queue_world w;
  w.fail(1);
  w.store.script(testing::operation::save, {fault::lose_acknowledgement});
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    queue.enqueue(event_of("a-1", 1));
    queue.enqueue(event_of("a-2", 1));
    co_await w.clock.sleep_for(1ms);
    auto const report = co_await queue.close(within_call(1ms));
    BOOST_TEST(report.not_saved.size() == 2u);
    for (auto const& unsaved : report.not_saved)
      BOOST_TEST(unsaved.maybe_stored == (unsaved.what.actor_id == "a-2"));
  });
}

namespace {

awaitable<void> close_and_note(save_queue queue, call_options options, std::optional<std::size_t>& left,
                               boost::system::error_code& thrown) {
  try {
    auto const report = co_await queue.close(options);
    left = report.not_saved.size();
  } catch (boost::system::system_error const& e) {
    thrown = e.code();
  }
}

awaitable<void> wait_and_note(save_ticket ticket, boost::system::error_code& thrown) {
  thrown = co_await error_of(ticket.outcome());
}

} // namespace

BOOST_AUTO_TEST_CASE(a_cancelled_close_leaves_the_queue_at_work) {
  queue_world w;
  w.fail(1);
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    auto const ticket = queue.enqueue(event_of("a-1", 1));
    std::optional<std::size_t> left;
    boost::system::error_code thrown;
    task_group group(w.context.get_executor());
    group.spawn(close_and_note(queue, {}, left, thrown));
    co_await w.clock.sleep_for(1ms);
    group.cancel();
    co_await group.join();
    BOOST_TEST((thrown == boost::asio::error::operation_aborted));
    auto const outcome = co_await ticket.outcome();
    BOOST_TEST(stored(outcome, 1));
    auto const report = co_await queue.close();
    BOOST_TEST(report.not_saved.empty());
  });
}

// A store of another kind, as one behind a circuit breaker, may refuse what it has an unanswered attempt of.
BOOST_AUTO_TEST_CASE(what_may_be_stored_stays_so_when_the_next_attempt_is_refused) {
  queue_world w;
  w.run([&]() -> awaitable<void> {
    auto const store = std::make_shared<refusing_store>(w.inner);
    save_queue queue(w.context.get_executor(), store, on(w.clock));
    queue.enqueue(event_of("a-1", 1));
    co_await w.clock.sleep_for(150ms);
    BOOST_TEST(store->calls == 2);
    auto const report = co_await queue.close(within_call(1ms));
    BOOST_TEST_REQUIRE(report.not_saved.size() == 1u);
    BOOST_TEST(report.not_saved[0].maybe_stored);
  });
}

BOOST_AUTO_TEST_CASE(several_may_close_and_the_first_deadline_counts) {
  queue_world w;
  w.store.begin_outage();
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    queue.enqueue(event_of("a-1", 1));
    std::optional<std::size_t> sooner, later;
    boost::system::error_code thrown;
    task_group group(w.context.get_executor());
    group.spawn(close_and_note(queue, within_call(3s), later, thrown));
    group.spawn(close_and_note(queue, within_call(1s), sooner, thrown));
    co_await group.join();
    BOOST_TEST((w.clock.elapsed() == 1s));
    BOOST_TEST(*sooner + *later == 1u); // reported once
  });
}

BOOST_AUTO_TEST_CASE(cancelling_a_wait_does_not_cancel_the_save) {
  queue_world w;
  w.fail(1);
  w.run([&]() -> awaitable<void> {
    auto queue = w.make();
    auto const ticket = queue.enqueue(event_of("a-1", 1));
    boost::system::error_code thrown;
    task_group group(w.context.get_executor());
    group.spawn(wait_and_note(ticket, thrown));
    co_await w.clock.sleep_for(1ms);
    group.cancel();
    co_await group.join();
    BOOST_TEST((thrown == boost::asio::error::operation_aborted));
    auto const outcome = co_await ticket.outcome();
    BOOST_TEST(stored(outcome, 1));
  });
}

BOOST_AUTO_TEST_CASE(the_last_handle_gone_ends_the_tickets) {
  queue_world w;
  w.store.begin_outage();
  w.run([&]() -> awaitable<void> {
    std::optional<save_queue> queue(w.make());
    auto const ticket = queue->enqueue(event_of("a-1", 1));
    auto const behind = queue->enqueue(event_of("a-1", 2));
    boost::system::error_code thrown;
    task_group group(w.context.get_executor());
    group.spawn(wait_and_note(ticket, thrown));
    auto copy = *queue;
    co_await w.clock.sleep_for(1s);
    queue.reset();
    BOOST_TEST(!ticket.has_ended());
    copy = save_queue();
    co_await group.join();
    BOOST_TEST((thrown == errc::closed));
    auto const second = co_await error_of(behind.outcome());
    BOOST_TEST((second == errc::closed));
    w.store.end_outage();
    co_await w.clock.sleep_for(1h);
    auto const versions = co_await versions_of(*w.inner, "a-1");
    BOOST_TEST(versions.size() <= 1u); // what was on its way may have come; nothing was begun
  });
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_ends_the_tickets) {
  virtual_clock const clock;
  boost::asio::io_context callers;
  std::optional<save_queue> queue;
  save_ticket ticket;
  boost::system::error_code thrown;
  {
    boost::asio::io_context context;
    auto const away = std::make_shared<fault_injecting_store>(context.get_executor(), clock);
    away->begin_outage();
    queue.emplace(context.get_executor(), away, on(clock));
    ticket = queue->enqueue(event_of("a-1", 1));
    queue->enqueue(event_of("a-1", 2));
    context.poll(); // it is under way
    boost::asio::co_spawn(callers, wait_and_note(ticket, thrown), [](std::exception_ptr) {});
    callers.poll();
    BOOST_TEST(!thrown);
  }
  callers.restart();
  callers.run();
  BOOST_TEST((thrown == errc::closed));
  BOOST_TEST(queue->metrics().not_saved == 2u);
  BOOST_CHECK_EXCEPTION(queue->enqueue(event_of("a-1", 3)), error, [](error const& e) { return is(e, errc::closed); });
  auto const report = testing::run(clock, callers, queue->close());
  BOOST_TEST(report.not_saved.empty());
}

BOOST_AUTO_TEST_CASE(a_context_with_a_long_queue_goes) {
  virtual_clock const clock;
  std::optional<save_queue> queue;
  {
    boost::asio::io_context context;
    auto const away = std::make_shared<fault_injecting_store>(context.get_executor(), clock);
    away->begin_outage();
    queue.emplace(context.get_executor(), away, on(clock));
    for (int i = 0; i < 10'000; ++i)
      queue->enqueue(event_of("a-" + std::to_string(i), 1));
    context.poll();
  }
  BOOST_TEST(queue->metrics().not_saved == 10'000u);
}

BOOST_AUTO_TEST_CASE(what_on_end_throws_harms_nothing) {
  queue_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.on_end = [](queued_save_end const&) { throw std::runtime_error("a bug"); };
    auto queue = w.make(options);
    auto const outcome = co_await queue.enqueue(event_of("a-1", 1)).outcome();
    BOOST_TEST(stored(outcome, 1));
  });
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
  queue_world w;
  auto options = on(w.clock);
  auto reading = options.retry.options();
  reading.retry_conflicts = true;
  options.retry = reading;
  BOOST_CHECK_EXCEPTION(w.make(options), error, [](error const& e) { return is(e, errc::invalid_argument); });
  BOOST_CHECK_EXCEPTION(save_queue(w.context.get_executor(), nullptr), error,
                        [](error const& e) { return is(e, errc::invalid_argument); });
  save_queue none;
  BOOST_CHECK_EXCEPTION(none.enqueue(event_of("a-1", 1)), error, [](error const& e) { return is(e, errc::not_open); });
  w.run([&]() -> awaitable<void> {
    auto thrown = co_await error_of(none.close());
    BOOST_TEST((thrown == errc::not_open));
    thrown = co_await error_of(save_ticket().outcome());
    BOOST_TEST((thrown == errc::not_open));
    auto queue = w.make();
    thrown = co_await error_of(queue.close(within_call(-1ns)));
    BOOST_TEST((thrown == errc::invalid_argument));
  });
}

BOOST_AUTO_TEST_SUITE_END()
