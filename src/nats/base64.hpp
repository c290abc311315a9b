// Base64 as JetStream's answers carry stored bytes.
#pragma once

#include <string>
#include <string_view>

namespace aether::nats::detail {

/// Decodes the standard alphabet with padding (RFC 4648), and nothing else: no white space, no missing padding, no
/// bits beyond the last byte. False when `text` is not so; `out` then holds nothing of use.
bool decode_base64(std::string_view text, std::string& out);

} // namespace aether::nats::detail
