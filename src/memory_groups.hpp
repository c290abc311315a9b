// The groups of an embedded store, by their names.
#pragma once

#include "memory_group.hpp"

#include <aether/event_group.hpp>

#include <boost/json/object.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::detail {

/// Thread-safe.
class memory_groups {
public:
  /// Makes the group when it is not there. Throws invalid_argument, invalid_id, group_settings_differ,
  /// position_invalid.
  event_group join(std::shared_ptr<memory_log> log, group_options const& options,
                   std::chrono::nanoseconds operation_timeout);
  /// False: there is none.
  bool remove(std::string const& name);

  std::shared_ptr<memory_letters> letters(std::string const& name, std::shared_ptr<memory_log> const& log);
  bool remove_letter(std::shared_ptr<memory_log> const& log, dead_letter const& letter, bool retry);

  /// Something was saved, or the store was closed.
  void changed() {
    if (count_.load(std::memory_order_acquire) != 0)
      wake_all();
  }

private:
  struct entry {
    boost::json::object settings;
    std::shared_ptr<memory_group> group;
    std::shared_ptr<group_hub> hub;
  };
  void wake_all();
  std::shared_ptr<memory_letters> letters_locked(std::string const& name, std::shared_ptr<memory_log> const& log);

  std::atomic<std::size_t> count_ = 0;
  std::mutex mutex_;
  std::map<std::string, entry> groups_;
  std::map<std::string, std::shared_ptr<memory_letters>> letters_; // they outlive their groups
};

} // namespace aether::detail
