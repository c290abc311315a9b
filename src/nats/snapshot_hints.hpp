// Where in the stream the events after recently read snapshots begin, so that reading on starts there.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace aether::nats::detail {

/// Thread-safe and bounded; a hint that is gone only costs a search.
class snapshot_hints {
public:
  struct hint {
    std::int64_t version = 0;   ///< of the event that the snapshot's message says stands there
    std::uint64_t sequence = 0; ///< 0: none
  };

  void put(std::string_view actor_id, std::int64_t version, std::uint64_t sequence) {
    std::lock_guard lock(mutex_);
    if (hints_.size() >= most)
      hints_.clear();
    hints_.insert_or_assign(std::string(actor_id), hint{version, sequence});
  }

  /// Of a version not above `version`. It is what a message told: the reader looks whether it is so.
  hint find(std::string_view actor_id, std::int64_t version) {
    std::lock_guard lock(mutex_);
    auto found = hints_.find(std::string(actor_id));
    return found != hints_.end() && found->second.version <= version ? found->second : hint();
  }

private:
  static constexpr std::size_t most = 4096;

  std::mutex mutex_;
  std::unordered_map<std::string, hint> hints_;
};

} // namespace aether::nats::detail
