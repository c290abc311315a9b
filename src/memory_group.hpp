// A group of an embedded store.
#pragma once

#include "memory_group_state.hpp"
#include "memory_letters.hpp"
#include "memory_log.hpp"
#include "memory_source.hpp"

#include <aether/group_source.hpp>

#include <array>
#include <functional>
#include <memory>
#include <mutex>

namespace aether::detail {

/// Thread-safe.
class memory_group final : public group_source, public std::enable_shared_from_this<memory_group> {
public:
  /// Begins behind a sequence.
  memory_group(std::shared_ptr<memory_log> log, std::shared_ptr<memory_letters> letters, group_options const& options,
               std::uint64_t behind, std::chrono::nanoseconds operation_timeout);

  void on_change(std::function<void()> changed) override { changed_ = std::move(changed); }
  void want(std::size_t messages, std::size_t bytes, time now, time until) override;
  bool take(group_delivery& into, time now) override;
  time due() const override;
  bool needs_tending(time) const override { return false; }
  awaitable<void> tend(time deadline) override;
  void pause() noexcept override;
  std::chrono::nanoseconds operation_timeout() const noexcept override { return operation_timeout_; }

  /// Something was saved, a letter is to be retried, or the store was closed: who waits looks.
  void wake() const;
  /// It was deleted: whoever waits hears of it, and what was being retried waits for another group of the name.
  void end();

private:
  class ticket;

  stored_event const* peek() const;
  void check_there() const;

  std::shared_ptr<memory_log> const log_;
  std::shared_ptr<memory_letters> const letters_;
  std::string const name_;
  std::chrono::nanoseconds const operation_timeout_;
  std::function<void()> changed_;

  mutable std::mutex mutex_;
  memory_group_state state_;
  std::unique_ptr<memory_source> const source_;
  mutable std::array<stored_event const*, 64> piece_{}; // read ahead
  mutable std::size_t next_ = 0;
  mutable std::size_t count_ = 0;
  std::size_t wanted_ = 0;
  bool deleted_ = false;
};

} // namespace aether::detail
