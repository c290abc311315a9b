// given, when, then: what passes, and what is said about what does not.
#include <aether/testing/given.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(given_when_then)

namespace {

using aether::testing::given;

struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  std::string reference;
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (reference, amount))

struct withdrawn {
  static constexpr std::string_view event_type = "Withdrawn";
  std::int64_t amount = 0;
  int not_described = 0;
};
BOOST_DESCRIBE_STRUCT(withdrawn, (), (amount))

struct deposit {
  std::string reference;
  std::int64_t amount = 0;
};
struct withdraw {
  std::int64_t amount = 0;
};
struct withdraw_twice {
  std::int64_t amount = 0;
};

struct account {
  struct state {
    std::int64_t balance = 0;
    std::map<std::string, std::int64_t> by_reference;
  };
  using event = std::variant<deposited, withdrawn>;

  static aether::decision<event> decide(deposit const& c, state const& s) {
    if (s.by_reference.contains(c.reference))
      return aether::no_events;
    return deposited{c.reference, c.amount};
  }
  static aether::decision<event> decide(withdraw const& c, state const& s) {
    if (c.amount < 0)
      throw std::invalid_argument("a negative amount");
    if (c.amount > s.balance)
      return aether::rejection("insufficient_funds", "there are " + std::to_string(s.balance));
    return withdrawn{c.amount, 7};
  }
  static aether::decision<event> decide(withdraw_twice const& c, state const&) {
    return aether::decision<event>::of(withdrawn{c.amount}, withdrawn{c.amount});
  }
  static void evolve(state& s, deposited const& e) {
    if (e.reference == "bad")
      throw std::runtime_error("no such reference");
    s.balance += e.amount;
    s.by_reference[e.reference] += e.amount;
  }
  static void evolve(state& s, withdrawn const& e) {
    if (e.amount == 13)
      throw 13;
    s.balance -= e.amount + e.not_described;
  }
};
BOOST_DESCRIBE_STRUCT(account::state, (), (balance, by_reference))

/// Its state can only be compared, and has no form in JSON.
struct counter {
  struct state {
    std::vector<char> marks;
    friend bool operator==(state const&, state const&) = default;
  };
  using event = std::variant<withdrawn>;
  static withdrawn decide(withdraw const& c, state const&) { return {c.amount}; }
  static void evolve(state& s, withdrawn const&) { s.marks.push_back('x'); }
};

