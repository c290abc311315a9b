// Testing a decider: what an account answers to commands, without a store and without waiting. docs/testing.md shows
// the parts of this file.
#include <aether/testing/given.hpp>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace {

// What is tested.

struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  std::string reference;
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (reference, amount))

struct withdrawn {
  static constexpr std::string_view event_type = "Withdrawn";
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(withdrawn, (), (amount))

struct deposit {
  std::string reference;
  std::int64_t amount = 0;
};
struct withdraw {
  std::int64_t amount = 0;
};

struct account {
  struct state {
    std::int64_t balance = 0;
    std::set<std::string> references;
  };
  using event = std::variant<deposited, withdrawn>;

  static aether::decision<event> decide(deposit const& command, state const& now) {
    if (now.references.contains(command.reference))
      return aether::no_events; // is here already
    return deposited{command.reference, command.amount};
  }
  static aether::decision<event> decide(withdraw const& command, state const& now) {
    if (command.amount > now.balance)
      return aether::rejection("insufficient_funds");
    return withdrawn{command.amount};
  }

  static void evolve(state& now, deposited const& e) {
    now.balance += e.amount;
    now.references.insert(e.reference);
  }
  static void evolve(state& now, withdrawn const& e) { now.balance -= e.amount; }
};
BOOST_DESCRIBE_STRUCT(account::state, (), (balance, references))

// The tests.

using aether::testing::given;

void money_that_is_there_can_be_withdrawn() {
  given<account>(deposited{"r-1", 10}).when(withdraw{4}).then(withdrawn{4});
  given<account>(deposited{"r-1", 10}, withdrawn{7}).when(withdraw{4}).then_rejected("insufficient_funds");
  given<account>().when(withdraw{1}).then_rejected("insufficient_funds");
}

void a_deposit_counts_once() {
  given<account>(deposited{"r-1", 10})
      .when(deposit{"r-1", 10})
      .then_nothing()
      .then_state([](account::state const& now) { return now.balance == 10; });
  given<account>(deposited{"r-1", 10})
      .when(deposit{"r-2", 5})
      .then(deposited{"r-2", 5})
      .then_state(account::state{15, {"r-1", "r-2"}});
}

/// What a test says that fails.
void show_a_failure() {
  try {
    given<account>(deposited{"r-1", 10}).when(deposit{"r-2", 5}).then(deposited{"r-2", 6});
  } catch (aether::testing::expectation_failed const& failure) {
    std::cout << failure.what() << '\n';
  }
}

} // namespace

int main() {
  try {
    money_that_is_there_can_be_withdrawn();
    a_deposit_counts_once();
    show_a_failure();
    std::cout << "all tests passed\n";
    return EXIT_SUCCESS;
  } catch (std::exception const& e) { // whatever test framework there is catches it
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
