// One page by HTTP, without TLS, bounded in time and size.
#pragma once

#include "detail/deadline_queue.hpp"
#include "nats/http_answer.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace aether::nats::detail {

struct http_page {
  std::optional<std::string> body;
  std::string why; ///< there is none

  http_page() = default;
};

/// Never throws but for cancellation (operation_aborted). Ends by `deadline`; the look-up of a name that nobody answers
/// may go on behind it, until the system's resolver gives up.
boost::asio::awaitable<http_page> http_get(http_address to, aether::detail::steady_time deadline,
                                           std::size_t max_bytes);

} // namespace aether::nats::detail
