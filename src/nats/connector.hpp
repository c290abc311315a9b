// Threads on which cnats may block while it connects, owned and joined by the execution context.
#pragma once

#include <boost/asio/execution_context.hpp>

#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace aether::nats::detail {

/// One thread an attempt, as an attempt may take two seconds and several connections may try at once. A job must
/// not outlive its own bounded work, nor throw.
class connector final : public boost::asio::execution_context::service {
public:
  using key_type = connector;
  static inline boost::asio::execution_context::id id;

  explicit connector(boost::asio::execution_context& context) : service(context) {}

  /// False when the context is going.
  bool run(std::function<void()> job);

private:
  struct worker {
    std::thread thread;
    bool ended = false;
  };

  void shutdown() noexcept override;

  std::mutex mutex_;
  bool going_ = false;
  std::list<worker> workers_;
};

} // namespace aether::nats::detail
