// One run of a projection, and what its handles share with it.
#pragma once

#include "projection_control.hpp"
#include "projection_machine.hpp"
#include "rate_meter.hpp"

#include <aether/projection.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace aether::detail {

/// What progress() tells, kept by the run. Thread-safe.
class projection_counts {
public:
  using time = std::chrono::steady_clock::time_point;

  void begin(time now);
  void set_state(projection_state s);
  void set_caught_up();
  void on_handled(aether::position behind, std::uint64_t left, time now);
  void on_skipped(aether::position behind, std::uint64_t left);
  void on_malformed(aether::position behind, std::uint64_t left);
  void on_moved(std::optional<aether::position> behind, std::uint64_t left);
  void on_checkpoint();

  /// Behind everything that is done with; none: nothing was.
  std::optional<aether::position> behind() const;
  projection_progress read(time now) const;

private:
  mutable std::mutex mutex_;
  projection_progress told_;
  std::optional<aether::position> behind_;
  rate_meter rate_{time{}};
};

struct projection_parts {
  std::shared_ptr<event_store> events;
  std::shared_ptr<checkpoint_store> checkpoints;
  projection_options options; ///< without zeros
  projection::handler handle;
  std::shared_ptr<projection_control> control = std::make_shared<projection_control>();
  projection_counts counts;

  projection_rules rules(bool transactional) const;
};

/// projection::run().
awaitable<void> run_projection(std::shared_ptr<projection_parts> parts);

} // namespace aether::detail
