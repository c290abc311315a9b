// An order that is fulfilled by a workflow: steps side by side, an approval that has a time limit, a timer, and a
// parcel that is followed by a workflow of its own. The host is restarted in the middle, once with the same code and
// once with changed code. docs/workflows.md shows the parts of this file.
#include "program.hpp"

#include <aether/time_source.hpp>
#include <aether/workflow_host.hpp>

#include <boost/describe/class.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>

using example::store_ptr;
using namespace std::chrono_literals;

/// The world outside, which outlives the hosts. It recognises by the key what it was asked before, as payment providers
/// do.
struct outside {
  std::map<std::string, int> asked; // how often, by key
  int looks = 0; // at the parcel
};
using outside_ptr = std::shared_ptr<outside>;

aether::awaitable<std::string> ask(outside_ptr world, std::string what, aether::step_info info) {
  if (++world->asked[info.key] == 1)
    std::cout << what << '\n';
  co_return what;
}

aether::awaitable<void> tell(outside_ptr world, std::string what, aether::step_info info) {
  co_await ask(world, what, info);
}

struct order {
  std::string customer, article;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(order, (), (customer, article, cents))

struct approval {
  bool granted = false;
  std::string by;
};
BOOST_DESCRIBE_STRUCT(approval, (), (granted, by))

struct parcel {
  std::string receiver;
  int looks = 0;
};
BOOST_DESCRIBE_STRUCT(parcel, (), (receiver, looks))

aether::workflow_type<order, std::string> const orders("fulfilment");
aether::workflow_type<parcel, std::string> const parcels("parcel");

// A parcel is looked for again and again. Each time is a run of its own, so that the journal never grows long.

aether::awaitable<bool> has_arrived(outside_ptr world) { co_return ++world->looks >= 3; }

aether::awaitable<std::string> follow(outside_ptr world, aether::workflow wf, parcel p) {
  auto const look = [&] { return has_arrived(world); };
  auto const arrived = co_await wf.step("look", look);
  ++p.looks;
  if (arrived)
    co_return "arrived, seen by look " + std::to_string(p.looks);
  co_await wf.sleep_for("a while", 100ms);
  wf.continue_as_new(p);
}

// Two branches that run side by side. They get what they need by value.

aether::awaitable<std::string> reserve(outside_ptr world, aether::workflow wf, order o) {
  auto const ask_for_it = [&](aether::step_info const& info) { return ask(world, "reserve " + o.article, info); };
  co_return co_await wf.step("reserve", ask_for_it);
}

aether::awaitable<std::string> charge(outside_ptr world, aether::workflow wf, order o) {
  auto const ask_for_it = [&](aether::step_info const& info) { return ask(world, "charge " + o.customer, info); };
  co_return co_await wf.step("charge", ask_for_it);
}

/// What is expensive needs somebody's approval, within a time.
aether::awaitable<bool> is_approved(outside_ptr world, aether::workflow wf, order o) {
  if (o.cents < 100'00)
    co_return true;
  auto const mail = [&](aether::step_info const& info) { return tell(world, "is this fine: " + o.article, info); };
  co_await wf.step("ask for approval", mail);
  auto const asked = co_await wf.now("asked");
  auto const given = co_await wf.signal_until<approval>("approval", asked + 800ms);
  co_return given && given->granted;
}

aether::awaitable<std::string> fulfil(outside_ptr world, aether::workflow wf, order o) {
  // In the order of the code, before the branches: undone in reverse.
  wf.on_failure("release", [=](aether::step_info const& info) { return tell(world, "release " + o.article, info); });
  wf.on_failure("refund", [=](aether::step_info const& info) { return tell(world, "refund " + o.customer, info); });
  auto const done = co_await wf.when_all(reserve(world, wf, o), charge(world, wf, o));

  auto const approved = co_await is_approved(world, wf, o);
  if (!approved)
    throw std::runtime_error("nobody approved of " + o.article);

  co_await wf.sleep_for("packing", 200ms);
  parcel p;
  p.receiver = o.customer;
  auto const arrived = co_await wf.child("parcel", parcels, p);
  co_return std::get<0>(done) + ", " + std::get<1>(done) + ", " + arrived;
}

aether::workflow_host_options named(std::string name) {
  aether::workflow_host_options options;
  options.name = name;
  return options;
}

aether::awaitable<aether::workflow_host> open_host(store_ptr store, outside_ptr world) {
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::workflow_host host(executor, store, named("warehouse"));
  host.add(orders, [world](aether::workflow wf, order o) { return fulfil(world, wf, o); });
  host.add(parcels, [world](aether::workflow wf, parcel p) { return follow(world, wf, p); });
  co_await host.open();
  co_return host;
}

aether::awaitable<void> until_asked(outside_ptr world, std::string key) {
  while (!world->asked.contains(key))
    co_await aether::machine_time()->sleep_for(5ms);
}

aether::awaitable<void> fulfil_orders(store_ptr store) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const world = std::make_shared<outside>();
  aether::workflow_client const client(executor, store); // of a program that hosts none itself
  auto const good = aether::make_uuid(), bad = aether::make_uuid();
  order o;
  o.customer = "Ada";
  o.article = "engine";
  o.cents = 2000'00;
  co_await client.start(orders, good, o);
  o.customer = "Bob";
  o.article = "yacht";
  co_await client.start(orders, bad, o);
  {
    auto const host = co_await open_host(store, world);
    co_await until_asked(world, "fulfilment-" + good + "/1/ask for approval");
    co_await until_asked(world, "fulfilment-" + bad + "/1/ask for approval");
  } // the last handle goes, which is like a crash
  std::cout << "no host any more\n";

  // Signals are stored, so they need no host. With an id, one that is sent again counts once.
  approval yes;
  yes.granted = true;
  yes.by = "Charles";
  co_await client.signal(orders, good, "approval", yes, "approval-of-" + good);
  co_await client.signal(orders, good, "approval", yes, "approval-of-" + good);

  auto host = co_await open_host(store, world);
  std::cout << "a host again\n";
  auto const result = co_await client.result(orders, good);
  std::cout << result << '\n';
  std::string failure;
  try {
    co_await client.result(orders, bad);
  } catch (aether::workflow_failed const& e) {
    failure = e.failure().message;
  }
  std::cout << "failed: " << failure << '\n';
  example::expect(world->looks >= 3, "the parcel has not been followed");
  example::expect(failure == "nobody approved of yacht", "what nobody approved of was sent");
  example::expect(world->asked.contains("fulfilment-" + bad + "/1/refund"), "the charge was not undone");
  co_await host.close();
}

// Changed code.

aether::workflow_type<std::string> const teas("tea");

aether::awaitable<void> brew_before(outside_ptr world, aether::workflow wf, std::string guest) {
  auto const boil = [&](aether::step_info const& info) { return tell(world, "boil water for " + guest, info); };
  auto const pour = [&](aether::step_info const& info) { return tell(world, "pour for " + guest, info); };
  co_await wf.step("boil", boil);
  co_await wf.step("pour", pour);
  co_await wf.signal<bool>("drunk");
}

aether::awaitable<void> brew(outside_ptr world, aether::workflow wf, std::string guest) {
  auto const boil = [&](aether::step_info const& info) { return tell(world, "boil water for " + guest, info); };
  auto const warm = [&](aether::step_info const& info) { return tell(world, "warm the pot for " + guest, info); };
  auto const pour = [&](aether::step_info const& info) { return tell(world, "pour for " + guest, info); };
  co_await wf.step("boil", boil);
  // New. A run that had poured when the code was changed goes on without it.
  if (wf.has_recorded("warm") || !wf.has_recorded("pour"))
    co_await wf.step("warm", warm);
  co_await wf.step("pour", pour);
  co_await wf.signal<bool>("drunk");
}

// Something else altogether is another type. Both are hosted until the last one of the old type has ended.
aether::workflow_type<std::string> const coffees("tea_2");

aether::awaitable<void> grind_and_brew(outside_ptr world, aether::workflow wf, std::string guest) {
  auto const grind = [&](aether::step_info const& info) { return tell(world, "grind beans for " + guest, info); };
  co_await wf.step("grind", grind);
}

aether::awaitable<void> change_code(store_ptr store) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const world = std::make_shared<outside>();
  auto const early = aether::make_uuid(), late = aether::make_uuid();
  std::string guest = "Ada";
  aether::workflow_host before(executor, store, named("kitchen"));
  before.add(teas, [world](aether::workflow wf, std::string g) { return brew_before(world, wf, g); });
  co_await before.open();
  co_await before.client().start(teas, early, guest);
  co_await until_asked(world, "tea-" + early + "/1/pour");
  co_await before.close(); // steps under way end, and are stored
  aether::workflow_client const client(executor, store);
  co_await client.signal(teas, early, "drunk", true);

  aether::workflow_host after(executor, store, named("kitchen"));
  after.add(teas, [world](aether::workflow wf, std::string g) { return brew(world, wf, g); });
  after.add(coffees, [world](aether::workflow wf, std::string g) { return grind_and_brew(world, wf, g); });
  co_await after.open();
  guest = "Bob";
  co_await after.client().start(teas, late, guest);
  co_await after.client().start(coffees, late, guest);
  co_await client.signal(teas, late, "drunk", true);
  co_await client.result(teas, early);
  co_await client.result(teas, late);
  co_await client.result(coffees, late);
  example::expect(!world->asked.contains("tea-" + early + "/1/warm"), "the pot was warmed when it was empty");
  example::expect(world->asked.contains("tea-" + late + "/1/warm"), "the new step was left out");
  co_await after.close();
}

aether::awaitable<void> tour(store_ptr store) {
  co_await fulfil_orders(store);
  co_await change_code(store);
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
