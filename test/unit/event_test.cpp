// Making events, equality, and actor types.
#include <aether/event.hpp>

#include <boost/test/unit_test.hpp>

#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(event_values)

BOOST_AUTO_TEST_CASE(make_event_fills_every_field) {
  auto const before = std::chrono::system_clock::now();
  aether::event const e = aether::make_event("OrderPlaced", "order-42", 7, {{"amount", 30}});
  auto const after = std::chrono::system_clock::now();
  BOOST_TEST(e.id.size() == 36u);
  BOOST_TEST(e.event_type == "OrderPlaced");
  BOOST_TEST(e.actor_id == "order-42");
  BOOST_TEST(e.command_id.empty());
  BOOST_TEST(e.version == 7);
  BOOST_TEST(e.data.at("amount").as_int64() == 30);
  BOOST_TEST(e.metadata.empty());
  BOOST_TEST((e.timestamp >= before && e.timestamp <= after));
}

BOOST_AUTO_TEST_CASE(every_event_has_an_id_of_its_own) {
  BOOST_TEST(aether::make_event("T", "a-1", 1).id != aether::make_event("T", "a-1", 1).id);
}

BOOST_AUTO_TEST_CASE(an_answer_names_its_cause) {
  aether::event const cause = aether::make_event("OrderPlaced", "order-42", 1);
  aether::event const answer = aether::make_event(cause, "PaymentAsked", "payment-1", 1, {{"amount", 30}});
  BOOST_TEST(answer.actor_id == "payment-1");
  BOOST_TEST(answer.data.size() == 1u);
  BOOST_TEST(answer.metadata.correlation_id() == cause.id);
  BOOST_TEST(answer.metadata.causation_id() == cause.id);
  aether::event const next = aether::make_event(answer, "Paid", "payment-1", 2);
  BOOST_TEST(next.metadata.correlation_id() == cause.id);
  BOOST_TEST(next.metadata.causation_id() == answer.id);
}

BOOST_AUTO_TEST_CASE(equality_looks_at_every_field) {
  aether::event const e = aether::make_event("T", "a-1", 1, {{"x", 1}});
  BOOST_TEST((aether::event(e) == e));
  std::vector<void (*)(aether::event&)> const changes = {
      [](aether::event& x) { x.id += '!'; },
      [](aether::event& x) { x.event_type += '!'; },
      [](aether::event& x) { x.actor_id += '!'; },
      [](aether::event& x) { x.command_id += '!'; },
      [](aether::event& x) { ++x.version; },
      [](aether::event& x) { x.data["x"] = 2; },
      [](aether::event& x) { x.metadata.user_id("u"); },
      [](aether::event& x) { x.timestamp += std::chrono::nanoseconds(1); },
  };
  for (auto const change : changes) {
    aether::event other = e;
    change(other);
    BOOST_TEST((other != e));
  }
}

BOOST_AUTO_TEST_CASE(the_type_of_an_actor_stands_before_its_first_dash) {
  std::vector<std::pair<std::string_view, std::string_view>> const table = {
      {"order-42", "order"}, {"order-line-42", "order"}, {"order", "unknown"}, {"", "unknown"},
      {"-", "unknown"},      {"-42", "unknown"},         {"-a-b", "-a"},       {"--", "-"},
      {"order-", "order"},   {"a.b-c", "a.b"},           {"größe-1", "größe"}, {"a b-c", "a b"},
  };
  for (auto const& [id, type] : table)
    BOOST_TEST(aether::actor_type(id) == type, "actor id " << id);
}

BOOST_AUTO_TEST_SUITE_END()
