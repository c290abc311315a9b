// The groups of an embedded store, by their names.
#include "memory_groups.hpp"

#include "group_settings.hpp"
#include "memory_feeds.hpp"
#include "store_checks.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether::detail {

event_group memory_groups::join(std::shared_ptr<memory_log> log, group_options const& options,
                                std::chrono::nanoseconds operation_timeout) {
  options.validate();
  auto const asked_for = resolved(options);
  auto settings = group_settings(asked_for);
  std::lock_guard lock(mutex_);
  auto found = groups_.find(options.name);
  if (found == groups_.end()) {
    auto const behind = start_behind(*log, options.start);
    entry made;
    made.settings = std::move(settings);
    made.group =
        std::make_shared<memory_group>(log, letters_locked(options.name, log), asked_for, behind, operation_timeout);
    made.hub = make_group_hub(made.group, asked_for);
    found = groups_.emplace(options.name, std::move(made)).first;
    count_.store(groups_.size(), std::memory_order_release);
  } else {
    check_same_group(options.name, found->second.settings, settings);
  }
  return event_group(found->second.hub, asked_for);
}

bool memory_groups::remove(std::string const& name) {
  check_id(name, "delete_group: name");
  std::shared_ptr<memory_group> removed;
  {
    std::lock_guard lock(mutex_);
    auto const found = groups_.find(name);
    if (found == groups_.end())
      return false;
    removed = std::move(found->second.group);
    groups_.erase(found);
    count_.store(groups_.size(), std::memory_order_release);
  }
  removed->end();
  return true;
}

std::shared_ptr<memory_letters> memory_groups::letters_locked(std::string const& name,
                                                              std::shared_ptr<memory_log> const& log) {
  auto& letters = letters_[name];
  if (!letters)
    letters = std::make_shared<memory_letters>(name, log->stream());
  return letters;
}

std::shared_ptr<memory_letters> memory_groups::letters(std::string const& name,
                                                       std::shared_ptr<memory_log> const& log) {
  std::lock_guard lock(mutex_);
  if (auto const found = letters_.find(name); found != letters_.end())
    return found->second;
  return std::make_shared<memory_letters>(name, log->stream());
}

bool memory_groups::remove_letter(std::shared_ptr<memory_log> const& log, dead_letter const& letter, bool retry) {
  check_id(letter.group, "dead_letter: group");
  auto const& places = letter.position.places();
  if (places.size() != 1 || places.front().created != log->stream()->created)
    throw error(errc::position_invalid, "the dead letter is of another store");
  if (!letters(letter.group, log)->remove(letter, retry))
    return false;
  changed();
  return true;
}

void memory_groups::wake_all() {
  std::vector<std::shared_ptr<memory_group>> groups;
  {
    std::lock_guard lock(mutex_);
    for (auto const& [name, e] : groups_)
      groups.push_back(e.group);
  }
  for (auto const& g : groups)
    g->wake();
}

} // namespace aether::detail
