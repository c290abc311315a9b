// What every store asks of a call's arguments before it does anything: nonsense is refused by name.
#pragma once

#include <aether/event_store.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace aether::detail {

inline constexpr std::size_t max_batch_events = 1000;

// All of these throw aether::error with a text that names the field and its value. What data, state and metadata hold
// is checked by the JSON writer (see json_writer.hpp), which walks them anyway.

/// 1 to 255 bytes of UTF-8 without NUL, else invalid_id.
void check_id(std::string_view id, char const* field);
/// 1 or greater, else invalid_version.
void check_version(std::int64_t version, char const* field);
/// Not negative, else invalid_argument.
void check_timeout(std::chrono::nanoseconds timeout);

void check_event(event const& e);
void check_save(event const& e, save_options const& options);
/// Not empty, not too many, one actor, versions increasing (next to each other under version_policy::contiguous, unless
/// an expectation stands in its place), else invalid_batch; ids distinct, else duplicate_event_id; each event as above.
void check_batch(std::vector<event> const& batch, save_options const& options, version_policy policy);
void check_snapshot(actor_snapshot const& s, call_options const& options);
/// An actor id and a call's options.
void check_actor(std::string_view actor_id, call_options const& options);
void check_read(std::string_view actor_id, std::int64_t after_version, call_options const& options);
void check_find(std::string_view actor_id, std::int64_t version, call_options const& options);

} // namespace aether::detail
