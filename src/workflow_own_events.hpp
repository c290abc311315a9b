// What a host stores itself: its feed need not read that.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace aether::detail {

/// Ids of events that were saved and have not come back. Thread-safe. Those that are forgotten are read, no more.
class workflow_own_events {
public:
  void add(std::string id) {
    std::scoped_lock const lock(mutex_);
    if (ids_.size() >= most) // they do not come: the feed is interrupted
      ids_.clear();
    ids_.insert(std::move(id));
  }
  /// True: it is one of them; it is forgotten.
  bool take(std::string_view id) {
    std::scoped_lock const lock(mutex_);
    auto const at = ids_.find(id);
    if (at == ids_.end())
      return false;
    ids_.erase(at);
    return true;
  }

private:
  struct hasher : std::hash<std::string_view> {
    using is_transparent = void;
  };
  static constexpr std::size_t most = 65'536;

  std::mutex mutex_;
  std::unordered_set<std::string, hasher, std::equal_to<>> ids_;
};

} // namespace aether::detail
