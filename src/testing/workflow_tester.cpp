// The ways to play a scenario, and what is verified after each.
#include <aether/testing/workflow_tester.hpp>

#include "testing/workflow_checks.hpp"
#include "testing/workflow_world.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace aether::testing {

using detail::crash_at;
using detail::workflow_world;
using namespace std::chrono_literals;

fault_plan workflow_tester_options::usual_faults() {
  fault_plan plan;
  plan.lose_acknowledgement = 0.05;
  plan.lose_request = 0.05;
  plan.store_late = 0.05;
  plan.fail_save = 0.05;
  plan.fail_read = 0.05;
  plan.outage = 0.01;
  plan.max_delay = 200ms;
  plan.max_lateness = 5s;
  plan.max_outage = 5s;
  return plan;
}

void workflow_tester_options::validate() const {
  auto const refuse = [](char const* what) {
    throw error(errc::invalid_argument, std::string("workflow_tester_options::") + what);
  };
  if (longest_pause.count() < 0)
    refuse("longest_pause is negative");
  if (faults.conflict > 0)
    refuse("faults.conflict: a rival's event is no journal's");
  faults.validate();
}

std::string workflow_report::text() const { return detail::shown(events); }

workflow_tester::workflow_tester(add_types add, scenario play, workflow_tester_options options)
    : add_(std::move(add)), play_(std::move(play)), options_(std::move(options)) {
  if (!add_ || !play_)
    throw error(errc::invalid_argument, "workflow_tester: add_types or scenario is empty");
  options_.validate();
  if (options_.host.name.empty())
    options_.host.name = "host";
  if (options_.hosts == 0)
    options_.hosts = 3;
  if (options_.crashes == 0)
    options_.crashes = 6;
  if (options_.longest_pause.count() == 0)
    options_.longest_pause = 90s;
}

workflow_tester::~workflow_tester() = default;

void workflow_tester::effect(step_info const& info) { ++effects_[info.key]; }

int workflow_tester::effects(std::string const& key) const {
  auto const at = effects_.find(key);
  return at == effects_.end() ? 0 : at->second;
}

virtual_clock workflow_tester::clock() const {
  if (!world_)
    throw error(errc::not_open, "workflow_tester::clock: no scenario runs");
  return world_->clock();
}

std::shared_ptr<event_store> workflow_tester::store() const {
  if (!world_)
    throw error(errc::not_open, "workflow_tester::store: no scenario runs");
  return world_->store();
}

namespace {

struct world_of {
  std::shared_ptr<workflow_world>& kept;
  world_of(std::shared_ptr<workflow_world>& where, std::shared_ptr<workflow_world> made) : kept(where) {
    kept = std::move(made);
  }
  world_of(world_of const&) = delete;
  world_of& operator=(world_of const&) = delete;
  ~world_of() { kept.reset(); }
};

// What crashed goes on, also when the scenario did not wait for it.
awaitable<void> wait_for_ends(std::shared_ptr<event_store> store, virtual_clock clock,
                              std::vector<std::string> actors) {
  for (auto const& actor : actors)
    for (int i = 0; i < 600; ++i) {
      std::optional<event> const last = co_await store->find_latest_event(actor);
      if (last && last->event_type == aether::detail::journal::finished::event_type)
        break;
      co_await clock.sleep_for(1s);
    }
}

std::vector<std::string> finished_in(workflow_report const& report) {
  std::vector<std::string> out;
  for (auto const& [actor, outcome] : detail::check_journals(report.events).outcomes)
    if (outcome)
      out.push_back(actor);
  return out;
}

} // namespace

workflow_report workflow_tester::play(workflow_world& world, bool own_client, std::string const& what) {
  effects_.clear();
  workflow_report report;
  std::string failed;
  try {
    auto const client =
        own_client ? world.client_of(0) : world.own_client(what.starts_with("random") ? &options_.faults : nullptr);
    world.run(play_(client, world.clock()));
    if (without_crash_)
      world.run(wait_for_ends(world.store(), world.clock(), finished_in(*without_crash_)));
    world.settle();
  } catch (std::exception const& e) {
    if (what.empty())
      throw;
    failed = e.what();
  }
  try {
    report.events = world.all_events();
  } catch (std::exception const& e) {
    failed += std::string("; the journals cannot be read: ") + e.what();
  }
  report.writes = world.writes();
  report.crashes = world.crashes();
  report.effects = effects_;
  if (failed.empty()) {
    auto const found = detail::check_journals(report.events);
    for (auto const& fault : found.faults)
      failed += "\n  " + fault;
    for (auto const& [key, times] : effects_)
      if (!found.settled.contains(key) && std::none_of(found.open_ended.begin(), found.open_ended.end(),
                                                       [&](std::string const& run) { return key.starts_with(run); }))
        failed += "\n  step " + key + " had its effect and has no outcome";
  }
  auto const log = world.log();
  if (auto const left = world.tear_down(); !left.empty())
    failed += "\n  " + left;
  if (!failed.empty())
    throw workflow_test_failed("workflow_tester, " + (what.empty() ? "run" : what) + ": " + failed +
                               "\nthe journals:\n" + report.text() + (log.empty() ? "" : "the log:\n" + log));
  if (!what.empty() && without_crash_ && options_.same_outcomes)
    compare(report, what);
  return report;
}

