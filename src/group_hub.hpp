// What the members of a group that share a store object share: the queue, who waits for it, and the store's messages.
#pragma once

#include "detail/wait.hpp"
#include "group_queue.hpp"

#include <aether/group_source.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace aether {

/// Thread-safe. It runs only while a member waits, looks or settles.
class group_hub final : public std::enable_shared_from_this<group_hub> {
public:
  using time = std::chrono::steady_clock::time_point;

  /// For make_group_hub().
  group_hub(std::shared_ptr<group_source> source, group_options const& options);
  ~group_hub();

  void join(std::size_t ahead, std::size_t bytes);
  void leave(std::size_t ahead, std::size_t bytes) noexcept;

  /// The next event; none: the deadline passed. Throws operation_aborted when its member `has_left`.
  static awaitable<std::optional<group_delivery>>
  next(std::shared_ptr<group_hub> self, std::shared_ptr<std::atomic<bool> const> has_left, time deadline);
  std::optional<group_delivery> try_next();

  /// One that was handed out is settled, or dropped.
  void end_work(std::string const& actor_id) noexcept;
  /// It will not come again.
  void forget(bool retried, std::uint64_t sequence) noexcept;
  /// Something may be there for one who waits, as the store says.
  void changed() noexcept;
  /// One in work was given more time: what is held meanwhile needs it too.
  void keep_alive() noexcept;

  std::chrono::nanoseconds operation_timeout() const noexcept { return source_->operation_timeout(); }

private:
  using waiter = std::shared_ptr<detail::wait_state<bool>>;
  class waiting;
  class tending;
  struct given_up {
    group_delivery delivery;
    dead_letter_note note;

    given_up() = default;
    given_up(group_delivery d, dead_letter_note n) : delivery(std::move(d)), note(std::move(n)) {}
  };
  enum class todo { hand_out, give_up, tend, give_way, wait, leave };
  struct step {
    todo what = todo::wait;
    std::optional<group_delivery> event;
    given_up letter;
    time until{};
    std::uint64_t seen = 0;

    step() = default;
  };

  /// Whoever waits, and when it looks again by itself.
  struct parked {
    waiter who;
    time until{};
  };

  void give_all_back() noexcept;
  step look(time now, time until, std::atomic<bool> const& has_left);
  bool take_one(time now);
  std::optional<group_delivery> find(std::size_t others, time now, time until, bool& more);
  bool something_to_do(time now) const;
  void park(parked p, std::uint64_t seen);
  void pass_on(std::unique_lock<std::mutex> lock) noexcept;
  static awaitable<void> write_letter(std::shared_ptr<group_hub> self, given_up letter, time deadline);

  std::shared_ptr<group_source> const source_;
  group_options const options_;
  mutable std::mutex mutex_;
  detail::group_queue queue_;
  std::deque<given_up> given_up_;
  std::deque<parked> waiters_;
  std::uint64_t changes_ = 0;
  std::size_t waiting_ = 0;
  std::size_t members_ = 0;
  std::size_t ahead_ = 0;
  std::size_t bytes_ = 0;
  bool tending_ = false;
};

} // namespace aether
