// Workflows: a transfer between two accounts that is brought to its end, or undone, whatever happens in between.
// docs/workflows.md shows the parts of this file.
#include "program.hpp"

#include <aether/actor.hpp>
#include <aether/workflow_host.hpp>

#include <boost/describe/class.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

using example::store_ptr;
using namespace std::chrono_literals;

// The accounts: actors, as in 13_actors.cpp. They know which transfer took how much, so that it can be given back.
namespace bank {

struct opened {
  static constexpr std::string_view event_type = "AccountOpened";
};
BOOST_DESCRIBE_STRUCT(opened, (), ())

struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (cents))

struct taken {
  static constexpr std::string_view event_type = "TransferTaken";
  std::string transfer;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(taken, (), (transfer, cents))

struct taken_back {
  static constexpr std::string_view event_type = "TransferTakenBack";
  std::string transfer;
  std::int64_t cents = 0; // none, if nothing had been taken
};
BOOST_DESCRIBE_STRUCT(taken_back, (), (transfer, cents))

struct open_account {};
struct deposit {
  std::int64_t cents = 0;
};
struct take {
  std::string transfer;
  std::int64_t cents = 0;
};
struct take_back {
  std::string transfer;
};

struct account {
  struct state {
    std::int64_t cents = 0;
    bool is_open = false;
    std::map<std::string, std::int64_t> transfers; // what each has taken; none: it was taken back
  };
  using event = std::variant<opened, deposited, taken, taken_back>;
  using decision = aether::decision<event>;

  static decision decide(open_account const&, state const& now) {
    if (now.is_open)
      return aether::no_events;
    return opened();
  }
  static decision decide(deposit const& command, state const& now) {
    if (!now.is_open)
      return aether::rejection("no_such_account");
    return deposited{command.cents};
  }
  static decision decide(take const& command, state const& now) {
    if (now.transfers.contains(command.transfer))
      return aether::rejection("over", "this transfer has taken its money, or was taken back");
    if (command.cents > now.cents)
      return aether::rejection("insufficient_funds");
    return taken{command.transfer, command.cents};
  }
  // Never refused, and stored even if there is nothing to give back: a withdrawal that is still on its way comes too
  // late then.
  static decision decide(take_back const& command, state const& now) {
    auto const at = now.transfers.find(command.transfer);
    return taken_back{command.transfer, at == now.transfers.end() ? 0 : at->second};
  }

  static void evolve(state& now, opened const&) { now.is_open = true; }
  static void evolve(state& now, deposited const& e) { now.cents += e.cents; }
  static void evolve(state& now, taken const& e) {
    now.cents -= e.cents;
    now.transfers[e.transfer] = e.cents;
  }
  static void evolve(state& now, taken_back const& e) {
    now.cents += e.cents;
    now.transfers[e.transfer] = 0;
  }
};
BOOST_DESCRIBE_STRUCT(account::state, (), (cents, is_open, transfers))

std::int64_t balance_of(account::state const& now) { return now.cents; }

} // namespace bank

// What a transfer is given, and what comes of it. Both are stored as JSON.

struct transfer {
  std::string from, to;
  std::int64_t cents = 0;
  aether::time_point due{}; // the epoch: at once
};
BOOST_DESCRIBE_STRUCT(transfer, (), (from, to, cents, due))

struct receipt {
  std::int64_t withdrawal = 0, deposit = 0; // the versions of the accounts
};
BOOST_DESCRIBE_STRUCT(receipt, (), (withdrawal, deposit))

aether::workflow_type<transfer, receipt> const transfers("transfer");

/// What an account answered. A refusal is a result, not a failure: nothing is gained by trying it again.
struct answer {
  std::int64_t version = 0;
  std::optional<std::string> refused;
};
BOOST_DESCRIBE_STRUCT(answer, (), (version, refused))

answer answer_of(aether::command_outcome const& outcome) {
  answer made;
  if (auto const* why = std::get_if<aether::rejection>(&outcome))
    made.refused = why->code;
  else
    made.version = std::get<aether::command_result>(outcome).last_version;
  return made;
}

