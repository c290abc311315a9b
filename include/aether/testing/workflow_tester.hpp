// Tests of workflow code: on virtual time, with a crash at every write, and with random crashes, hosts and faults.
#pragma once

#include <aether/testing/fault_plan.hpp>
#include <aether/testing/virtual_clock.hpp>
#include <aether/workflow_host.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace aether::testing {

namespace detail {
class workflow_world;
}

/// What came of a scenario is not what a workflow promises. The text says where it crashed, and shows the journals.
class workflow_test_failed : public std::logic_error {
public:
  using logic_error::logic_error;
};

/// Zero and none mean the default.
struct workflow_tester_options {
  run_limits limits; ///< of each time that the scenario is run
  /// Of every host. Its name is that of the only host, "host" when it is empty; time and random are the tester's.
  workflow_host_options host;
  /// Whether each workflow has to end with the same outcome as without a crash. Not so when it depends on the time.
  bool same_outcomes = true;
  std::size_t hosts = 0;  ///< of random(), 0: 3
  std::size_t crashes = 0; ///< of random(), at most; then all hosts are up to the end. 0: 6
  /// How long random() lets a host live, and be down, at most, on the virtual clock. 0: 90 s.
  std::chrono::nanoseconds longest_pause{};
  /// What stands between hosts and store in random(), with a seed of each time. Conflicts have to be zero: a rival's
  /// event is no journal's.
  fault_plan faults = usual_faults();

  workflow_tester_options() = default;
  /// Lost and late answers, failures, delays and short outages, some of each.
  static fault_plan usual_faults();
  void validate() const; ///< throws invalid_argument
};

/// What stood in the store at the end.
struct workflow_report {
  std::vector<event> events; ///< of all workflows, in the order in which they were stored
  std::size_t writes = 0;    ///< saves that hosts began, conflicts included
  std::size_t crashes = 0;
  std::map<std::string, int> effects; ///< calls of effect(), by the step's key

  workflow_report() = default;
  /// The journals, an event a line.
  std::string text() const;
};

/// Runs a scenario on hosts of its own, in front of an embedded store, on a virtual clock that jumps to its next timer
/// when nothing is ready:
///
///     workflow_tester test(add_types, scenario);
///     test.run();
///     test.crash_everywhere();
///     for (std::uint64_t seed = 0; seed < 100; ++seed)
///       test.random(seed);
///
/// Each time everything is made anew. `add_types` is called for every host that is made. `scenario(client, clock)`
/// starts workflows, sends signals, asks for results and throws when they are not as they should be; it is run from its
/// beginning each time, and its client knows of no crash. What waits in a step or in the scenario waits for the clock.
///
/// Verified after each: what stands in workflow_report's journals is well-formed and has one outcome for a step at
/// most; a host that is not the last writer claims a workflow, once; a step that told its effect() has an outcome, and
/// nothing of a host that crashed is left in memory. A crash destroys the host, and its store never answers it again.
///
/// A step that waits for a real timer, a socket or a thread ends the run with an error that names it.
///
/// Throws workflow_test_failed, and from run() also what the scenario throws, deadlock_error and limit_error as
/// testing::run(). One thread uses it.
class workflow_tester {
public:
  using add_types = std::function<void(workflow_host&)>;
  using scenario = std::function<awaitable<void>(workflow_client, virtual_clock)>;

  /// Throws invalid_argument.
  workflow_tester(add_types add, scenario play, workflow_tester_options options = workflow_tester_options());
  workflow_tester(workflow_tester const&) = delete;
  workflow_tester& operator=(workflow_tester const&) = delete;
  ~workflow_tester();

  /// One host, and no crash. The client is the host's own: what it starts is stored as that host's.
  workflow_report run();

  /// For each save of the host: a crash before it, one after it was stored and before its answer, one right after its
  /// answer, and one when what follows has begun. Another host of the same name goes on. Returns how many crashes there
  /// were.
  std::size_t crash_everywhere();

  /// Several hosts that crash and come back, late signals and a store with faults. The same seed does the same.
  workflow_report random(std::uint64_t seed);

  /// For a step's function: here it has its effect. Counted by its key.
  void effect(step_info const& info);
  /// Of the scenario that runs or ran last, by the step's key; and of all keys together.
  int effects(std::string const& key) const;
  std::map<std::string, int> const& effects() const noexcept { return effects_; }

  /// Of the scenario that runs.
  virtual_clock clock() const;
  /// The store of the scenario that runs, without faults: to look what is there.
  std::shared_ptr<event_store> store() const;

private:
  workflow_report play(detail::workflow_world& world, bool own_client, std::string const& what);
  void compare(workflow_report const& with, std::string const& what);

  add_types add_;
  scenario play_;
  workflow_tester_options options_;
  std::map<std::string, int> effects_;
  std::shared_ptr<detail::workflow_world> world_;
  std::optional<workflow_report> without_crash_;
};

} // namespace aether::testing
