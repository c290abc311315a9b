// Actors: a bank account as plain functions over state that its events add up to, and transfers between two of them.
// docs/actors.md shows the parts of this file.
#include "program.hpp"

#include <aether/actor.hpp>
#include <aether/task_group.hpp>

#include <boost/describe/class.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

using example::store_ptr;
using namespace std::chrono_literals;

namespace bank {

// What happens to an account.

struct opened {
  static constexpr std::string_view event_type = "AccountOpened";
  std::string owner;
};
BOOST_DESCRIBE_STRUCT(opened, (), (owner))

struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (cents))

struct withdrawn {
  static constexpr std::string_view event_type = "Withdrawn";
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(withdrawn, (), (cents))

struct refunded {
  static constexpr std::string_view event_type = "Refunded";
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(refunded, (), (cents))

struct closed {
  static constexpr std::string_view event_type = "AccountClosed";
};
BOOST_DESCRIBE_STRUCT(closed, (), ())

// What is asked of it.

struct open_account {
  std::string owner;
};
struct deposit {
  std::int64_t cents = 0;
};
struct withdraw {
  std::int64_t cents = 0;
};
struct refund {
  std::int64_t cents = 0;
};
struct close_account {};

/// The decider.
struct account {
  struct state {
    std::string owner;
    std::int64_t cents = 0;
    bool is_open = false;
    bool is_closed = false; // for good
  };
  using event = std::variant<opened, deposited, withdrawn, refunded, closed>;
  using decision = aether::decision<event>;
  static constexpr int state_version = 1; // to be raised with each change of the state's meaning

  static decision decide(open_account const& command, state const& now) {
    if (now.is_closed)
      return aether::rejection("account_closed");
    if (now.is_open)
      return aether::no_events; // is done already
    return opened{command.owner};
  }
  static decision decide(deposit const& command, state const& now) {
    if (now.is_closed)
      return aether::rejection("account_closed");
    if (!now.is_open)
      return aether::rejection("no_such_account");
    return deposited{command.cents};
  }
  static decision decide(withdraw const& command, state const& now) {
    if (!now.is_open)
      return aether::rejection(now.is_closed ? "account_closed" : "no_such_account");
    if (command.cents > now.cents)
      return aether::rejection("insufficient_funds", "there are " + std::to_string(now.cents) + " cents");
    return withdrawn{command.cents};
  }
  static decision decide(refund const& command, state const&) { return refunded{command.cents}; } // never refused
  static decision decide(close_account const&, state const& now) {
    if (!now.is_open)
      return aether::no_events;
    return closed();
  }

