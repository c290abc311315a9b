// The groups that copies of one store object share: a member that joins finds what the others have.
#pragma once

#include <aether/group_source.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace aether::nats::detail {

/// Thread-safe. Keeps nothing alive.
class group_registry {
public:
  /// The hub of this very group, made when nobody has one.
  template <class Make> std::shared_ptr<group_hub> find(std::string const& name, std::string const& made, Make make) {
    std::lock_guard lock(mutex_);
    std::erase_if(hubs_, [](auto const& e) { return e.second.second.expired(); });
    auto& [id, weak] = hubs_[name];
    auto hub = weak.lock();
    if (!hub || id != made) {
      hub = make();
      id = made;
      weak = hub;
    }
    return hub;
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::pair<std::string, std::weak_ptr<group_hub>>> hubs_;
};

} // namespace aether::nats::detail
