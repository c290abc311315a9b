// Who subscribes to what on a bus: finding a namespace's subscribers costs the same however many others there are.
#pragma once

#include "bus_inbox.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aether::detail {

/// Thread-safe. What is put while another thread puts into the same namespace comes before it or after it for all.
class bus_registry final : public inbox_owner {
public:
  void add(std::shared_ptr<bus_inbox> inbox);
  void remove(bus_inbox& inbox) noexcept override;
  void put(std::string_view name_space, std::shared_ptr<event const> const& e);
  void close() noexcept; ///< everybody hears of it; nobody is added any more

  bus_metrics metrics() const noexcept;

private:
  using inboxes = std::vector<std::shared_ptr<bus_inbox>>;

  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  struct equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
  };
  template <class Value> using map = std::unordered_map<std::string, Value, hash, equal>;

  struct topic {
    std::shared_ptr<std::string const> name;
    inboxes here;
  };
  /// A namespace's lock orders what is put into it.
  struct shard {
    std::mutex mutex;
    map<topic> topics;
  };
  /// Patterns with wildcards, token by token.
  struct branch {
    map<std::unique_ptr<branch>> named;
    std::unique_ptr<branch> any; ///< `*`
    inboxes here;
    inboxes below; ///< `>`

    bool is_bare() const noexcept { return named.empty() && !any && here.empty() && below.empty(); }
  };

  shard& shard_of(std::string_view name_space) noexcept { return shards_[hash()(name_space) % shards_.size()]; }
  inboxes& list_made(std::string_view pattern);
  inboxes* list_there(std::string_view pattern) noexcept;
  static branch* next_of(branch& from, std::string_view token) noexcept;
  void prune(std::string_view pattern) noexcept;
  void prune(branch& from, std::string_view const* tokens, std::size_t count) noexcept;
  void put_to(inboxes const& list, std::shared_ptr<std::string const> const& name_space,
              std::shared_ptr<event const> const& e) noexcept;
  void put_below(branch const& from, std::string_view const* tokens, std::size_t count,
                 std::shared_ptr<std::string const> const& name_space, std::shared_ptr<event const> const& e) noexcept;

  std::array<shard, 64> shards_;
  std::mutex wild_mutex_; // after a shard's
  branch wild_;
  std::atomic<std::size_t> wild_count_{0};
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> published_{0};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::size_t> subscribers_{0};
};

} // namespace aether::detail
