// An actor to test with: a bank account.
#pragma once

#include <aether/actor.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aether::test {

struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  std::string reference;
  std::int64_t amount = 0;

  friend bool operator==(deposited const&, deposited const&) = default;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (reference, amount))

struct withdrawn {
  static constexpr std::string_view event_type = "Withdrawn";
  std::int64_t amount = 0;

  friend bool operator==(withdrawn const&, withdrawn const&) = default;
};
BOOST_DESCRIBE_STRUCT(withdrawn, (), (amount))

struct deposit {
  static constexpr std::string_view command_type = "Deposit";
  std::string reference;
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(deposit, (), (reference, amount))
struct withdraw {
  static constexpr std::string_view command_type = "Withdraw";
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(withdraw, (), (amount))
/// Several deposits in one decision.
struct deposit_in_parts {
  std::int64_t amount = 0;
  std::int64_t parts = 1;
};
/// Its decider throws.
struct break_decide {
  static constexpr std::string_view command_type = "BreakDecide";
};
BOOST_DESCRIBE_STRUCT(break_decide, (), ())
/// Its event makes evolve throw.
struct break_evolve {};

struct account {
  struct state {
    std::int64_t balance = 0;
    std::int64_t changes = 0;
  };
  using event = std::variant<deposited, withdrawn>;
  using decision = aether::decision<event>;

  static decision decide(deposit const& c, state const&) {
    if (c.amount <= 0)
      return rejection("invalid_amount");
    return deposited{c.reference, c.amount};
  }
  static decision decide(withdraw const& c, state const& s) {
    if (c.amount == 0)
      return no_events;
    if (c.amount > s.balance)
      return rejection("insufficient_funds", "there are " + std::to_string(s.balance));
    return withdrawn{c.amount};
  }
  static decision decide(deposit_in_parts const& c, state const&) {
    std::vector<event> parts;
    for (std::int64_t i = 0; i < c.parts; ++i)
      parts.emplace_back(deposited{"part", c.amount / c.parts});
    return parts;
  }
  static decision decide(break_decide const&, state const&) { throw std::runtime_error("decide is broken"); }
  static decision decide(break_evolve const&, state const&) { return deposited{"break", 1}; }

  static void evolve(state& s, deposited const& e) {
    if (e.reference == "break")
      throw std::runtime_error("evolve is broken");
    s.balance += e.amount;
    ++s.changes;
  }
  static void evolve(state& s, withdrawn const& e) {
    s.balance -= e.amount;
    ++s.changes;
  }
};
BOOST_DESCRIBE_STRUCT(account::state, (), (balance, changes))

inline std::int64_t balance_of(account::state const& s) { return s.balance; }

inline command_options with_id(std::string id) {
  command_options options;
  options.command_id = std::move(id);
  return options;
}

} // namespace aether::test
