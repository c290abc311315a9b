// What a group's members in one process hold, decided on values and virtual time.
#include "group_queue.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(group_queue_rules)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;
using when = group_queue::time;

namespace {

struct told {
  int kept = 0;
};

class noting_ticket final : public group_ticket {
public:
  explicit noting_ticket(std::shared_ptr<told> t) : told_(std::move(t)) {}
  awaitable<void> acknowledge(time) override { co_return; }
  awaitable<void> retry_later(std::chrono::nanoseconds, time) override { co_return; }
  awaitable<void> extend(time) override { co_return; }
  awaitable<void> store_dead_letter(dead_letter_note, time) override { co_return; }
  void pass_over() noexcept override {}
  void keep() noexcept override { ++told_->kept; }
  void give_back() noexcept override {}

private:
  std::shared_ptr<told> told_;
};

group_options options_of(bool ordered) {
  group_options o;
  o.name = "g";
  o.ordered_per_actor = ordered;
  o.ack_timeout = 16s;
  return resolved(o);
}

group_delivery delivery(std::string actor, std::uint64_t sequence, unsigned attempt = 1, std::shared_ptr<told> t = {}) {
  group_delivery d;
  d.recorded.event = make_event("Placed", std::move(actor), 1);
  d.recorded.sequence = sequence;
  d.attempt = attempt;
  d.bytes = 100;
  if (t)
    d.ticket = std::make_shared<noting_ticket>(std::move(t));
  return d;
}

std::uint64_t taken(group_queue& q, when now) {
  auto const d = q.take(now);
  return d ? d->recorded.sequence : 0;
}

constexpr std::size_t plenty = 1024 * 1024;

} // namespace

BOOST_AUTO_TEST_CASE(what_becomes_of_a_delivery) {
  auto options = options_of(false);
  options.filter.event_types = {"Placed"};
  options.max_attempts = 3;
  dead_letter_note note;
  auto d = delivery("order-1", 1, 3);
  BOOST_TEST((judge(d, options, note) == group_verdict::hand_out));
  d.attempt = 4;
  BOOST_TEST((judge(d, options, note) == group_verdict::give_up));
  BOOST_TEST((note.cause == dead_letter_cause::max_attempts));
  BOOST_TEST(note.attempts == 3u);
  d.recorded.event.event_type = "Paid"; // whatever its attempts
  BOOST_TEST((judge(d, options, note) == group_verdict::pass_over));
  d.malformed = "no JSON";
  BOOST_TEST((judge(d, options, note) == group_verdict::give_up));
  BOOST_TEST((note.cause == dead_letter_cause::malformed));
  BOOST_TEST(note.reason == "no JSON");
  d.of_filter = false;
  BOOST_TEST((judge(d, options, note) == group_verdict::pass_over));
}

BOOST_AUTO_TEST_CASE(without_order_first_come_first_served) {
  group_queue q(options_of(false));
  when const now{};
  q.push(delivery("order-1", 1), now);
  q.push(delivery("order-1", 2), now);
  BOOST_TEST(taken(q, now) == 1u);
  BOOST_TEST(taken(q, now) == 2u);
  BOOST_TEST(taken(q, now) == 0u);
}

BOOST_AUTO_TEST_CASE(in_order_one_of_an_actor_is_in_work) {
  group_queue q(options_of(true));
  when const now{};
  q.push(delivery("order-1", 1), now);
  q.push(delivery("order-1", 2), now);
  q.push(delivery("order-2", 3), now);
  BOOST_TEST(taken(q, now) == 1u);
  BOOST_TEST(taken(q, now) == 3u);
  BOOST_TEST(!q.has(now));
  BOOST_TEST(taken(q, now) == 0u);
  q.end_work("order-2");
  BOOST_TEST(!q.has(now));
  q.end_work("order-1");
  BOOST_TEST(q.has(now));
  BOOST_TEST(taken(q, now) == 2u);
}

BOOST_AUTO_TEST_CASE(a_delivery_replaces_an_earlier_one_of_the_same_message) {
  group_queue q(options_of(false));
  when const now{};
  q.push(delivery("order-1", 1), now);
  q.push(delivery("order-1", 2), now);
  q.push(delivery("order-1", 1, 2), now);
  BOOST_TEST(q.size() == 2u);
  auto const d = q.take(now);
  BOOST_TEST_REQUIRE(d.has_value());
  BOOST_TEST(d->recorded.sequence == 1u);
  BOOST_TEST(d->attempt == 2u);
  auto retried = delivery("order-1", 2);
  retried.retried = true; // a letter is another message
  q.push(std::move(retried), now);
  BOOST_TEST(q.size() == 2u);
  q.forget(false, 2);
  BOOST_TEST(q.size() == 1u);
  BOOST_TEST(q.take(now)->retried);
}

BOOST_AUTO_TEST_CASE(what_is_held_is_kept_alive_and_dropped_when_its_time_is_over) {
  group_queue q(options_of(false));
  when now{};
  auto const t = std::make_shared<told>();
  q.push(delivery("order-1", 1, 1, t), now);
  q.keep_alive(now + 900ms);
  BOOST_TEST(t->kept == 0);
  q.keep_alive(now + 1s);
  BOOST_TEST(t->kept == 1);
  q.keep_alive(now + 15s);
  BOOST_TEST(t->kept == 2);
  BOOST_TEST(q.has(now + 30s));
  q.keep_alive(now + 31s); // too late: it is delivered again
  BOOST_TEST(t->kept == 2);
  BOOST_TEST(!q.has(now + 31s));
  BOOST_TEST(taken(q, now + 31s) == 0u);
  BOOST_TEST(q.size() == 0u);
}

BOOST_AUTO_TEST_CASE(how_much_is_wanted) {
  when const now{};
  group_queue q(options_of(true));
  BOOST_TEST(q.wanted(0, 0, plenty, now) == 0u);
  BOOST_TEST(q.wanted(3, 0, plenty, now) == 3u);
  BOOST_TEST(q.wanted(3, 10, plenty, now) == 13u);
  q.push(delivery("order-1", 1), now);
  BOOST_TEST(q.wanted(3, 0, plenty, now) == 2u);
  BOOST_TEST(taken(q, now) == 1u);
  q.push(delivery("order-1", 2), now); // held back: it serves nobody
  BOOST_TEST(q.wanted(2, 0, plenty, now) == 2u);
  BOOST_TEST(q.wanted(2, 0, 100, now) == 0u); // the bytes are used up
  for (std::uint64_t s = 3; s < 2 + group_queue::held_back_at_most; ++s)
    q.push(delivery("order-1", s), now);
  BOOST_TEST(q.wanted(2, 0, plenty, now) == 0u);
  q.end_work("order-1");
  BOOST_TEST(q.wanted(100, 0, plenty, now) == 100 - group_queue::held_back_at_most);
}

BOOST_AUTO_TEST_SUITE_END()
