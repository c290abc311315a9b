// How much is asked of a consumer: never more than the window, and always enough to go on.
#include "nats/pull_window.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <random>

BOOST_AUTO_TEST_SUITE(pull_window_rules)

using namespace aether::nats::detail;

namespace {

bool asks(pull_window& w, std::uint64_t batch, std::size_t bytes) {
  auto const p = w.next();
  return p && p->batch == batch && p->max_bytes == bytes;
}

} // namespace

BOOST_AUTO_TEST_CASE(two_pulls_of_half_the_window_each) {
  pull_window w(100, 10'000);
  BOOST_TEST(asks(w, 50, 5'000));
  BOOST_TEST(asks(w, 50, 5'000));
  BOOST_TEST(!w.next());
  BOOST_TEST(w.under_way() == 100u);
  for (int i = 0; i < 50; ++i)
    w.on_message(10);
  BOOST_TEST(w.under_way() == 50u);
  BOOST_TEST(!w.next()); // what came is held
  for (int i = 0; i < 49; ++i)
    w.on_taken(10);
  BOOST_TEST(!w.next());
  w.on_taken(10);
  BOOST_TEST(asks(w, 50, 5'000));
}

BOOST_AUTO_TEST_CASE(asks_for_as_many_as_fit) {
  pull_window w(1'000, 10'000);
  BOOST_TEST(asks(w, 500, 5'000)); // nothing is known of their size
  for (int i = 0; i < 5; ++i)
    w.on_message(1'000);
  for (int i = 0; i < 5; ++i)
    w.on_taken(1'000);
  BOOST_TEST((w.on_status(409, 495) == pull_status::go_on));
  BOOST_TEST(asks(w, 5, 5'000));
  for (int i = 0; i < 5; ++i) { // they become smaller
    w.on_message(100);
    w.on_taken(100);
  }
  auto const p = w.next();
  BOOST_REQUIRE(p);
  BOOST_TEST(p->batch > 5u);
}

BOOST_AUTO_TEST_CASE(a_window_of_one_message) {
  pull_window w(1, 1'000);
  BOOST_TEST(asks(w, 1, 500));
  BOOST_TEST(!w.next());
  w.on_message(10);
  BOOST_TEST(!w.next());
  w.on_taken(10);
  BOOST_TEST(asks(w, 1, 500));
}

BOOST_AUTO_TEST_CASE(what_is_larger_than_the_window_comes_alone) {
  pull_window w(10, 100);
  BOOST_TEST(asks(w, 5, 50));
  BOOST_TEST((w.on_status(409, 5) == pull_status::go_on));
  BOOST_TEST(asks(w, 1, 0));
  BOOST_TEST(!w.next());
  w.on_message(5'000);
  BOOST_TEST(!w.next()); // it is held
  w.on_taken(5'000);
  BOOST_TEST(asks(w, 1, 0)); // what follows may be as large
}

BOOST_AUTO_TEST_CASE(gives_up_where_nothing_ever_comes) {
  pull_window w(10, 100);
  for (int i = 0; i < 3; ++i) {
    auto const p = w.next();
    BOOST_REQUIRE(p);
    BOOST_TEST((w.on_status(409, p->batch) == pull_status::go_on));
  }
  auto const p = w.next();
  BOOST_REQUIRE(p);
  BOOST_TEST((w.on_status(409, p->batch) == pull_status::give_up));
}

BOOST_AUTO_TEST_CASE(statuses) {
  struct {
    int status;
    std::optional<std::uint64_t> unfulfilled;
    pull_status expected;
  } const cases[] = {
      {100, std::nullopt, pull_status::go_on},   // a heartbeat
      {408, 50, pull_status::go_on},             // its time is over
      {409, 50, pull_status::go_on},             // its bytes are used up
      {404, 50, pull_status::go_on},             // nothing there
      {408, 49, pull_status::give_up},           // a message is missing
      {409, std::nullopt, pull_status::give_up}, // the consumer was deleted
      {503, std::nullopt, pull_status::give_up}, // nobody is there
  };
  for (auto const& c : cases) {
    pull_window w(100, 10'000);
    (void)w.next();
    BOOST_TEST((w.on_status(c.status, c.unfulfilled) == c.expected), c.status);
  }
}

// Servers from 2.10 on say so of each one that has bytes left.
BOOST_AUTO_TEST_CASE(a_pull_that_was_fulfilled_is_over_once) {
  pull_window w(4, 10'000);
  BOOST_TEST(asks(w, 2, 5'000));
  BOOST_TEST(asks(w, 2, 5'000));
  w.on_message(10);
  w.on_message(10);
  BOOST_TEST((w.on_status(409, 0) == pull_status::go_on));
  BOOST_TEST(w.under_way() == 2u);
  w.on_message(10);
  w.on_message(10);
  BOOST_TEST((w.on_status(409, 0) == pull_status::go_on));
  BOOST_TEST(!w.waiting());
  for (int i = 0; i < 4; ++i)
    w.on_taken(10);
  BOOST_TEST(asks(w, 2, 5'000));
}

BOOST_AUTO_TEST_CASE(a_new_consumer_keeps_what_is_held) {
  pull_window w(10, 1'000);
  (void)w.next();
  (void)w.next();
  for (int i = 0; i < 7; ++i)
    w.on_message(10);
  w.restart();
  BOOST_TEST(w.under_way() == 0u);
  BOOST_TEST(!w.next()); // three fit, and half the window is five
  for (int i = 0; i < 2; ++i)
    w.on_taken(10);
  BOOST_TEST(asks(w, 5, 500));
}

// A server by the book and a reader in any rhythm: the window is kept, and everything comes.
BOOST_AUTO_TEST_CASE(keeps_the_window_and_comes_to_the_end) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::size_t const messages = 1 + random() % 20;
    std::size_t const bytes = 1 + random() % 2'000;
    pull_window w(messages, bytes);
    std::deque<std::size_t> stored;
    for (int i = 0; i < 100; ++i)
      stored.push_back(1 + random() % 1'500);
    std::deque<pull> pulls;
    std::deque<std::uint64_t> left;
    std::deque<std::size_t> held;
    std::size_t held_bytes = 0;
    int steps = 0;
    while (!stored.empty() && ++steps < 10'000) {
      while (auto const p = w.next()) {
        pulls.push_back(*p);
        left.push_back(p->batch);
      }
      if (!pulls.empty() && random() % 2 == 0) {
        auto& p = pulls.front();
        auto const size = stored.front();
        if (p.max_bytes != 0 && size > p.max_bytes) {
          BOOST_REQUIRE((w.on_status(409, left.front()) == pull_status::go_on));
          pulls.pop_front();
          left.pop_front();
          continue;
        }
        stored.pop_front();
        w.on_message(size);
        held.push_back(size);
        held_bytes += size;
        if (p.max_bytes != 0)
          p.max_bytes -= size;
        if (--left.front() == 0 || (p.max_bytes == 0 && left.front() > 0)) {
          if (left.front() > 0)
            BOOST_REQUIRE((w.on_status(409, left.front()) == pull_status::go_on));
          pulls.pop_front();
          left.pop_front();
        }
        BOOST_REQUIRE(held.size() <= messages);
        BOOST_REQUIRE((held_bytes <= bytes || held.size() == 1));
      } else if (!held.empty()) {
        w.on_taken(held.front());
        held_bytes -= held.front();
        held.pop_front();
      }
    }
    BOOST_TEST(stored.empty(), "seed " << seed << ": it came to a stand");
  }
}

BOOST_AUTO_TEST_SUITE_END()
