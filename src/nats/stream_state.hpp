// What a stream is and how far it reaches, as its leader says; and whether reading can go on in it.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/stream_access.hpp"

#include <aether/recorded_event.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace aether::nats::detail {

struct stream_state {
  time_point created{};
  std::uint64_t first = 1; ///< nothing is below it; last + 1 when there is nothing
  std::uint64_t last = 0;  ///< given so far
  time_point first_time{}; ///< when the first one was stored; the epoch: not known, or there is none
};

/// Throws protocol_error when it cannot be read.
stream_state state_of(stream_answer const& answer);

std::string stream_info_subject(stream_access const& stream);

/// Throws stream_not_found, timed_out, connection_lost, closed, permission_denied.
boost::asio::awaitable<stream_state> read_stream_state(std::shared_ptr<stream_access const> stream,
                                                       steady_time deadline);

/// For so long a leader that is none any more may answer reads (seen: up to 10 s), and lack what another one has.
inline constexpr std::chrono::seconds stale_leader(12);

/// Whether somebody who has read everything below `next` can go on.
enum class continuity {
  goes_on,
  another_stream, ///< it was deleted and made again
  shorter,        ///< it does not reach so far. With replicas a leader that is none any more says so too
  expired,        ///< messages from `next` on are gone
};
continuity judge(stream_state const& now, time_point created, std::uint64_t next) noexcept;

/// What it throws for that, with goes_on excluded: position_invalid or start_expired.
[[noreturn]] void throw_broken(continuity why, stream_access const& stream, stream_state const& now,
                               std::uint64_t next);

} // namespace aether::nats::detail
