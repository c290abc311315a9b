// How much to ask a consumer for, so that what was fetched and not taken stays within a window.
#pragma once

#include "nats/consumer_order.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace aether::nats::detail {

/// Two pulls of half the window each are under way while there is room: what one leaves to be taken makes room for the
/// next. As many messages as will fit are asked for: a server whose next message exceeds a pull's bytes ends that pull
/// and then waits for another one, though there may be one. A message that is larger than half of the bytes is asked
/// for alone, once nothing else is held.
class pull_window {
public:
  pull_window(std::size_t messages, std::size_t bytes) noexcept;

  /// What to ask for now; none: enough is under way, or there is no room.
  std::optional<pull> next() noexcept;
  void on_message(std::size_t size) noexcept;
  void on_taken(std::size_t size) noexcept;
  /// The consumer is gone, and its pulls with it; what came is still held.
  void restart() noexcept;
  /// A status message; `unfulfilled`: its Nats-Pending-Messages header.
  pull_status on_status(int status, std::optional<std::uint64_t> unfulfilled) noexcept;

  bool waiting() const noexcept { return pulls_ > 0; }
  std::uint64_t under_way() const noexcept; ///< messages asked for that have not come

private:
  struct asked {
    std::uint64_t left = 0;
    std::size_t bytes = 0; ///< 0: without limit
    bool fruitless = true;
  };
  void ended() noexcept;

  std::size_t const messages_;
  std::size_t const bytes_;
  std::array<asked, 2> under_way_{}; // the older first
  std::size_t pulls_ = 0;
  std::size_t held_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t average_ = 0; // of the messages of late
  unsigned fruitless_ = 0; // pulls in a row that ended at once and brought nothing
};

} // namespace aether::nats::detail
