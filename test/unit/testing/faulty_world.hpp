// One io_context, one clock and one fault_injecting_store: what its tests run on.
#pragma once

#include <aether/memory_event_store.hpp>
#include <aether/testing/fault_injecting_store.hpp>
#include <support/events.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace aether::test {

/// The context comes first: what it holds is destroyed last.
struct faulty_world {
  boost::asio::io_context context{1};
  testing::virtual_clock clock;
  testing::fault_injecting_store store;
  std::shared_ptr<event_store> inner;

  explicit faulty_world(testing::fault_plan plan = testing::fault_plan(), memory_config config = {})
      : store(context.get_executor(), clock, std::make_shared<memory_event_store>(context.get_executor(), config),
              std::move(plan)),
        inner(store.inner()) {}

  void run(std::function<awaitable<void>()> body) { testing::run(clock, context, body()); }
};

/// A plan in which what is stored late comes after so long.
inline testing::fault_plan late_by(std::chrono::nanoseconds lateness) {
  testing::fault_plan plan;
  plan.min_lateness = plan.max_lateness = lateness;
  return plan;
}

inline save_options within(std::chrono::nanoseconds timeout) {
  save_options options;
  options.timeout = timeout;
  return options;
}

} // namespace aether::test
