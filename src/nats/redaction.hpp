// Texts of servers and of the client library without what nobody may read in a log.
#pragma once

#include <aether/nats/connection_options.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// What a connection's options hold that is secret: password, token, and the credentials of its URLs.
std::vector<std::string> secrets_of(connection_options const& options);

/// `***` stands for each secret of at least four bytes (a shorter one would be told by what it hides), for what stands
/// before the `@` of a URL, and for what looks like a JWT or an NKey's seed.
std::string redacted(std::string_view text, std::vector<std::string> const& secrets);

} // namespace aether::nats::detail
