// One actor's messages from a sequence on, to where they ended when this began: by the fastest way the server has.
#pragma once

#include "nats/message_source.hpp"
#include "nats/stream_access.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace aether::nats::detail {

struct actor_range {
  std::string subject;
  std::uint64_t from = 1;
  std::size_t window_messages = 0;
  std::size_t window_bytes = 0;

  actor_range() = default;
};

/// Batches of direct gets where the server has them, which make no consumer; else a consumer; and message by message
/// from the leader where neither is allowed. It covers at least what the leader held when it was first waited for.
std::shared_ptr<message_source> make_actor_source(std::shared_ptr<stream_access const> stream, actor_range range);

} // namespace aether::nats::detail
