// Values ordered by the time they are due: cheap to add at the end, to take out again, and to ask for the first.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace aether::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// Not thread-safe: its owner's strand or mutex guards it.
template <class Value> class deadline_queue {
public:
  using handle = typename std::multimap<steady_time, Value>::iterator;

  handle add(steady_time due, Value value) {
    if (spare_.empty())
      return entries_.emplace_hint(entries_.end(), due, std::move(value));
    auto node = std::move(spare_.back());
    spare_.pop_back();
    node.key() = due;
    node.mapped() = std::move(value);
    return entries_.insert(entries_.end(), std::move(node));
  }
  void remove(handle h) { keep(entries_.extract(h)); }
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  steady_time first() const { return entries_.begin()->first; }

  /// Takes the first value that is due at `now`; false when none is.
  bool pop_due(steady_time now, Value& out) {
    if (entries_.empty() || entries_.begin()->first > now)
      return false;
    auto node = entries_.extract(entries_.begin());
    out = std::move(node.mapped());
    keep(std::move(node));
    return true;
  }

  template <class Visitor> void drain(Visitor visit) {
    auto entries = std::exchange(entries_, {});
    for (auto& [due, value] : entries)
      visit(std::move(value));
  }

private:
  using map_type = std::multimap<steady_time, Value>;
  static constexpr std::size_t spare_at_most = 1024;

  // Allocating an entry would take as long as adding it.
  void keep(typename map_type::node_type node) {
    node.mapped() = Value();
    if (spare_.size() < spare_at_most)
      spare_.push_back(std::move(node));
  }

  map_type entries_;
  std::vector<typename map_type::node_type> spare_;
};

} // namespace aether::detail
