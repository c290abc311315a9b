// The handle of a projection: its options, and its run's controls.
#include <aether/projection.hpp>

#include "or_default.hpp"
#include "projection_run.hpp"
#include "store_checks.hpp"

#include <utility>

namespace aether {

namespace {

using detail::or_default;
using std::chrono::nanoseconds;

void check_duration(nanoseconds value, char const* name) {
  if (value < nanoseconds::zero())
    throw error(errc::invalid_argument, std::string("projection_options::") + name + " is negative");
}

projection_options resolved(projection_options options) {
  options.checkpoint_events = or_default<std::uint64_t>(options.checkpoint_events, 1000);
  options.checkpoint_interval = or_default<nanoseconds>(options.checkpoint_interval, std::chrono::seconds(1));
  options.max_attempts = or_default(options.max_attempts, 5u);
  options.first_pause = or_default<nanoseconds>(options.first_pause, std::chrono::milliseconds(100));
  options.longest_pause =
      std::max(or_default<nanoseconds>(options.longest_pause, std::chrono::seconds(30)), options.first_pause);
  return options;
}

} // namespace

struct projection::impl {
  static std::shared_ptr<detail::projection_parts> parts_of(std::shared_ptr<impl> const& self, char const* call) {
    if (!self)
      throw error(errc::not_open, std::string(call) + " on a projection that was default-made or moved from");
    return self->parts;
  }
  static awaitable<void> run(std::shared_ptr<impl> self) {
    auto parts = parts_of(self, "run()");
    self.reset();
    co_await detail::run_projection(std::move(parts));
  }

  std::shared_ptr<detail::projection_parts> const parts = std::make_shared<detail::projection_parts>();
};

void projection_options::validate() const {
  detail::check_id(name, "projection_options::name");
  filter.validate();
  check_duration(checkpoint_interval, "checkpoint_interval");
  check_duration(first_pause, "first_pause");
  check_duration(longest_pause, "longest_pause");
  check_duration(timeout, "timeout");
  if (first_pause > longest_pause && longest_pause != nanoseconds::zero())
    throw error(errc::invalid_argument, "projection_options::first_pause is longer than longest_pause");
}

projection::projection(std::shared_ptr<event_store> events, std::shared_ptr<checkpoint_store> checkpoints,
                       projection_options options, handler handle) {
  options.validate();
  if (!events || !checkpoints || !handle)
    throw error(errc::invalid_argument, "a projection without an event store, a checkpoint store or a handler");
  impl_ = std::make_shared<impl>();
  auto& parts = *impl_->parts;
  parts.events = std::move(events);
  parts.checkpoints = std::move(checkpoints);
  parts.options = resolved(std::move(options));
  parts.handle = std::move(handle);
}

awaitable<void> projection::run() { return impl::run(impl_); }
void projection::stop() { impl::parts_of(impl_, "stop()")->control->stop(); }
void projection::pause() { impl::parts_of(impl_, "pause()")->control->pause(); }
void projection::resume() { impl::parts_of(impl_, "resume()")->control->resume(); }
void projection::rebuild() { impl::parts_of(impl_, "rebuild()")->control->rebuild(); }

projection_progress projection::progress() const {
  return impl::parts_of(impl_, "progress()")->counts.read(std::chrono::steady_clock::now());
}

} // namespace aether
