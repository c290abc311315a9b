// The header block of a stored NATS message.
#pragma once

#include <aether/nats/message.hpp>

#include <string>
#include <string_view>

namespace aether::nats::detail {

struct header_block {
  int status = 0;          ///< of `NATS/1.0 404 No Messages`; 0: an ordinary message
  std::string description; ///< what stands behind the status
  header_list headers;     ///< in the order they were sent; white space around values is gone
};

/// Reads `NATS/1.0\r\nName: value\r\n\r\n`. Any client may have written it, and a message must be readable all the
/// same: lines that are no header are left out, and then, or when the first line or the end is not as it should
/// be, false is returned with all the rest in `out`.
bool parse_header_block(std::string_view text, header_block& out);

} // namespace aether::nats::detail
