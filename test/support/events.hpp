// Events to save, and asking how a call on a store ended.
#pragma once

#include <aether/event_store.hpp>

#include <boost/test/tools/assertion_result.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aether::test {

/// An event with a new id; with `id`, that one.
event event_of(std::string actor_id, std::int64_t version, std::string id = {});
std::vector<event> events_of(std::string const& actor_id, std::int64_t first, std::int64_t last);
actor_snapshot snapshot_of(std::string actor_id, std::int64_t version, std::int64_t balance = 0);

save_options expecting(std::int64_t version);

// How a save ended, as checks that say what it was instead.
boost::test_tools::assertion_result stored(save_outcome const& outcome, std::int64_t version);
boost::test_tools::assertion_result already(save_outcome const& outcome, std::int64_t version);
boost::test_tools::assertion_result refused(save_outcome const& outcome, std::int64_t current_version);

/// The error a call threw; none when it succeeded.
template <class T> awaitable<boost::system::error_code> error_of(awaitable<T> call) {
  boost::system::error_code thrown;
  try {
    (void)co_await std::move(call);
  } catch (boost::system::system_error const& e) {
    thrown = e.code();
  }
  co_return thrown;
}
template <> awaitable<boost::system::error_code> error_of(awaitable<void> call);

/// The versions of an actor as get_events has them.
awaitable<std::vector<std::int64_t>> versions_of(event_store& store, std::string actor_id, std::int64_t after = 0);

} // namespace aether::test
