// A map of bounded size that forgets what was not asked for longest.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace aether::nats::detail {

/// Not thread-safe. At least one entry fits.
template <class Value> class recent_map {
public:
  explicit recent_map(std::size_t most) noexcept : most_(most == 0 ? 1 : most) {}

  /// The value of the key, made anew when there is none.
  Value& operator[](std::string_view key) {
    if (!order_.empty() && order_.front().key == key)
      return order_.front().value;
    if (auto const found = places_.find(key); found != places_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return order_.front().value;
    }
    order_.push_front(entry{std::string(key), Value()});
    places_.emplace(order_.front().key, order_.begin());
    if (places_.size() > most_) {
      places_.erase(order_.back().key);
      order_.pop_back();
    }
    return order_.front().value;
  }

  /// Calls it with the keys and values asked for last, the latest first, `at_most` of them.
  template <class Function> void latest(std::size_t at_most, Function function) const {
    for (auto e = order_.begin(); e != order_.end() && at_most > 0; ++e, --at_most)
      function(std::string_view(e->key), e->value);
  }

  std::size_t size() const noexcept { return places_.size(); }
  void clear() noexcept {
    places_.clear();
    order_.clear();
  }

private:
  struct entry {
    std::string key;
    Value value;
  };

  std::size_t const most_;
  std::list<entry> order_;
  std::unordered_map<std::string_view, typename std::list<entry>::iterator> places_; // keys in order_
};

} // namespace aether::nats::detail