void workflow_tester::compare(workflow_report const& with, std::string const& what) {
  auto const expected = detail::check_journals(without_crash_->events).outcomes;
  auto const found = detail::check_journals(with.events).outcomes;
  std::string failed;
  for (auto const& [actor, outcome] : expected) {
    auto const at = found.find(actor);
    auto const is = at == found.end() ? std::string("not started") : detail::shown(at->second);
    if (is != detail::shown(outcome))
      failed += "\n  " + actor + ": " + is + "; without a crash: " + detail::shown(outcome);
  }
  for (auto const& [key, times] : without_crash_->effects)
    if (!with.effects.contains(key))
      failed += "\n  step " + key + " had no effect; without a crash it had";
  for (auto const& [key, times] : with.effects)
    if (!without_crash_->effects.contains(key))
      failed += "\n  step " + key + " had an effect; without a crash it had none";
  if (!failed.empty())
    throw workflow_test_failed("workflow_tester, " + what + ": " + failed + "\nthe journals:\n" + with.text());
}

workflow_report workflow_tester::run() {
  world_of const kept(world_, std::make_shared<workflow_world>(options_, add_, 0));
  world_->add_host(options_.host.name);
  world_->settle(); // it is open
  without_crash_.reset();
  auto report = play(*world_, true, {});
  without_crash_ = report;
  return report;
}

std::size_t workflow_tester::crash_everywhere() {
  if (!without_crash_)
    run();
  constexpr std::array phases{std::pair(crash_at::before, "before it"),
                              std::pair(crash_at::stored, "after it was stored, without its answer"),
                              std::pair(crash_at::answered, "right after its answer"),
                              std::pair(crash_at::later, "when what follows had begun")};
  std::size_t crashes = 0;
  for (std::size_t k = 1;; ++k)
    for (auto const& [phase, name] : phases) {
      world_of const kept(world_, std::make_shared<workflow_world>(options_, add_, k));
      world_->crash_as([k, when = phase](std::size_t n, event const&) { return n == k ? when : crash_at::never; });
      world_->add_host(options_.host.name);
      auto const report = play(*world_, false, "a crash at write " + std::to_string(k) + ", " + name);
      if (report.writes < k)
        return crashes;
      crashes += report.crashes;
    }
}

namespace {

awaitable<void> let_crash(std::shared_ptr<workflow_world> world, workflow_tester_options options, std::uint64_t seed,
                          std::shared_ptr<bool> ended) {
  std::mt19937_64 random(seed);
  auto const clock = world->clock();
  while (!*ended && world->crashes() < options.crashes) {
    auto const most = static_cast<std::uint64_t>(options.longest_pause.count());
    co_await clock.sleep_for(std::chrono::nanoseconds(random() % (most + 1)));
    if (*ended)
      co_return;
    auto const which = random() % world->hosts();
    if (!world->is_up(which))
      world->start(which);
    else if (world->crashes() < options.crashes)
      world->crash(which);
  }
  for (std::size_t i = 0; i < world->hosts(); ++i)
    if (!world->is_up(i))
      world->start(i);
}

} // namespace

workflow_report workflow_tester::random(std::uint64_t seed) {
  if (!without_crash_)
    run();
  std::mt19937_64 random(seed);
  world_of const kept(world_, std::make_shared<workflow_world>(options_, add_, random()));
  auto& world = *world_;
  world.stay_down();
  world.with_faults(options_.faults);
  world.crash_as(
      [&world, most = options_.crashes, engine = std::mt19937_64(random())](std::size_t, event const&) mutable {
        auto const drawn = engine() % 100;
        if (drawn >= 12 || world.crashes() >= most)
          return crash_at::never;
        return drawn < 3   ? crash_at::before
               : drawn < 6 ? crash_at::stored
               : drawn < 9 ? crash_at::answered
                           : crash_at::later;
      });
  for (std::size_t i = 0; i < options_.hosts; ++i)
    world.add_host(options_.host.name + " " + std::to_string(i + 1));
  auto const ended = std::make_shared<bool>(false);
  // Held weakly: it waits in the world's own context.
  boost::asio::co_spawn(
      world.context(),
      let_crash(std::shared_ptr<workflow_world>(&world, [](workflow_world*) {}), options_, random(), ended),
      [](std::exception_ptr) {});
  auto report = play(world, false, "random " + std::to_string(seed));
  *ended = true;
  return report;
}

} // namespace aether::testing
