// A node's lease on its name, and what it knows of the others': what to do next, decided on values. Pure; no clock of
// another machine takes part.
#pragma once

#include <aether/placement.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::detail {

/// What a node writes under its name.
struct node_record {
  placed_node node;
  std::uint64_t renewal = 0; ///< counts the writes of this incarnation

  node_record() = default;
};

/// The same as it is kept, or the mark of one that left.
struct kept_record {
  node_record value; ///< of a mark only the name
  std::uint64_t sequence = 0;
  bool is_mark = false;

  kept_record() = default;
};

enum class lease_step {
  open,  ///< find the bucket, or make it
  read,  ///< what is kept under this node's name
  write, ///< a renewal, behind the message `expected`
  mark,  ///< that this node has left, likewise
  list,  ///< what is kept of all nodes
  wait,
  stop,
};

struct lease_action {
  lease_step what = lease_step::wait;
  std::uint64_t expected = 0;
  std::uint64_t renewal = 0;        ///< of a write: its number; of a mark 0
  std::chrono::nanoseconds until{}; ///< of wait: at the latest
};

/// One step at a time: next(), and then what became of it. What is heard may come in between.
class lease_machine {
public:
  using time = std::chrono::nanoseconds; // of this machine's steady clock

  struct settings {
    placed_node self;
    time lease{};
    bool observes = false; ///< announces nothing and owns nothing
  };
  static constexpr std::size_t max_nodes = 256;

  lease_machine(settings s, time now);

  lease_action next(time now);

  /// The bucket is there; `identity` is another one when it was made anew.
  void opened(std::string identity, time now);
  /// An open, read or listing was not answered, or refused: it is asked again.
  void failed(time now);
  void read(std::optional<kept_record> found, time now);
  void stored(std::uint64_t renewal, std::uint64_t sequence, time now); ///< a write, or a mark
  void refused(time now);    ///< another message was written before
  void unanswered(time now); ///< a write or mark: it may be stored
  void no_bucket(time now);
  /// `began` is when it was asked for.
  void listed(std::vector<kept_record> const& all, time began, time now);
  /// The connection was lost and is back.
  void reconnected(time now);

  /// What passes by on its way to the bucket: a hint, as what is refused passes too.
  void heard(node_record const& r, time now);
  void heard_mark(std::string_view node, time now);

  void leave(time now);
  /// Left, whatever is kept.
  void end_now() { end(placement_state::left); }

  // What it comes to.

  placement_state state() const noexcept { return state_; }
  std::uint64_t held_sequence() const noexcept { return holds_ ? expected_ : 0; } ///< of this node's key
  bool is_listed() const noexcept { return is_listed_; } ///< the others are known
  bool is_live(time now) const noexcept { return state_ == placement_state::live && now < owned_until_; }
  /// Sorted by name.
  std::vector<placed_node> nodes() const;
  lease_stamp stamp_of(std::string_view node) const;
  bool is_late(lease_stamp const& stamp) const noexcept;
  /// Another process lives under the name, though this one never joined.
  std::string const& other_incarnation() const noexcept { return other_incarnation_; }

private:
  struct peer {
    placed_node node;
    std::uint64_t renewal = 0;
    std::uint64_t sequence = 0;
    std::string bucket; // in which it was listed last
    time seen_at{};     // renewed
    time heard_at{};
  };
  /// The last that was known of a peer that was not renewed.
  struct dead_peer {
    std::string bucket;
    std::uint64_t sequence = 0;
  };
  struct foreign_key {
    std::uint64_t sequence;
    time since, look_at;
    foreign_key(std::uint64_t s, time now) : sequence(s), since(now), look_at(now) {}
  };

  void expire(time now);
  bool is_dead(kept_record const& r) const;
  void found_own(kept_record const& found, time now);
  void found_foreign(kept_record const& found, time now);
  void count_from(std::uint64_t renewal, time now);
  void revive(time now);
  void hint(time now);
  void end(placement_state how);
  time wake_at() const;
  lease_action write(time now);

  settings const s_;
  placement_state state_;
  std::string bucket_;
  bool is_open_ = false, is_listed_ = false, is_known_ = false, holds_ = false, leaves_ = false;
  bool ever_held_ = false;
  std::uint64_t expected_ = 0;
  std::uint64_t renewal_ = 0;
  std::map<std::uint64_t, time> sent_; // renewals that nobody has answered
  std::optional<foreign_key> foreign_;
  std::optional<time> hinted_at_;
  std::string other_incarnation_;
  time owned_until_{}, renew_at_{}, retry_at_{}, list_at_{}, leave_by_{};
  int refusals_ = 0; // in a row
  std::map<std::string, peer, std::less<>> peers_;
  std::map<std::string, dead_peer, std::less<>> dead_;
};

} // namespace aether::detail
