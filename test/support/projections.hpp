// What tests of projections share: a runner beside the test's body, and events to feed it with.
#pragma once

#include <aether/memory_checkpoint_store.hpp>
#include <aether/memory_event_store.hpp>
#include <aether/projection.hpp>
#include <aether/task_group.hpp>
#include <support/events.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace aether::test {

inline awaitable<void> hop() {
  auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

/// Until the condition holds; run()'s limit ends a wait in vain.
template <class Condition> awaitable<void> until(Condition const& holds) {
  while (!holds())
    co_await hop();
}

/// The versions of the events that a handler was given, in their order.
using versions = std::vector<std::int64_t>;

inline awaitable<void> note(std::shared_ptr<versions> seen, std::int64_t version) {
  co_await hop();
  seen->push_back(version);
}
inline projection::handler noting(std::shared_ptr<versions> seen) {
  return [seen](recorded_event const& e) { return note(seen, e.event.version); };
}

inline projection_options named(std::string name) {
  projection_options options;
  options.name = std::move(name);
  return options;
}

inline versions from_to(std::int64_t first, std::int64_t last) {
  versions v;
  for (; first <= last; ++first)
    v.push_back(first);
  return v;
}

/// Where a checkpoint stands in its stream, or in all of them together; 0: at the beginning, or nowhere.
inline std::uint64_t sequence_of(std::optional<checkpoint> const& c) {
  std::uint64_t sum = 0;
  if (c && c->position)
    for (auto const& place : c->position->places())
      sum += place.sequence;
  return sum;
}

} // namespace aether::test
