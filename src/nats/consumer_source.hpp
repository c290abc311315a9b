// Messages from a consumer that is made anew whenever it is lost: from where it was, each once, in order.
#pragma once

#include "nats/answer_slot.hpp"
#include "nats/held_messages.hpp"
#include "nats/message_source.hpp"
#include "nats/pull_window.hpp"
#include "nats/reading_consumer.hpp"
#include "nats/store_core.hpp"
#include "nats/stream_start.hpp"

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether::nats::detail {

struct source_options {
  std::vector<std::string> filters; ///< subjects
  expired_start on_expired = expired_start::refuse;
  std::size_t window_messages = 0;
  std::size_t window_bytes = 0;
  /// Caught up is what was there when the consumer was made, in place of the start's target: one copy knows everything,
  /// and need not be asked before.
  bool to_what_is_there = false;

  source_options() = default;
};

/// Lives on; catching up is only a mark on the way. Everything is done while somebody waits. It ends with
/// stream_not_found, position_invalid (made again, or shorter than what was read), start_expired, permission_denied,
/// closed, or what the server answers for a consumer.
class consumer_source final : public message_source,
                              public store_core::closable,
                              public std::enable_shared_from_this<consumer_source> {
public:
  consumer_source(std::shared_ptr<stream_access const> stream, stream_start start, source_options options);

  /// Until its first consumer is there. Throws what ended it, timed_out, connection_lost.
  static boost::asio::awaitable<void> begin(std::shared_ptr<consumer_source> self, steady_time deadline);

  source_step take(fetched_message& into) override;
  boost::asio::awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override;
  std::uint64_t behind() const override;
  void store_closed() noexcept override;
  void stop() noexcept override;

private:
  enum class phase { idle, verifying, creating, reading };

  static boost::asio::awaitable<void> run(std::shared_ptr<consumer_source> self, steady_time deadline);
  static boost::asio::awaitable<void> connect(std::shared_ptr<consumer_source> self, steady_time deadline);
  static boost::asio::awaitable<void> verify(std::shared_ptr<consumer_source> self, steady_time deadline);
  static boost::asio::awaitable<void> create(std::shared_ptr<consumer_source> self, steady_time deadline);
  static boost::asio::awaitable<void> read(std::shared_ptr<consumer_source> self, steady_time deadline);
  static boost::asio::awaitable<void> ask_what_is_left(std::shared_ptr<consumer_source> self, steady_time deadline);

  std::shared_ptr<consumer_inbox> inbox_now() noexcept;
  bool take_held(fetched_message& into);
  bool is_at_end() const noexcept;
  void absorb(arrived got);
  bool on_delivered(delivered_message const& d);
  bool on_status(native_message const& status);
  bool is_answered(answer const& reply, char const* forbidden);
  void on_state(answer const& reply);
  void on_created(creation_result const& result);
  void on_left(answer const& reply);
  void start_creating();
  void ask();
  void lose();
  void set_consumer(std::shared_ptr<reading_consumer> consumer);
  void end_with(std::exception_ptr why);
  void end_with(errc code, std::string const& why);
  void leave_last_per_subject();
  bool seems_drained() const noexcept;
  bool nothing_has_expired() const;

  std::shared_ptr<stream_access const> const stream_;
  std::shared_ptr<stream_identity const> const identity_;
  source_options const options_;
  std::uint64_t const target_;
  std::chrono::nanoseconds const heartbeat_;

  phase phase_ = phase::idle;
  bool last_per_subject_;
  bool listed_again_ = false; // the last ones are read a second time
  bool filter_here_ = false; // the server cannot filter by several subjects
  bool began_ = false; // a consumer has been there
  std::uint64_t next_; // everything below has been taken
  std::uint64_t fetch_next_; // or is held
  std::shared_ptr<answer_slot> state_asked_;
  std::shared_ptr<reading_consumer> consumer_;
  std::optional<consumer_order> order_;
  pull_window window_;
  held_messages held_;
  std::size_t taken_ = 0; // since it was looked whether there is room to ask for more
  std::uint64_t pending_ = 0; // behind the last one held
  std::int64_t not_before_; // nothing behind it was stored earlier: nanoseconds since the epoch; 0: not known
  std::int64_t const made_at_;
  std::int64_t created_at_ = 0; // when the consumer was asked for
  bool drained_ = false; // the server had nothing more when it was last heard
  bool nothing_left_ = false; // up to the target, though it was not reached
  std::optional<std::uint64_t> left_; // to be taken, of what was there when the consumer was made
  std::size_t asked_of_ = 0; // of the filters, for what is left
  std::shared_ptr<answer_slot> left_asked_;
  bool said_caught_up_ = false;
  unsigned failures_ = 0; // in a row
  steady_time retry_at_{};
  steady_time heard_{};
  steady_time pulled_{};
  steady_time looked_{};
  std::optional<steady_time> shorter_since_;
  std::exception_ptr ended_;

  std::mutex mutex_;
  std::shared_ptr<consumer_inbox> inbox_; // of consumer_, for store_closed()
};

} // namespace aether::nats::detail
