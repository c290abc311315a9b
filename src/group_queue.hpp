// What a group's members in one process hold and have in work, decided on values: what is handed out next, what has to
// be kept alive meanwhile, and how much more is wanted.
#pragma once

#include <aether/group_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace aether::detail {

enum class group_verdict {
  hand_out,
  pass_over, ///< not chosen by the filter: acknowledged unseen
  give_up,   ///< a dead letter
};

/// What becomes of a delivery, and for give_up why.
group_verdict judge(group_delivery const& d, group_options const& options, dead_letter_note& note);

/// Not thread-safe. `options`: with their defaults filled in.
class group_queue {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit group_queue(group_options const& options)
      : ordered_(options.ordered_per_actor), ack_timeout_(options.ack_timeout) {}

  /// A message that was judged worth it. What is there already of the same one is replaced: that delivery is over.
  void push(group_delivery d, time now);

  /// The first that may be handed out: in work from then on. Those that were held for ack_timeout are dropped: they are
  /// delivered again.
  std::optional<group_delivery> take(time now);
  /// Whether take() had something.
  bool has(time now) const;

  /// One of this actor that was handed out is settled or dropped.
  void end_work(std::string const& actor_id);
  /// The message is settled: another delivery of it need not be handed out.
  void forget(bool retried, std::uint64_t sequence);

  /// Keeps alive what has been held for a while.
  void keep_alive(time now);

  /// How many more messages are wanted when `waiting` members wait and `ahead` are to be fetched for later, at most
  /// `bytes` of them. While what is held waits for its actors, others are fetched, but not without bound.
  std::size_t wanted(std::size_t waiting, std::size_t ahead, std::size_t bytes, time now) const;

  std::vector<group_delivery> drain();
  std::size_t size() const noexcept { return held_.size(); }

  static constexpr std::size_t held_back_at_most = 64;

private:
  struct held {
    group_delivery delivery;
    time alive; // when it was delivered, or kept alive last
  };

  bool is_free(held const& h) const;
  bool is_over(held const& h, time now) const { return now - h.alive >= ack_timeout_; }

  bool const ordered_;
  std::chrono::nanoseconds const ack_timeout_;
  std::deque<held> held_; // as delivered
  std::size_t bytes_ = 0;
  std::unordered_multiset<std::string> in_work_; // actors
};

} // namespace aether::detail
