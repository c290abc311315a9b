// Checks of arguments, the same for every store.
#include "store_checks.hpp"

#include "detail/utf8.hpp"

#include <algorithm>
#include <string>

namespace aether::detail {
namespace {

// Enough of a value to recognise it.
std::string shown(std::string_view value) {
  constexpr std::size_t enough = 64;
  return value.size() <= enough ? quoted(value) : quoted(value.substr(0, enough)) + "...";
}

std::string at(std::size_t index) { return "batch[" + std::to_string(index) + "]"; }

[[noreturn]] void refuse_id(std::string_view id, std::string const& field) {
  if (id.empty())
    throw error(errc::invalid_id, field + " is empty");
  if (id.size() > max_id_bytes)
    throw error(errc::invalid_id, field + " has " + std::to_string(id.size()) + " bytes, more than " +
                                      std::to_string(max_id_bytes) + ": " + shown(id));
  throw error(errc::invalid_id, field + " holds NUL or is not valid UTF-8: " + shown(id));
}

[[noreturn]] void refuse_version(std::int64_t version, std::string const& field) {
  throw error(errc::invalid_version, field + " is " + std::to_string(version) + ", but 1 is the lowest");
}

bool well_formed(event const& e) noexcept {
  return valid_id(e.id) && valid_id(e.event_type) && valid_id(e.actor_id) &&
         (e.command_id.empty() || valid_id(e.command_id)) && e.version >= 1;
}

// Says what of the event is not as it must be; `where` stands before the field's name.
[[noreturn]] void refuse_event(event const& e, std::string const& where) {
  if (!valid_id(e.id))
    refuse_id(e.id, where + "id");
  if (!valid_id(e.event_type))
    refuse_id(e.event_type, where + "event_type");
  if (!valid_id(e.actor_id))
    refuse_id(e.actor_id, where + "actor_id");
  if (!e.command_id.empty() && !valid_id(e.command_id))
    refuse_id(e.command_id, where + "command_id");
  refuse_version(e.version, where + "version");
}

void check_expectation(save_options const& options, std::int64_t first_version) {
  if (!options.expected_version)
    return;
  std::int64_t const expected = *options.expected_version;
  if (expected < 0)
    throw error(errc::invalid_version, "expected_version is " + std::to_string(expected) + ", but 0 is the lowest");
  if (expected >= first_version)
    throw error(errc::invalid_version, "expected_version is " + std::to_string(expected) +
                                           ", not below the version to save, " + std::to_string(first_version));
}

void check_order(std::vector<event> const& batch, bool contiguous) {
  for (std::size_t i = 1; i < batch.size(); ++i) {
    event const& before = batch[i - 1];
    event const& e = batch[i];
    if (e.actor_id != before.actor_id)
      throw error(errc::invalid_batch,
                  at(i) + " is of actor " + shown(e.actor_id) + ", the first of " + shown(before.actor_id));
    // What the version before is, is 1 or greater here, so one less than this cannot overflow.
    if (e.version <= before.version || (contiguous && e.version - 1 != before.version))
      throw error(errc::invalid_batch, at(i) + ".version is " + std::to_string(e.version) + ", which does not follow " +
                                           std::to_string(before.version) +
                                           (contiguous ? " (the store's version_policy is contiguous)" : ""));
  }
}

void check_distinct_ids(std::vector<event> const& batch) {
  std::vector<std::string_view> ids;
  ids.reserve(batch.size());
  for (event const& e : batch)
    ids.push_back(e.id);
  std::sort(ids.begin(), ids.end());
  if (auto const twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end())
    throw error(errc::duplicate_event_id, "two events of the batch have the id " + shown(*twice));
}

} // namespace

void check_id(std::string_view id, char const* field) {
  if (!valid_id(id))
    refuse_id(id, field);
}

void check_version(std::int64_t version, char const* field) {
  if (version < 1)
    refuse_version(version, field);
}

void check_timeout(std::chrono::nanoseconds timeout) {
  if (timeout < std::chrono::nanoseconds::zero())
    throw error(errc::invalid_argument, "timeout is negative: " + std::to_string(timeout.count()) + " ns");
}

void check_event(event const& e) {
  if (!well_formed(e))
    refuse_event(e, "");
}

void check_save(event const& e, save_options const& options) {
  check_timeout(options.timeout);
  check_event(e);
  check_expectation(options, e.version);
}

void check_batch(std::vector<event> const& batch, save_options const& options, version_policy policy) {
  check_timeout(options.timeout);
  if (batch.empty())
    throw error(errc::invalid_batch, "batch is empty");
  if (batch.size() > max_batch_events)
    throw error(errc::invalid_batch,
                "batch has " + std::to_string(batch.size()) + " events, more than " + std::to_string(max_batch_events));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!well_formed(batch[i]))
      refuse_event(batch[i], at(i) + ".");
  }
  check_order(batch, policy == version_policy::contiguous && !options.expected_version);
  check_distinct_ids(batch);
  check_expectation(options, batch.front().version);
}

void check_snapshot(actor_snapshot const& s, call_options const& options) {
  check_timeout(options.timeout);
  check_id(s.actor_id, "actor_id");
  check_version(s.version, "version");
}

void check_actor(std::string_view actor_id, call_options const& options) {
  check_timeout(options.timeout);
  check_id(actor_id, "actor_id");
}

void check_read(std::string_view actor_id, std::int64_t after_version, call_options const& options) {
  check_actor(actor_id, options);
  if (after_version < 0)
    throw error(errc::invalid_version, "after_version is " + std::to_string(after_version) + ", but 0 is the lowest");
}

void check_find(std::string_view actor_id, std::int64_t version, call_options const& options) {
  check_actor(actor_id, options);
  check_version(version, "version");
}

} // namespace aether::detail