  static void evolve(state& now, opened const& e) {
    now.owner = e.owner;
    now.is_open = true;
  }
  static void evolve(state& now, deposited const& e) { now.cents += e.cents; }
  static void evolve(state& now, withdrawn const& e) { now.cents -= e.cents; }
  static void evolve(state& now, refunded const& e) { now.cents += e.cents; }
  static void evolve(state& now, closed const&) {
    now.is_open = false;
    now.is_closed = true;
  }
};
BOOST_DESCRIBE_STRUCT(account::state, (), (owner, cents, is_open, is_closed)) // so that snapshots can be kept

std::int64_t balance_of(account::state const& now) { return now.cents; }

} // namespace bank

std::string new_account_id() { return "account-" + aether::make_uuid().substr(0, 8); }

aether::command_options with_id(std::string id) {
  aether::command_options options;
  options.command_id = std::move(id);
  return options;
}

aether::awaitable<void> use_one(aether::actor_host host, std::string id) {
  auto const ada = host.get<bank::account>(id); // nothing is read before it is used
  co_await ada.execute<bank::open_account>("Ada");
  auto const stored = co_await ada.execute<bank::deposit>(500);
  std::cout << "stored as version " << stored.last_version << '\n';

  // The rejection as a value; execute() would throw command_rejected.
  auto const outcome = co_await ada.try_execute<bank::withdraw>(700);
  if (auto const* why = std::get_if<aether::rejection>(&outcome))
    std::cout << "refused: " << why->code << ", " << why->text << '\n';
  example::expect(std::holds_alternative<aether::rejection>(outcome), "more was withdrawn than there is");

  // A command that changes nothing stores nothing.
  auto const nothing = co_await ada.execute<bank::open_account>("Ada");
  example::expect(nothing.first_version == 0 && nothing.last_version == 2, "an account was opened twice");
}

/// A command that came twice counts once, whoever repeats it: the events carry its id.
aether::awaitable<void> repeat(aether::actor_host host, std::string id) {
  auto const command = host.get<bank::account>(id).with(with_id("payment-7"));
  auto const first = co_await command.execute<bank::withdraw>(100);
  auto const again = co_await command.execute<bank::withdraw>(100);
  example::expect(again.repeated && again.last_version == first.last_version, "it was paid twice");
}

/// Again until it is known how that ended. Without an id this might count twice.
aether::awaitable<void> withdraw_surely(aether::actor<bank::account> from, std::int64_t cents, std::string id) {
  auto const command = from.with(with_id(id));
  aether::retry_policy const policy(aether::jittered_backoff());
  auto const attempt = [&] { return command.execute<bank::withdraw>(cents); };
  co_await aether::retry(policy, attempt);
}

aether::awaitable<void> ask(aether::actor_host host, std::string id) {
  auto const account = host.get<bank::account>(id);
  auto const known = co_await account.query(&bank::balance_of); // what this process knows
  auto const exact = co_await account.query(&bank::balance_of, aether::freshness::latest());
  auto const recent = co_await account.query(&bank::balance_of, aether::freshness::at_most(5s));
  auto const owner = co_await account.query([](bank::account::state const& now) { return now.owner; });
  std::cout << owner << " has " << exact << " cents\n";
  example::expect(known == exact && recent == exact, "nobody else wrote");
}

aether::awaitable<void> deposit_often(aether::actor<bank::account> to, int times) {
  for (int i = 0; i < times; ++i)
    co_await to.execute<bank::deposit>(1);
}

/// Two hosts know nothing of each other, as two processes: the store decides, and nothing gets lost.
aether::awaitable<void> compete(store_ptr store, std::string id) {
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::actor_host one(executor, store), other(executor, store);
  co_await one.get<bank::account>(id).execute<bank::open_account>("Bob");
  aether::task_group group(executor);
  for (int client = 0; client < 3; ++client) {
    group.spawn(deposit_often(one.get<bank::account>(id), 10));
    group.spawn(deposit_often(other.get<bank::account>(id), 10));
  }
  co_await group.join();
  auto const sum = co_await one.get<bank::account>(id).query(&bank::balance_of, aether::freshness::latest());
  std::cout << sum << " deposits, " << one.metrics().conflicts + other.metrics().conflicts << " conflicts\n";
  example::expect(sum == 60, "a deposit was lost, or counted twice");
  co_await one.close();
  co_await other.close();
}

/// After a snapshot only the events behind it are replayed.
aether::awaitable<void> keep_snapshots(store_ptr store, std::string id) {
  aether::actor_host_options options;
  options.snapshots = aether::snapshot_policy::every(20);
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::actor_host host(executor, store, options);
  co_await deposit_often(host.get<bank::account>(id), 25);
  co_await host.close(); // snapshots that are under way end first
  auto const kept = co_await store->find_snapshot(id);
  example::expect(kept.has_value(), "no snapshot was kept");
  std::cout << "snapshot at version " << kept->version << ": " << kept->state.at("state") << '\n';
}

// Transfers.

struct transfer {
  std::string id; // of the transfer: whoever repeats it uses the same
  std::string from, to;
  std::int64_t cents = 0;
};

enum class transferred { yes, refused, refunded };

/// A step of a transfer: its command id is the transfer's and the step's name.
aether::command_options step(transfer const& t, char const* name) {
  auto options = with_id(t.id + "/" + name);
  options.metadata.correlation_id(t.id);
  return options;
}

/// The money leaves the first account.
aether::awaitable<aether::command_outcome> take(aether::actor_host host, transfer t) {
  auto const from = host.get<bank::account>(t.from).with(step(t, "withdraw"));
  co_return co_await from.try_execute<bank::withdraw>(t.cents);
}

/// From one account to another. Throws when it is not known how that ended: repeat it with the same ids then.
aether::awaitable<transferred> run_transfer(aether::actor_host host, store_ptr store, transfer t) {
  auto const taken = co_await take(host, t);
  if (std::holds_alternative<aether::rejection>(taken))
    co_return transferred::refused; // no money has moved

  // Whoever ends here leaves money that is in neither account, until the transfer is repeated.
  auto const withdrawal = co_await store->find_event(t.from, std::get<aether::command_result>(taken).last_version);
  auto options = step(t, "deposit");
  options.metadata.caused_by(*withdrawal);
  auto const to = host.get<bank::account>(t.to).with(options);
  auto const given = co_await to.try_execute<bank::deposit>(t.cents);
  auto const* const why = std::get_if<aether::rejection>(&given);
  if (!why)
    co_return transferred::yes;

  // Only for a reason that stays: a deposit that is accepted later, and a refund, would make two of one.
  if (why->code != "account_closed")
    throw aether::command_rejected(*why, "transfer " + t.id);
  options = step(t, "refund");
  options.metadata.caused_by(*withdrawal);
  auto const back = host.get<bank::account>(t.from).with(options);
  co_await back.execute<bank::refund>(t.cents);
  co_return transferred::refunded;
}

aether::awaitable<void> transfer_money(aether::actor_host host, store_ptr store) {
  transfer t;
  t.id = "transfer-" + aether::make_uuid();
  t.from = new_account_id();
  t.to = new_account_id();
  t.cents = 300;
  auto const from = host.get<bank::account>(t.from), to = host.get<bank::account>(t.to);
  co_await from.execute<bank::open_account>("Ada");
  co_await from.execute<bank::deposit>(1000);
  co_await to.execute<bank::open_account>("Bob");

  co_await take(host, t); // and here the process ended
  auto const left = co_await from.query(&bank::balance_of);
  auto const nothing = co_await to.query(&bank::balance_of);
  std::cout << "in between: " << left << " + " << nothing << '\n'; // 300 are in neither
  auto const finished = co_await run_transfer(host, store, t);
  auto const again = co_await run_transfer(host, store, t);
  auto const sent = co_await from.query(&bank::balance_of);
  auto const arrived = co_await to.query(&bank::balance_of);
  std::cout << "repeated: " << sent << " + " << arrived << '\n';
  example::expect(finished == transferred::yes && again == transferred::yes, "a repeated transfer went otherwise");
  example::expect(sent == 700 && arrived == 300, "the money is not where it belongs");
  auto const events = co_await store->get_events(t.to);
  auto const withdrawal = co_await store->find_event(t.from, 3);
  example::expect(events.back().metadata.causation_id() == withdrawal->id, "the deposit does not name its cause");

  // A refund for what the other account refuses, also when it is repeated.
  co_await to.execute<bank::close_account>();
  auto const repeated = co_await run_transfer(host, store, t);
  example::expect(repeated == transferred::yes, "it was done before the account was closed");
  t.id = "transfer-" + aether::make_uuid();
  for (int i = 0; i < 2; ++i) {
    auto const ended = co_await run_transfer(host, store, t);
    example::expect(ended == transferred::refunded, "a closed account took money");
  }
  auto const kept = co_await from.query(&bank::balance_of);
  example::expect(kept == 700, "the refund counts once");
  t.id = "transfer-" + aether::make_uuid();
  t.cents = 5000;
  auto const refused = co_await run_transfer(host, store, t);
  example::expect(refused == transferred::refused, "there was not so much");
}

aether::awaitable<void> tour(store_ptr store) {
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::actor_host host(executor, store);
  auto const id = new_account_id();
  co_await use_one(host, id);
  co_await repeat(host, id);
  co_await withdraw_surely(host.get<bank::account>(id), 50, "payment-8");
  co_await ask(host, id);
  auto const shared = new_account_id();
  co_await compete(store, shared);
  co_await keep_snapshots(store, shared);
  co_await transfer_money(host, store);
  auto const m = host.metrics();
  std::cout << m.commands << " commands: " << m.stored << " stored, " << m.rejected << " rejected, " << m.repeated
            << " repeated\n";
  co_await host.close();
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
