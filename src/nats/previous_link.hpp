// Where a message's predecessor on its subject stands, as far as its own headers tell.
#pragma once

#include "nats/api_answer.hpp"

#include <cstdint>

namespace aether::nats::detail {

enum class link_kind {
  at,    ///< at `sequence`, unless it expired
  none,  ///< there was none when the message was stored
  untold, ///< the headers do not tell: it has to be searched
};

struct previous_link {
  link_kind kind = link_kind::untold;
  std::uint64_t sequence = 0;
  std::string_view batch; ///< when not empty: what stands there has to be of this batch
};

/// The server compared `Nats-Expected-Last-Subject-Sequence` with the subject's last sequence before it stored the
/// message. Of a batch only the first message carries it, and the others stand right behind each other. The view points
/// into the message.
previous_link link_of(stored_message const& message) noexcept;

} // namespace aether::nats::detail
