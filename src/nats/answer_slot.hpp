// The answer of one request, kept for whoever waits for it, which may be somebody else than who asked.
#pragma once

#include "detail/wait.hpp"
#include "nats/request.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace aether::nats::detail {

/// One coroutine at a time waits; one that is cancelled or out of time leaves the answer to the next.
class answer_slot : public reply_sink {
public:
  bool on_reply(native_message reply) override;
  void on_no_answer(no_answer why) override;

  /// The answer, once; none: not by `until`. Throws operation_aborted.
  static boost::asio::awaitable<std::optional<answer>> wait(std::shared_ptr<answer_slot> self, steady_time until);

protected:
  ~answer_slot() = default;
  /// Called on the strand once the answer is there, whether anybody waits or not.
  virtual void answered() {}

private:
  void end(answer a);

  std::mutex mutex_;
  std::optional<answer> answer_;
  std::shared_ptr<aether::detail::wait_state<bool>> waiting_;
};

/// Asks, and leaves the answer, or why there is none by `deadline`, in the slot.
std::shared_ptr<answer_slot> ask_into_slot(std::shared_ptr<connection_core> const& core, std::string const& subject,
                                           std::string const& data, steady_time deadline);

} // namespace aether::nats::detail