/// A step is called at least once. The account recognises a command that it had before by its id: the step's key.
aether::command_options once(aether::step_info const& info) {
  aether::command_options options;
  options.command_id = info.key;
  options.maybe_repeated = info.maybe_repeated;
  return options;
}

aether::awaitable<answer> withdraw(aether::actor_host accounts, transfer t, std::string id, aether::step_info info) {
  auto const from = accounts.get<bank::account>(t.from).with(once(info));
  auto const outcome = co_await from.try_execute<bank::take>(id, t.cents);
  co_return answer_of(outcome);
}

aether::awaitable<answer> deposit(aether::actor_host accounts, transfer t, aether::step_info info) {
  auto const to = accounts.get<bank::account>(t.to).with(once(info));
  auto const outcome = co_await to.try_execute<bank::deposit>(t.cents);
  co_return answer_of(outcome);
}

aether::awaitable<void> give_back(aether::actor_host accounts, transfer t, std::string id, aether::step_info info) {
  auto const from = accounts.get<bank::account>(t.from).with(once(info));
  co_await from.execute<bank::take_back>(id);
}

/// Short outages are waited for. The last attempt may take another 30 s: all ends before `takeover_after`.
aether::step_options patient() {
  auto retry = aether::jittered_backoff();
  retry.max_attempts = 100;
  retry.max_elapsed = 20s;
  aether::step_options options;
  options.retry = retry;
  return options;
}

/// Undoing is tried for an hour. Of several hosts another may take it over meanwhile, and try with the same key.
aether::step_options persistent() {
  auto retry = aether::jittered_backoff();
  retry.max_attempts = 10'000;
  retry.max_elapsed = 1h;
  aether::step_options options;
  options.retry = retry;
  return options;
}

/// The workflow.
aether::awaitable<receipt> run_transfer(aether::actor_host accounts, aether::workflow wf, transfer t) {
  auto const id = wf.id();
  receipt made;

  // Registered before the step: if that fails, or its answer is lost, the money may have left the account.
  auto const undo = [accounts, t, id](aether::step_info const& info) { return give_back(accounts, t, id, info); };
  wf.on_failure("give back", undo, persistent());
  auto const take = [&](aether::step_info const& info) { return withdraw(accounts, t, id, info); };
  auto const withdrawn = co_await wf.step("withdraw", take, patient());
  if (withdrawn.refused)
    throw std::runtime_error("the first account refused: " + *withdrawn.refused);
  made.withdrawal = withdrawn.version;

  co_await wf.sleep_until("due", t.due);

  auto const give = [&](aether::step_info const& info) { return deposit(accounts, t, info); };
  auto const deposited = co_await wf.step("deposit", give, patient());
  if (deposited.refused)
    throw std::runtime_error("the second account refused: " + *deposited.refused);
  made.deposit = deposited.version;
  co_return made;
}

/// A host that has the code. Its name is the same each time this program runs, and no other program's.
aether::workflow_host make_host(boost::asio::any_io_executor executor, store_ptr store, aether::actor_host accounts) {
  aether::workflow_host_options options;
  options.name = "tutorial";
  aether::workflow_host host(executor, store, options);
  host.add(transfers, [accounts](aether::workflow wf, transfer t) { return run_transfer(accounts, wf, t); });
  return host;
}

// What a program does with it.

aether::awaitable<std::int64_t> balance(aether::actor_host accounts, std::string id) {
  co_return co_await accounts.get<bank::account>(id).query(&bank::balance_of, aether::freshness::latest());
}

/// Started and awaited. Started again it is the same transfer, which has ended.
aether::awaitable<void> send(aether::workflow_client client, aether::actor_host accounts, transfer t) {
  auto const id = aether::make_uuid(); // of the transfer: whoever repeats the call uses the same
  auto const is_new = co_await client.start(transfers, id, t);
  auto const made = co_await client.result(transfers, id);
  std::cout << "withdrawn as version " << made.withdrawal << ", deposited as version " << made.deposit << '\n';

  auto const is_new_again = co_await client.start(transfers, id, t);
  auto const same = co_await client.result(transfers, id);
  example::expect(is_new && !is_new_again && same.deposit == made.deposit, "it was made twice");
  auto const left = co_await balance(accounts, t.from);
  auto const arrived = co_await balance(accounts, t.to);
  example::expect(left == 700 && arrived == 300, "the money is not where it belongs");
}

