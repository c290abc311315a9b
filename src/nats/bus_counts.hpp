// How many messages a bus has published in a namespace, and what others make of that number: gaps.
#pragma once

#include "nats/recent_map.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// What a message's reply subject says: `aether-bus.{publisher}.{count}`. Nobody answers there: it says something about
/// the message, as JetStream's deliveries do, and costs neither allocations nor a second part of the message, as a
/// header does.
struct bus_mark {
  std::string_view publisher; ///< a bus object's id: letters and digits
  std::uint64_t count = 0; ///< of its messages in this namespace, this one included

  /// False: it is not of this form, or the count is 0 or has more than 15 digits. What stands before it with a dot, as
  /// gateways put it there, is passed over.
  static bool parse(std::string_view reply, bus_mark& out) noexcept;
};

void write_reply(std::string& into, bus_mark const& mark);

/// What a bus has published. Not thread-safe. Of a namespace that is forgotten the count begins anew.
class published_counts {
public:
  explicit published_counts(std::size_t most) noexcept : counts_(most) {}

  /// The number of the next message there: 1, 2, …
  std::uint64_t next(std::string_view name_space) { return ++counts_[name_space]; }

  /// Calls it with namespaces and counts, the latest first.
  template <class Function> void latest(std::size_t at_most, Function function) const {
    counts_.latest(at_most, function);
  }

private:
  recent_map<std::uint64_t> counts_;
};

/// What came of it at one subscription of the server. Not thread-safe. The first message of a publisher in a namespace
/// says from where on to count, and so does a number that is not above the last one: its bus has begun anew.
class heard_counts {
public:
  explicit heard_counts(std::size_t most) noexcept : last_(most) {}

  /// A message came: how many before it did not.
  std::uint64_t on_message(bus_mark const& mark, std::string_view name_space) { return on(mark, name_space, 1); }
  /// The publisher told its count: how many have not come.
  std::uint64_t on_count(bus_mark const& mark, std::string_view name_space) { return on(mark, name_space, 0); }
  /// Messages were lost that need not be counted any more.
  void forget() noexcept { last_.clear(); }

  std::size_t size() const noexcept { return last_.size(); }

private:
  std::uint64_t on(bus_mark const& mark, std::string_view name_space, std::uint64_t itself);

  recent_map<std::uint64_t> last_;
  std::string key_;
};

} // namespace aether::nats::detail
