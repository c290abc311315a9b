// Several writers of one actor on virtual time: what the pauses between their attempts cost and bring.
#include "faulty_world.hpp"

#include <aether/retry.hpp>
#include <aether/task_group.hpp>
#include <support/retry_words.hpp>

#include <boost/test/unit_test.hpp>

#include <climits>
#include <random>
#include <string>

BOOST_AUTO_TEST_SUITE(retry_contention)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

constexpr int writers = 20;
constexpr int seeds = 20;

struct cost {
  int attempts = 0;                   // of all writers
  std::chrono::nanoseconds elapsed{}; // until the last has saved
};

fault_plan five_milliseconds_each_way() {
  fault_plan plan;
  plan.min_delay = 4ms;
  plan.max_delay = 6ms;
  return plan;
}

/// A world with one actor, and pauses drawn from a seed.
struct contended_world : faulty_world {
  explicit contended_world(unsigned seed) : faulty_world(seeded(seed)), chance(seed) {}

  static fault_plan seeded(unsigned seed) {
    auto plan = five_milliseconds_each_way();
    plan.seed = seed;
    return plan;
  }

  retry_options settle(retry_options options) {
    options.max_attempts = INT_MAX;
    options.max_elapsed = 1h;
    options.time = std::make_shared<virtual_clock>(clock);
    options.random = [this] { return std::uniform_real_distribution<>()(chance); };
    return options;
  }

  std::mt19937 chance;
};

/// Reads the actor's version, saves the next, and again until it has won; what it knows at first may be old.
awaitable<void> win_once(contended_world& w, retry_policy policy, std::optional<std::int64_t> known, int& attempts,
                         std::chrono::nanoseconds thinks = {}) {
  auto const save = [&]() -> awaitable<save_outcome> {
    ++attempts;
    std::int64_t version = 0;
    if (known)
      version = *known;
    else
      version = co_await w.store.latest_version("a-1");
    known.reset();
    if (thinks > 0ns)
      co_await w.clock.sleep_for(thinks);
    auto outcome = co_await w.store.try_save_event(event_of("a-1", version + 1));
    co_return outcome;
  };
  auto const result = co_await try_retry(policy, save);
  BOOST_TEST(result.ended == retry_end::succeeded);
}

/// All writers begin at once. The first decides at once when it has read, each other one takes `thinks` longer.
cost race(retry_options const& options, std::chrono::nanoseconds thinks = {}) {
  cost all;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    contended_world w(seed);
    w.run([&]() -> awaitable<void> {
      retry_policy const policy(w.settle(options));
      task_group group(w.context.get_executor());
      for (int i = 0; i < writers; ++i)
        group.spawn(win_once(w, policy, std::nullopt, all.attempts, thinks * i));
      co_await group.join();
    });
    all.elapsed += w.clock.elapsed();
  }
  all.attempts /= seeds;
  all.elapsed /= seeds;
  return all;
}

/// One writer alone, whose state is a hundred versions old: after how long it has saved.
cost catch_up(retry_options const& options) {
  cost one;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    contended_world w(seed);
    w.run([&]() -> awaitable<void> {
      co_await w.inner->save_event(event_of("a-1", 100));
      retry_policy const policy(w.settle(options));
      co_await win_once(w, policy, 0, one.attempts);
    });
    one.elapsed += w.clock.elapsed();
  }
  one.attempts /= seeds;
  one.elapsed /= seeds;
  return one;
}

retry_options reading_again(retry_options options) {
  options.retry_conflicts = true;
  return options;
}

/// No pause at all.
retry_options at_once() {
  auto options = reading_again(jittered_backoff());
  options.decide = [](failed_attempt const&) { return retry_decision::after(0ns); };
  return options;
}

/// The opposite of adaptive: the further behind, the longer the pause.
retry_options the_other_way_round() {
  auto options = adaptive_backoff();
  options.adaptive = false;
  options.decide = [](failed_attempt const& failed) {
    auto const distance = failed.conflict->current_version - failed.conflict->attempted_version;
    return retry_decision::after(std::min<std::chrono::nanoseconds>(1s, failed.delay * (distance + 1)));
  };
  return options;
}

std::string text(cost const& c) {
  return std::to_string(c.attempts) + " attempts, " + std::to_string(c.elapsed / 1ms) + " ms";
}

} // namespace

// What docs/patterns.md says of the pauses is measured here; --log_level=message prints it.

BOOST_AUTO_TEST_CASE(jitter_takes_writers_apart) {
  auto const hurried = race(at_once());
  auto const even = race(reading_again(exponential_backoff()));
  auto const jittered = race(reading_again(jittered_backoff()));
  BOOST_TEST_MESSAGE("at once: " << text(hurried));
  BOOST_TEST_MESSAGE("without jitter: " << text(even));
  BOOST_TEST_MESSAGE("jittered: " << text(jittered));
  BOOST_TEST(hurried.attempts == writers * (writers + 1) / 2); // in each round one wins, and all the others tried
  BOOST_TEST(jittered.attempts * 2 < hurried.attempts);
  BOOST_TEST(even.attempts == hurried.attempts); // they pause alike, and meet again
  BOOST_TEST((even.elapsed > jittered.elapsed * 10));
}

BOOST_AUTO_TEST_CASE(adaptive_pauses_cost_no_attempts_where_writers_are_unlike) {
  for (auto const thinks : {1ms, 2ms, 5ms}) {
    auto const jittered = race(reading_again(jittered_backoff()), thinks);
    auto const adaptive = race(adaptive_backoff(), thinks);
    auto const reversed = race(the_other_way_round(), thinks);
    BOOST_TEST_MESSAGE(thinks / 1ms << " ms: jittered " << text(jittered) << "; adaptive " << text(adaptive)
                                    << "; the other way round " << text(reversed));
    BOOST_TEST(adaptive.attempts * 10 <= jittered.attempts * 11);
    BOOST_TEST((adaptive.elapsed <= jittered.elapsed));
  }
}

BOOST_AUTO_TEST_CASE(who_is_far_behind_reads_again_at_once) {
  auto const jittered = catch_up(reading_again(jittered_backoff()));
  auto const adaptive = catch_up(adaptive_backoff());
  auto const reversed = catch_up(the_other_way_round());
  BOOST_TEST_MESSAGE("behind: jittered " << text(jittered) << "; adaptive " << text(adaptive)
                                         << "; the other way round " << text(reversed));
  BOOST_TEST(adaptive.attempts == 2);
  BOOST_TEST((adaptive.elapsed < jittered.elapsed));
  BOOST_TEST((reversed.elapsed > adaptive.elapsed * 10));
}

BOOST_AUTO_TEST_SUITE_END()
