// Stored messages as events: parsed where they are taken, and held against the subject they stand on.
#pragma once

#include "nats/message_source.hpp"
#include "nats/store_core.hpp"

#include <aether/event_feed.hpp>
#include <aether/json.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <string>

namespace aether::nats::detail {

/// Of every actor, or of one: then `actor_id` is not empty, and two actors that meet on its subject are actor_mismatch.
class stored_feed final : public event_feed, public std::enable_shared_from_this<stored_feed> {
public:
  /// `event_id`: of the event at `sequence`, behind which the source begins.
  stored_feed(std::shared_ptr<store_core> store, std::shared_ptr<stream_identity const> identity,
              std::shared_ptr<message_source> source, std::string actor_id, std::uint64_t sequence,
              std::string event_id);

  feed_step take(recorded_event& into, replay_error& malformed) override;
  awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override;
  void pass_over(std::function<bool(std::string_view)> is_known) override { is_known_ = std::move(is_known); }
  std::string last_bytes() const override { return std::string(last_.data); }
  position where() const override;
  std::uint64_t behind() const override { return source_->behind(); }
  void stop() noexcept override;

private:
  static awaitable<void> wait_until(std::shared_ptr<stored_feed> self, steady_time deadline);
  bool parse(event& out, parse_error& bad);

  std::shared_ptr<store_core> const store_; // which keeps the connection
  subject_map const& subjects_;
  std::shared_ptr<stream_identity const> const identity_;
  std::shared_ptr<message_source> const source_;
  std::string const actor_id_;
  fetched_message last_;
  std::uint64_t sequence_;
  std::string event_id_;
  std::function<bool(std::string_view)> is_known_;
  std::exception_ptr ended_; // two actors on one subject
  std::atomic<bool> stopped_{false};
};

} // namespace aether::nats::detail
