// A strand that serializes the saves of its actors: turns in the order they came, and the cache that decides early.
#pragma once

#include "detail/serial.hpp"
#include "nats/save_operation.hpp"
#include "nats/version_cache.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace aether::nats::detail {

/// A save as the cache sees it, before it costs anything.
struct save_glance {
  hashed_id actor_id;
  std::string_view event_id;
  save_request request;
};

class save_lane {
public:
  save_lane(boost::asio::any_io_executor const& executor, std::size_t cache_bytes, std::size_t at_once,
            std::chrono::nanoseconds max_age);

  // Any thread.

  /// Decides from the cache alone, without suspending, when the lane is idle and the caller runs on its context: the
  /// machine's last step, if it can end there. Else none: submit the save.
  std::optional<save_step> glance(save_glance const& save);
  /// Queues a save for its actor's turn; closes it when the context is gone, or goes first.
  void submit(std::shared_ptr<save_operation> save);
  /// The caller of a save has gone: takes it out if it still waits.
  void withdraw(std::shared_ptr<save_operation> save);
  /// The store is closed: what waits for its turn ends with `closed`, and what was handed over is listed.
  void end_waiting(std::shared_ptr<store_core> keep,
                   std::shared_ptr<aether::detail::wait_state<std::vector<unknown_save>>> done);
  /// Hands on from whatever thread an answer came.
  template <class... Function> auto dispatch(Function... function) { return strand_.dispatch(std::move(function)...); }
  template <class... Function> auto post(Function... function) { return strand_.post(std::move(function)...); }

  // On the strand.

  /// A save that proceed() began has ended.
  void ended(save_operation& save);
  /// What the cache knows of an actor: known and not expired.
  std::optional<subject_state> known(hashed_id const& actor_id);
  /// A read of the leader told the actor's current state; ignored while a save has the turn, which knows better.
  void learn(hashed_id const& actor_id, subject_state const& state, aether::detail::hash128 const& event_id,
             std::chrono::nanoseconds age);
  boost::asio::any_io_executor executor() const { return strand_.executor(); }
  std::size_t cache_bytes() const noexcept { return cache_.bytes(); }

  /// In the context's shutdown.
  void shutdown() noexcept;

private:
  void take_turns(actor_entry& entry);
  void grant();
  void pop(actor_entry& entry);
  void remember(actor_entry& entry, std::optional<subject_state> const& state, aether::detail::hash128 const& event_id,
                std::chrono::nanoseconds age);
  std::optional<subject_state> state_of(actor_entry const& entry, std::string_view event_id,
                                        save_request const& request) const;
  std::optional<save_step> decide(save_glance const& save);

  aether::detail::serial strand_;
  version_cache cache_;
  std::size_t const at_once_;
  std::chrono::nanoseconds const max_age_; // of the stream; 0: for ever
  std::size_t in_flight_ = 0;
  std::deque<std::pair<std::shared_ptr<save_operation>, save_step>> waiting_; // for in_flight_ to go down
};

} // namespace aether::nats::detail