/// The journal of a workflow is the history of its actor.
aether::awaitable<void> print_journal(store_ptr store, std::string actor_id) {
  auto const events = co_await store->get_events(actor_id);
  for (auto const& e : events)
    std::cout << e.version << ' ' << e.event_type << ' ' << e.data << '\n';
}

/// A transfer to nobody: what was withdrawn is given back.
aether::awaitable<void> send_to_nobody(store_ptr store, aether::workflow_client client, aether::actor_host accounts,
                                       transfer t) {
  auto const id = aether::make_uuid();
  t.to = "account-of-nobody";
  co_await client.start(transfers, id, t);
  bool has_failed = false;
  try {
    co_await client.result(transfers, id);
  } catch (aether::workflow_failed const& e) {
    auto const& how = e.failure();
    std::cout << "failed: " << how.message << '\n';
    has_failed = !how.was_cancelled && how.undo_failed.empty(); // that is: all is undone
  }
  co_await print_journal(store, "transfer-" + id);
  auto const left = co_await balance(accounts, t.from);
  example::expect(has_failed && left == 700, "the money was not given back");
}

/// One that is due tomorrow is cancelled: its sleep ends, and what was withdrawn is given back.
aether::awaitable<void> think_better(aether::workflow_client client, aether::actor_host accounts, transfer t) {
  auto const id = aether::make_uuid();
  t.due = std::chrono::system_clock::now() + 24h;
  co_await client.start(transfers, id, t);
  co_await client.cancel(transfers, id, "changed my mind");
  bool was_cancelled = false;
  try {
    co_await client.result(transfers, id);
  } catch (aether::workflow_failed const& e) {
    was_cancelled = e.failure().was_cancelled;
  }
  auto const state = co_await client.state(transfers, id);
  auto const left = co_await balance(accounts, t.from);
  example::expect(was_cancelled && state == aether::workflow_state::cancelled, "it was not cancelled");
  example::expect(left == 700, "the money was not given back");
}

// A step whose answer is lost: it is called again, and the account counts it once.

aether::workflow_type<transfer> const salaries("salary");

aether::awaitable<answer> pay_and_lose_the_answer(aether::actor_host accounts, transfer t, aether::step_info info) {
  auto const paid = co_await deposit(accounts, t, info);
  if (info.attempt == 1)
    throw std::runtime_error("the connection broke before the answer came");
  co_return paid;
}

aether::awaitable<void> run_salary(aether::actor_host accounts, aether::workflow wf, transfer t) {
  auto const pay = [&](aether::step_info const& info) { return pay_and_lose_the_answer(accounts, t, info); };
  co_await wf.step("pay", pay, patient());
}

aether::awaitable<void> tour(store_ptr store) {
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::actor_host accounts(executor, store);
  transfer t;
  t.from = "account-" + aether::make_uuid().substr(0, 8);
  t.to = "account-" + aether::make_uuid().substr(0, 8);
  t.cents = 300;
  co_await accounts.get<bank::account>(t.from).execute<bank::open_account>();
  co_await accounts.get<bank::account>(t.from).execute<bank::deposit>(1000);
  co_await accounts.get<bank::account>(t.to).execute<bank::open_account>();

  auto host = make_host(executor, store, accounts);
  host.add(salaries, [accounts](aether::workflow wf, transfer s) { return run_salary(accounts, wf, s); });
  co_await host.open();
  auto const client = host.client();
  co_await send(client, accounts, t);
  co_await send_to_nobody(store, client, accounts, t);
  co_await think_better(client, accounts, t);

  auto const id = aether::make_uuid();
  co_await client.start(salaries, id, t);
  co_await client.result(salaries, id);
  auto const arrived = co_await balance(accounts, t.to);
  example::expect(arrived == 600, "the salary was paid twice, or never");

  auto const m = host.metrics();
  std::cout << m.started << " begun, " << m.finished << " finished\n";
  co_await host.close();
  co_await accounts.close();
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
