// What a workflow_tester plays a scenario in: hosts that crash and come back, their store, and the clock they share.
#pragma once

#include "testing/mortal_store.hpp"

#include <aether/testing/workflow_tester.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace aether::detail {
class workflow_core;
}

namespace aether::testing::detail {

namespace asio = boost::asio;

/// The clock for hosts, with a count of those who wait for it.
class host_time;

/// One thread uses it.
class workflow_world : public std::enable_shared_from_this<workflow_world> {
public:
  using add_types = std::function<void(workflow_host&)>;
  /// The number of the save, from 1, and the event.
  using crash_plan = std::function<crash_at(std::size_t, event const&)>;

  workflow_world(workflow_tester_options options, add_types add, std::uint64_t seed);
  workflow_world(workflow_world const&) = delete;
  workflow_world& operator=(workflow_world const&) = delete;
  ~workflow_world();

  virtual_clock const& clock() const noexcept { return clock_; }
  asio::io_context& context() noexcept { return *context_; }
  std::shared_ptr<event_store> store() const;
  std::size_t writes() const noexcept { return writes_; }
  std::size_t crashes() const noexcept { return crashes_; }

  void crash_as(crash_plan plan) { plan_ = std::move(plan); }
  void with_faults(fault_plan plan) { faults_ = std::move(plan); }
  /// A crash leaves it down until start() is called; else another one begins at once.
  void stay_down() { stays_down_ = true; }

  void add_host(std::string name); ///< up
  std::size_t hosts() const noexcept { return processes_.size(); }
  bool is_up(std::size_t which) const { return processes_[which].host.has_value(); }
  void start(std::size_t which);
  void crash(std::size_t which);
  workflow_client client_of(std::size_t which) const { return processes_[which].host->client(); }
  workflow_client own_client(fault_plan const* faults); ///< of no host

  /// Until then, jumping from timer to timer.
  void drive(bool const& ended);
  /// What is ready, without letting time pass.
  void settle();
  template <class T> T run(awaitable<T> body) {
    auto const end = std::make_shared<run_end<T>>();
    auto kept = keep_result<T>(std::move(body), end);
    asio::co_spawn(*context_, std::move(kept), [end](std::exception_ptr error) {
      end->error = std::move(error);
      end->ended = true;
    });
    drive(end->ended);
    if (end->error)
      std::rethrow_exception(end->error);
    if constexpr (!std::is_void_v<T>)
      return std::move(*end->value);
  }

  std::vector<event> all_events();
  /// Ends everything. Returns what is left that should not be; empty: nothing.
  std::string tear_down();
  std::string log() const;

private:
  struct process {
    std::string name;
    std::optional<workflow_host> host;
    std::shared_ptr<mortal> life;
  };
  class log_text;

  void on_crash(std::size_t which, std::shared_ptr<mortal> const& life);
  std::string steps_under_way(std::optional<time_point> due_by) const;
  [[noreturn]] void refuse_real_wait(std::string const& steps) const;

  workflow_tester_options const options_;
  add_types const add_;
  std::mt19937_64 random_;
  std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>(1);
  virtual_clock clock_;
  std::shared_ptr<host_time> host_time_;
  std::shared_ptr<log_text> log_;
  std::shared_ptr<event_store> store_;
  std::optional<fault_plan> faults_;
  crash_plan plan_;
  bool stays_down_ = false;
  std::vector<process> processes_;
  std::vector<std::weak_ptr<aether::detail::workflow_core>> cores_; ///< all that there were
  std::size_t writes_ = 0;
  std::size_t crashes_ = 0;
  std::exception_ptr start_failed_;
};

} // namespace aether::testing::detail
