// Shows every message on one subject from a sequence on, in order, each once, by the fastest way the server has.
#pragma once

#include "nats/message_visitor.hpp"
#include "nats/stream_access.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace aether::nats::detail {

struct read_range {
  std::string subject;    ///< without wildcards
  std::uint64_t next = 1; ///< everything below has been shown, or was not asked for

  read_range() = default;
  read_range(std::string s, std::uint64_t n) : subject(std::move(s)), next(n) {}
};

/// Why one way of reading came to its end.
enum class read_stop {
  at_end,      ///< nothing was behind what has been shown
  stuck,       ///< it does not go on from here: the leader has to be asked for the next message
  unavailable, ///< this way is not there on this server
  many_more,   ///< so much follows that making a consumer pays
};

/// Covers at least what the leader held when this began, and survives lost connections until `deadline`. `visitor`
/// outlives the awaitable. Throws timed_out, connection_lost, closed, permission_denied, stream_not_found, what the
/// server answered, and what the visitor throws.
boost::asio::awaitable<void> read_subject(std::shared_ptr<stream_access const> stream, read_range range,
                                          message_visitor& visitor, steady_time deadline);

/// Lets others on this executor run; throws operation_aborted when cancelled, timed_out when `deadline` passed.
boost::asio::awaitable<void> yield(steady_time deadline);

/// Waits, after the connection was lost, until there is one; throws connection_lost, closed.
boost::asio::awaitable<void> reconnected(std::shared_ptr<stream_access const> stream, steady_time deadline);

} // namespace aether::nats::detail
