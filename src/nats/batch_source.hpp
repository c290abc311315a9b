// An actor's messages in batches of direct gets: while one is taken the next is on its way.
#pragma once

#include "nats/actor_source.hpp"
#include "nats/api_answer.hpp"
#include "nats/direct_request.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace aether::nats::detail {

/// This way of reading is not there: another one has to go on behind what was taken.
struct way_is_closed {};

class batch_source final : public message_source, public std::enable_shared_from_this<batch_source> {
public:
  /// `target`: the leader's last sequence on the subject, where a copy that answers may know less.
  batch_source(std::shared_ptr<stream_access const> stream, actor_range range, std::optional<std::uint64_t> target);

  source_step take(fetched_message& into) override;
  /// Throws way_is_closed too.
  boost::asio::awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override;
  std::uint64_t behind() const override { return expected_; }

private:
  static boost::asio::awaitable<void> run(std::shared_ptr<batch_source> self, steady_time deadline);
  static boost::asio::awaitable<void> read_one(std::shared_ptr<batch_source> self, steady_time deadline);

  std::size_t half_window() const noexcept;
  void ask(std::size_t bytes);
  void ask_ahead();
  void absorb(fetched_batch got);
  bool is_at_end() const noexcept;

  std::shared_ptr<stream_access const> const stream_;
  actor_range const range_;
  std::optional<std::uint64_t> const target_;

  std::uint64_t next_;        // everything below has been taken
  std::uint64_t fetch_next_;  // or is held
  std::unique_ptr<batch_request> asked_;
  steady_time asked_at_{};
  std::size_t come_ = 0;      // of what was asked for, when it was last looked at
  std::vector<native_message> held_;
  std::size_t held_bytes_ = 0;
  std::size_t taken_ = 0;     // of held_
  std::optional<stored_message> single_; // from the leader, where batches do not go on
  bool single_taken_ = false;
  bool began_ = false;        // it is known how many there are
  std::uint64_t expected_ = 0; // messages that were there when this began and have not been taken
  bool drained_ = false;      // nothing was behind what has come
  bool said_caught_up_ = false;
  unsigned fruitless_ = 0;
  bool leader_is_next_ = false;
};

} // namespace aether::nats::detail
