// One actor's messages from the last one back: each tells where the one before it stands.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/message_source.hpp"
#include "nats/stream_access.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aether::nats::detail {

/// One round trip to the leader a message, whatever lies between them. Where the headers do not tell, as with messages
/// of other writers, it asks for the last one below by a direct get (from server 2.11 on), else by bisection.
class backward_source final : public message_source, public std::enable_shared_from_this<backward_source> {
public:
  /// Begins with the last message, or with the last one that stands below `below`.
  backward_source(std::shared_ptr<stream_access const> stream, std::string subject, std::optional<std::uint64_t> below);

  source_step take(fetched_message& into) override;
  boost::asio::awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override;
  std::uint64_t behind() const override { return 0; } ///< nobody counts them

private:
  using message = std::optional<stored_message>;

  static boost::asio::awaitable<void> run(std::shared_ptr<backward_source> self, steady_time deadline);
  static boost::asio::awaitable<message> before_last(std::shared_ptr<backward_source> self, steady_time deadline);

  std::shared_ptr<stream_access const> const stream_;
  std::string const subject_;
  std::optional<std::uint64_t> const below_;
  message waiting_;
  message last_; // taken
  bool at_end_ = false;
  bool said_end_ = false;
};

} // namespace aether::nats::detail
