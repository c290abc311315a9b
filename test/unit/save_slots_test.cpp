// Slots that are handed on: to the next in line, past those who have gone.
#include "save_slots.hpp"

#include <aether/task_group.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>

BOOST_AUTO_TEST_SUITE(slots_for_saves)

using namespace aether;
using namespace aether::detail;
using namespace aether::test;

namespace {

using slots_ptr = std::shared_ptr<save_slots>;
using slot = save_slots::slot;

awaitable<void> take_and_note(slots_ptr slots, char name, std::string& order, std::optional<slot>& held) {
  auto taken = co_await save_slots::take(slots);
  order += name;
  held.emplace(std::move(taken));
}

} // namespace

BOOST_AUTO_TEST_CASE(first_come_first_served_and_who_was_cancelled_is_passed_over) {
  std::string order;
  std::optional<slot> a, b, c, d;
  auto const slots = std::make_shared<save_slots>(1);
  asio::io_context context;
  task_group first(context.get_executor()), gone(context.get_executor()), rest(context.get_executor());
  first.spawn(take_and_note(slots, 'a', order, a));
  context.run();
  context.restart();
  gone.spawn(take_and_note(slots, 'b', order, b));
  context.poll();
  rest.spawn(take_and_note(slots, 'c', order, c));
  context.poll();
  rest.spawn(take_and_note(slots, 'd', order, d));
  context.poll();
  BOOST_TEST(order == "a");
  gone.cancel();
  context.poll();
  a.reset();
  context.poll();
  BOOST_TEST(order == "ac");
  c.reset();
  context.run();
  BOOST_TEST(order == "acd");
  BOOST_TEST(!b.has_value());
}

// The slot is on its way to who is cancelled before it arrives.
BOOST_AUTO_TEST_CASE(a_slot_that_nobody_takes_is_handed_on) {
  std::string order;
  std::optional<slot> a, b, c;
  auto const slots = std::make_shared<save_slots>(1);
  asio::io_context context;
  task_group rest(context.get_executor());
  rest.spawn(take_and_note(slots, 'a', order, a));
  context.run();
  context.restart();
  {
    auto gone = std::make_optional<asio::io_context>();
    task_group there(gone->get_executor());
    there.spawn(take_and_note(slots, 'b', order, b));
    gone->poll();
    rest.spawn(take_and_note(slots, 'c', order, c));
    context.poll();
    a.reset(); // b's turn, which is posted to its context
    gone.reset();
  }
  context.run();
  BOOST_TEST(order == "ac");
}

BOOST_AUTO_TEST_CASE(closed_it_sends_everybody_away) {
  auto const body = [](asio::io_context& context) -> awaitable<void> {
    auto const slots = std::make_shared<save_slots>(1);
    auto const held = co_await save_slots::take(slots);
    std::string order;
    std::optional<slot> never;
    task_group group(context.get_executor());
    group.spawn(take_and_note(slots, 'a', order, never));
    slots->close();
    auto thrown = co_await error_of(group.join());
    BOOST_TEST((thrown == errc::closed));
    thrown = co_await error_of(save_slots::take(slots));
    BOOST_TEST((thrown == errc::closed));
    BOOST_TEST(order.empty());
  };
  run(body);
}

BOOST_AUTO_TEST_SUITE_END()
