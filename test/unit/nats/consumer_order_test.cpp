// Reading by a pull consumer, decided on values: order, and how much is asked for when.
#include "nats/consumer_order.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(consumer_order_rules)

using namespace aether::nats::detail;

namespace {

std::string text(std::optional<pull> const& p) {
  if (!p)
    return "none";
  return std::to_string(p->batch) + (p->max_bytes != 0 ? " in " + std::to_string(p->max_bytes) : "");
}

/// All pulls the plan makes now.
std::string pulls(pull_plan& plan) {
  std::string out;
  while (auto const p = plan.next())
    out += (out.empty() ? "" : ", ") + text(p);
  return out;
}

void arrive(pull_plan& plan, int count, std::size_t size) {
  for (int i = 0; i < count; ++i)
    plan.on_message(size);
}

} // namespace

BOOST_AUTO_TEST_CASE(reads_both_forms_of_the_reply_subject) {
  auto const old_form = parse_delivery("$JS.ACK.S.read-1.1.42.7.1700000000000000000.3");
  BOOST_REQUIRE(old_form.has_value());
  BOOST_TEST(old_form->stream_sequence == 42u);
  BOOST_TEST(old_form->consumer_sequence == 7u);
  for (auto const* reply : {"$JS.ACK.hub.ACCHASH.S.read-1.1.42.7.1700000000000000000.3",
                            "$JS.ACK._.ACCHASH.S.read-1.1.42.7.1700000000000000000.3.random"}) {
    auto const new_form = parse_delivery(reply);
    BOOST_TEST_CONTEXT(reply) {
      BOOST_REQUIRE(new_form.has_value());
      BOOST_TEST(new_form->stream_sequence == 42u);
      BOOST_TEST(new_form->consumer_sequence == 7u);
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_nothing_else_for_a_delivery) {
  for (auto const* reply :
       {"", "_INBOX.a.b", "$JS.ACK.", "$JS.ACK.S.c.1.42.7.1", "$JS.ACK.S.c.1.42.7.1.2.3", "$JS.ACK.S.c.1.x.7.1.2",
        "$JS.ACK.S.c.1.42..1.2", "$JS.ACK.S.c.1.-1.7.1.2", "$JS.ACK.S.c.1.18446744073709551616.7.1.2"})
    BOOST_TEST(!parse_delivery(reply).has_value(), reply);
}

BOOST_AUTO_TEST_CASE(takes_only_what_follows) {
  consumer_order order(10);
  BOOST_TEST(order.on_message({10, 1}));
  BOOST_TEST(order.on_message({25, 2}));
  BOOST_TEST(!order.on_message({26, 4})); // one is missing
  BOOST_TEST(!order.on_message({26, 2})); // once more
  BOOST_TEST(!order.on_message({25, 3})); // backwards
  BOOST_TEST(order.on_message({26, 3}));
}

BOOST_AUTO_TEST_CASE(begins_nowhere_but_where_it_was_asked_to) {
  // Servers before 2.10 deliver the message below a start that is beyond the end.
  consumer_order order(10);
  BOOST_TEST(!order.on_message({9, 1}));
  consumer_order second(10);
  BOOST_TEST(!second.on_message({10, 2}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pull_plan_rules)

using namespace consumer_order_rules;

BOOST_AUTO_TEST_CASE(asks_for_nothing_when_nothing_is_there) {
  pull_plan plan(0, 1 << 20);
  BOOST_TEST(plan.done());
  BOOST_TEST(pulls(plan) == "");
}

BOOST_AUTO_TEST_CASE(asks_for_a_short_history_at_once) {
  pull_plan plan(100, 1 << 20);
  BOOST_TEST(pulls(plan) == "100 in 1048576");
  BOOST_TEST(plan.under_way() == 100u);
  arrive(plan, 99, 300);
  BOOST_TEST(!plan.done());
  BOOST_TEST(pulls(plan) == "");
  arrive(plan, 1, 300);
  BOOST_TEST(plan.done());
}

BOOST_AUTO_TEST_CASE(one_event_needs_no_limit_of_bytes) {
  pull_plan plan(1, 1 << 20);
  BOOST_TEST(pulls(plan) == "1");
}

BOOST_AUTO_TEST_CASE(keeps_two_pulls_under_way) {
  pull_plan plan(100'000, 1024 * 100);
  BOOST_TEST(pulls(plan) == "100 in 102400, 100 in 102400");
  arrive(plan, 50, 624); // with what is beside the data they take 1,024 bytes each
  BOOST_TEST(pulls(plan) == "");
  arrive(plan, 50, 624);
  BOOST_TEST(pulls(plan) == "100 in 102400");
  BOOST_TEST(plan.under_way() == 200u);
}

BOOST_AUTO_TEST_CASE(asks_for_fewer_when_events_are_large) {
  pull_plan plan(100'000, 1024 * 100);
  pulls(plan);
  arrive(plan, 200, 10'000);
  BOOST_TEST(pulls(plan) == "9 in 102400, 9 in 102400");
}

BOOST_AUTO_TEST_CASE(asks_one_by_one_when_a_batch_is_smaller_than_an_event) {
  pull_plan plan(4, 10);
  BOOST_TEST(pulls(plan) == "1, 1");
  arrive(plan, 1, 5000);
  BOOST_TEST(pulls(plan) == "1");
  arrive(plan, 2, 5000);
  BOOST_TEST(pulls(plan) == "1");
  arrive(plan, 1, 5000);
  BOOST_TEST(plan.done());
}

BOOST_AUTO_TEST_CASE(asks_again_for_what_did_not_fit) {
  pull_plan plan(150, 1024 * 100);
  BOOST_TEST(pulls(plan) == "100 in 102400, 50 in 102400");
  arrive(plan, 60, 300);
  BOOST_TEST((plan.on_status(409, 40) == pull_status::go_on));
  BOOST_TEST(plan.under_way() == 50u);
  BOOST_TEST(pulls(plan) == "40 in 102400");
  BOOST_TEST(plan.under_way() == 90u);
}

BOOST_AUTO_TEST_CASE(fetches_alone_what_is_larger_than_a_batch) {
  pull_plan plan(30, 1024 * 100);
  BOOST_TEST(pulls(plan) == "30 in 102400");
  arrive(plan, 10, 300);
  BOOST_TEST((plan.on_status(409, 20) == pull_status::go_on)); // a rest of bytes may have been too small
  BOOST_TEST(pulls(plan) == "20 in 102400");
  BOOST_TEST((plan.on_status(409, 20) == pull_status::go_on)); // this was a whole batch
  BOOST_TEST(pulls(plan) == "1");
  arrive(plan, 1, 200'000);
  BOOST_TEST(plan.under_way() == 0u);
  BOOST_TEST(pulls(plan) != "");
}

BOOST_AUTO_TEST_CASE(the_first_message_may_be_the_large_one) {
  pull_plan plan(2, 1024 * 100);
  BOOST_TEST(pulls(plan) == "2 in 102400");
  BOOST_TEST((plan.on_status(409, 2) == pull_status::go_on));
  BOOST_TEST(pulls(plan) == "2 in 102400");
  BOOST_TEST((plan.on_status(409, 2) == pull_status::go_on));
  BOOST_TEST(pulls(plan) == "1");
}

BOOST_AUTO_TEST_CASE(heartbeats_and_fulfilled_pulls_change_nothing) {
  pull_plan plan(10, 1 << 20);
  pulls(plan);
  BOOST_TEST((plan.on_status(100, {}) == pull_status::go_on));
  BOOST_TEST((plan.on_status(409, 0) == pull_status::go_on));
  BOOST_TEST(plan.under_way() == 10u);
}

BOOST_AUTO_TEST_CASE(gives_up_on_everything_else) {
  for (int const status : {400, 404, 408, 409, 423, 503}) {
    pull_plan plan(10, 1 << 20);
    pulls(plan);
    BOOST_TEST((plan.on_status(status, {}) == pull_status::give_up), status);
  }
  pull_plan plan(10, 1 << 20);
  pulls(plan);
  BOOST_TEST((plan.on_status(408, 5) == pull_status::give_up));
  BOOST_TEST((plan.on_status(409, 11) == pull_status::give_up)); // more than was asked for
}

BOOST_AUTO_TEST_SUITE_END()
