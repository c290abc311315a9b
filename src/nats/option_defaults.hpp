// A connection's options with every default filled in, and the list of servers a text may hold.
#pragma once

#include <aether/nats/connection_options.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// The same options with nothing empty or zero that has a default. Does not validate.
connection_options resolved(connection_options options);

/// `nats://a:4222, nats://b:4222` as a list: separated by commas, blanks around them dropped, empty parts left out.
std::vector<std::string> split_servers(std::string_view urls);

/// The URL without what stands before its `@`, for messages: that is a password or a token.
std::string without_credentials(std::string_view url);

} // namespace aether::nats::detail
