// What has come for a consumer and was not taken: filled on the connection's strand, emptied by one coroutine.
#pragma once

#include "detail/wait.hpp"
#include "nats/connection_core.hpp"
#include "nats/consumer_order.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace aether::nats::detail {

/// Since the epoch, by this machine's clock, as servers tell when a message was stored by theirs.
std::int64_t nanoseconds_now() noexcept;

struct delivered_message {
  native_message message;
  std::optional<delivery> where; ///< none: a status message, or nothing that is understood

  delivered_message() = default;
  delivered_message(native_message m, std::optional<delivery> w) : message(std::move(m)), where(w) {}
};

/// What has come for a consumer since it was last asked.
struct arrived {
  std::vector<delivered_message> messages; ///< as they came
  bool interrupted = false;             ///< the connection was lost behind them
  bool closed = false;
  bool refused = false;                 ///< the server refused the subscription
  bool stopped = false;                 ///< nobody wants any more
  bool may_not_pull = false;            ///< the server refused the pull
  bool nobody = false;                  ///< a pull met no consumer
  bool silent = false;                  ///< nothing came for too long
  std::int64_t status_at = 0;           ///< when the last status message came: nanoseconds since the epoch, here

  arrived() = default;
};

class consumer_inbox final : public message_sink {
public:
  // On the strand.
  void on_message(native_message message) override;
  void on_no_responders() override;
  void on_refused() override;
  void on_interrupted(bool closed) override;
  void on_pull_refused();
  void on_stopped();

  /// Completes `waiting` once so many messages are there, or something that cannot wait.
  void wait(std::uint64_t messages, std::shared_ptr<aether::detail::wait_state<bool>> waiting);
  arrived take();

private:
  void wake(std::unique_lock<std::mutex> lock);

  std::mutex mutex_;
  arrived got_;
  bool urgent_ = false;
  std::uint64_t last_ = 0; // consumer sequence
  std::uint64_t wanted_ = 0;
  std::shared_ptr<aether::detail::wait_state<bool>> waiting_;
};

/// Until so many messages are there, or something that cannot wait, or the time has come. Throws operation_aborted.
boost::asio::awaitable<arrived> wait_for(std::shared_ptr<consumer_inbox> inbox, std::uint64_t messages,
                                         steady_time until);

} // namespace aether::nats::detail
