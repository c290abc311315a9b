// Values ordered by the time they are due: cheap to add at the end, to take out again, and to ask for the first.
#pragma once

#include <chrono>
#include <map>
#include <utility>

namespace aether::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// Not thread-safe: its owner's strand or mutex guards it.
template <class Value> class deadline_queue {
public:
  using handle = typename std::multimap<steady_time, Value>::iterator;

  handle add(steady_time due, Value value) { return entries_.emplace_hint(entries_.end(), due, std::move(value)); }
  void remove(handle h) { entries_.erase(h); }
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  steady_time first() const { return entries_.begin()->first; }

  /// Takes the first value that is due at `now`; false when none is.
  bool pop_due(steady_time now, Value& out) {
    if (entries_.empty() || entries_.begin()->first > now) return false;
    out = std::move(entries_.begin()->second);
    entries_.erase(entries_.begin());
    return true;
  }

  template <class Visitor> void drain(Visitor visit) {
    auto entries = std::exchange(entries_, {});
    for (auto& [due, value] : entries) visit(std::move(value));
  }

private:
  std::multimap<steady_time, Value> entries_;
};

} // namespace aether::detail
