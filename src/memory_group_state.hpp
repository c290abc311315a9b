// Who of a group's events is in flight, and when each comes again: an embedded group, decided on values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace aether::detail {

/// Which message of a group: an event by its sequence, as itself or as a dead letter that is retried.
struct group_key {
  bool retried = false;
  std::uint64_t sequence = 0;

  friend auto operator<=>(group_key const&, group_key const&) = default;
};

struct memory_delivery {
  group_key key;
  unsigned attempt = 1;
};

/// Not thread-safe; the clock comes in as an argument.
class memory_group_state {
public:
  using time = std::chrono::steady_clock::time_point;

  memory_group_state(std::chrono::nanoseconds ack_timeout, std::size_t max_in_flight)
      : ack_timeout_(ack_timeout), max_in_flight_(max_in_flight) {}

  /// One that is due again; none: a new one may be begun, when there is room.
  std::optional<memory_delivery> next(time now);
  bool has_room() const noexcept { return in_flight_.size() < max_in_flight_; }
  /// The first delivery of a message.
  memory_delivery begin(group_key key, time now);

  // What settles a delivery that is over, settles the message all the same. What is not in flight is passed over.

  bool acknowledge(group_key key);
  void retry_at(group_key key, time due);
  void extend(group_key key, time now);

  /// When next() has something again; none: nothing is in flight.
  std::optional<time> due() const;
  std::vector<group_key> all() const;
  std::size_t in_flight() const noexcept { return in_flight_.size(); }

private:
  struct entry {
    unsigned attempt = 1;
    time due{};
  };
  void set_due(group_key key, entry& e, time due);

  std::chrono::nanoseconds const ack_timeout_;
  std::size_t const max_in_flight_;
  std::map<group_key, entry> in_flight_;
  std::set<std::pair<time, group_key>> by_due_;
};

} // namespace aether::detail
