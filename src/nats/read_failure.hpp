// What a read that got no answer, or an error for one, throws.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/connection_core.hpp"

#include <aether/error.hpp>

#include <string>

namespace aether::nats::detail {

/// `what` names the read, e.g. "reading actor order-42 from stream S".
[[noreturn]] void throw_unanswered(no_answer why, std::string const& what);
[[noreturn]] void throw_refused(api_error const& refused, std::string const& what);

} // namespace aether::nats::detail