std::string failure_of(std::function<void()> const& test) {
  try {
    test();
    return "passed";
  } catch (aether::testing::expectation_failed const& e) {
    return e.what();
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_so_passes) {
  given<account>().when(deposit{"r", 10}).then(deposited{"r", 10});
  given<account>(deposited{"r", 10}).when(withdraw{5}).then(withdrawn{5});
  given<account>(deposited{"r", 10}, withdrawn{4}).when(withdraw{7}).then_rejected("insufficient_funds");
  given<account>(deposited{"r", 10}).when(deposit{"r", 10}).then_nothing();
  given<account>(deposited{"r", 10}).when(withdraw_twice{2}).then(withdrawn{2}, withdrawn{2});
  std::vector<account::event> const history(3, deposited{"r", 10});
  given<account>(history).when(withdraw{30}).then(withdrawn{30});
}

BOOST_AUTO_TEST_CASE(states_are_asked_for_or_compared) {
  std::int64_t seen = -1;
  given<account>(deposited{"r", 10})
      .when(withdraw{4})
      .then(withdrawn{4})
      .then_state([&](account::state const& s) { seen = s.balance; })
      .then_state([](account::state const& s) { return s.balance == 6; })
      .then_state(account::state{6, {{"r", 10}}});
  BOOST_TEST(seen == 6); // what is not described did not come through
  given<account>(deposited{"r", 10})
      .when(withdraw{40})
      .then_rejected("insufficient_funds")
      .then_state(account::state{10, {{"r", 10}}});
  given<counter>(withdrawn{}).when(withdraw{1}).then_state(counter::state{{'x', 'x'}});
}

BOOST_AUTO_TEST_CASE(a_failure_shows_both_and_the_first_difference) {
  struct row {
    std::function<void()> test;
    std::string expected;
  };
  auto const funds = given<account>(deposited{"r", 10});
  std::vector<row> const table = {
      {[&] { funds.when(withdraw{5}).then(withdrawn{6}); },
       "expected 1 event:\n  Withdrawn {\"amount\":6}\nbut it decided on 1 event:\n  Withdrawn {\"amount\":5}\n"
       "first difference: event 1, amount: expected 6, got 5"},
      {[&] { funds.when(withdraw{5}).then(deposited{"r", 5}); },
       "expected 1 event:\n  Deposited {\"reference\":\"r\",\"amount\":5}\n"
       "but it decided on 1 event:\n  Withdrawn {\"amount\":5}\nfirst difference: event 1: expected Deposited, got "
       "Withdrawn"},
      {[&] { funds.when(withdraw{5}).then(withdrawn{5}, withdrawn{5}); },
       "expected 2 events:\n  Withdrawn {\"amount\":5}\n  Withdrawn {\"amount\":5}\n"
       "but it decided on 1 event:\n  Withdrawn {\"amount\":5}\nfirst difference: event 2: expected Withdrawn, got "
       "none"},
      {[&] { funds.when(withdraw_twice{5}).then(withdrawn{5}); },
       "expected 1 event:\n  Withdrawn {\"amount\":5}\nbut it decided on 2 events:\n  Withdrawn {\"amount\":5}\n"
       "  Withdrawn {\"amount\":5}\nfirst difference: event 2: expected none, got Withdrawn"},
      {[&] { funds.when(withdraw{50}).then(withdrawn{50}); }, "expected 1 event:\n  Withdrawn {\"amount\":50}\nbut the "
                                                              "command was rejected: insufficient_funds: there are 10"},
      {[&] { funds.when(withdraw{50}).then_nothing(); },
       "expected no event\nbut the command was rejected: insufficient_funds: there are 10"},
      {[&] { funds.when(withdraw{5}).then_nothing(); },
       "expected no event\nbut it decided on 1 event:\n  Withdrawn {\"amount\":5}\n"
       "first difference: event 1: expected none, got Withdrawn"},
      {[&] { funds.when(deposit{"r", 1}).then(deposited{"r", 1}); },
       "expected 1 event:\n  Deposited {\"reference\":\"r\",\"amount\":1}\nbut it decided on no event\n"
       "first difference: event 1: expected Deposited, got none"},
      {[&] { funds.when(withdraw{5}).then_rejected("insufficient_funds"); },
       "expected the rejection insufficient_funds\nbut it decided on 1 event:\n  Withdrawn {\"amount\":5}"},
      {[&] { funds.when(withdraw{50}).then_rejected("closed"); },
       "expected the rejection closed\nbut the command was rejected: insufficient_funds: there are 10"},
      {[&] { funds.when(withdraw{4}).then_state(account::state{6, {{"r", 11}}}); },
       "expected the state\n  {\"balance\":6,\"by_reference\":{\"r\":11}}\nbut it is\n"
       "  {\"balance\":6,\"by_reference\":{\"r\":10}}\nfirst difference: by_reference.r: expected 11, got 10"},
      {[&] { funds.when(withdraw{4}).then_state(account::state{6, {}}); },
       "expected the state\n  {\"balance\":6,\"by_reference\":{}}\nbut it is\n"
       "  {\"balance\":6,\"by_reference\":{\"r\":10}}\nfirst difference: by_reference.r: expected nothing, got 10"},
      {[&] { funds.when(withdraw{4}).then_state([](account::state const&) { return false; }); },
       "the state is not as expected:\n  state {\"balance\":6,\"by_reference\":{\"r\":10}}"},
      {[] { given<counter>().when(withdraw{4}).then_state(counter::state{}); },
       "the state is not equal to what was expected"},
  };
  for (auto const& r : table)
    BOOST_TEST(failure_of(r.test) == r.expected);
}

BOOST_AUTO_TEST_CASE(what_is_thrown_is_named_with_where) {
  BOOST_TEST(failure_of([] { given<account>(deposited{"r", 10}, deposited{"bad", 1}); }) ==
             "evolve of given event 2, Deposited {\"reference\":\"bad\",\"amount\":1}, threw: no such reference");
  BOOST_TEST(failure_of([] { given<account>().when(deposit{"bad", 2}); }) ==
             "evolve of decided event 1, Deposited {\"reference\":\"bad\",\"amount\":2}, threw: no such reference");
  BOOST_TEST(failure_of([] { given<account>(withdrawn{13}); }) ==
             "evolve of given event 1, Withdrawn {\"amount\":13}, threw: no std::exception");
  std::string const latin1 = failure_of([] { given<account>().when(deposit{"\xE4", 2}); });
  BOOST_TEST(latin1.starts_with("storing decided event 1, Deposited {"), latin1);
  std::string const decided = failure_of([] { given<account>(deposited{"r", 10}).when(withdraw{-1}); });
  BOOST_TEST(decided.starts_with("decide("), decided);
  BOOST_TEST(decided.ends_with("withdraw) threw: a negative amount\nafter 1 event:\n"
                               "  Deposited {\"reference\":\"r\",\"amount\":10}"),
             decided);
}

BOOST_AUTO_TEST_SUITE_END()
