// Threads on which cnats may block while it connects, owned by the execution context.
#pragma once

#include <boost/asio/execution_context.hpp>

#include <functional>
#include <memory>

namespace aether::nats::detail {

/// One thread an attempt, as several connections may try at once and nothing can stop an attempt: cnats has no limit
/// for a TLS handshake, the system's resolver none for a name. A job holds what it uses and nothing of the context,
/// and does not throw: one that does not end soon is left behind when the context goes, and ends by itself.
class connector final : public boost::asio::execution_context::service {
public:
  using key_type = connector;
  static inline boost::asio::execution_context::id id;

  explicit connector(boost::asio::execution_context& context);
  ~connector() override;

  /// False when the context is going, or there is no thread to be had.
  bool run(std::function<void()> job);

private:
  struct workers;

  void shutdown() noexcept override;

  std::shared_ptr<workers> workers_;
};

} // namespace aether::nats::detail
