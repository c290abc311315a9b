// One attempt at an atomic batch: its messages in order, the first and the commit waited for.
#pragma once

#include "nats/publish_ack.hpp"
#include "nats/save_operation.hpp"
#include "nats/stream_access.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace aether::nats::detail {

struct batch_to_publish {
  std::string subject;
  save_items const* items = nullptr; ///< must outlive the call
  std::uint64_t expected_sequence = 0;
  std::string id;

  batch_to_publish() = default;
};

struct batch_answer {
  publish_verdict verdict; ///< stored: the sequence of the batch's last message
  std::string text;

  batch_answer() = default;
};

/// Without its commit nothing of a batch is ever stored: until then a lost answer is no open attempt.
boost::asio::awaitable<batch_answer> publish_batch(std::shared_ptr<stream_access const> stream, batch_to_publish batch,
                                                   steady_time deadline);

} // namespace aether::nats::detail
