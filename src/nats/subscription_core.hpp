// What a subscription is behind its handle: a bounded buffer between the connection's strand and its receiver.
#pragma once

#include "detail/wait.hpp"
#include "nats/connection_core.hpp"

#include <aether/nats/subscription.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace aether::nats::detail {

/// Thread-safe: messages come in on the connection's strand, receivers take them out anywhere.
class subscription_core final : public message_sink {
public:
  /// Zero in an option means its default.
  explicit subscription_core(subscription_options const& options);

  // On the strand.
  void on_message(native_message message) override;
  void on_no_responders() override;
  void on_refused() override { end(ended_by::refusal); }
  void on_interrupted(bool closed) override;

  enum class ended_by { nothing, close, refusal };

  /// No message comes any more; those that wait are still to be had.
  void end(ended_by why);
  std::optional<message> take();
  ended_by ended() const;
  std::uint64_t dropped() const;
  /// Completes `waiting` as soon as there is a message or the end: at once, or later.
  void wake_when_ready(std::shared_ptr<aether::detail::wait_state<bool>> waiting);

  // Set once, before the handle exists.
  std::weak_ptr<connection_core> connection;
  std::uint64_t id = 0;

private:
  struct held {
    native_message native;
    message status; ///< when there is no native one
    std::size_t bytes = 0;
  };
  void add(held h);

  std::size_t const max_messages_;
  std::size_t const max_bytes_;

  mutable std::mutex mutex_;
  std::deque<held> held_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  ended_by ended_ = ended_by::nothing;
  std::vector<std::shared_ptr<aether::detail::wait_state<bool>>> waiting_;
};

} // namespace aether::nats::detail
