// Errors that name the actor and hold what the user's code threw.
#pragma once

#include <aether/error.hpp>

#include <cstdint>
#include <exception>
#include <string>

namespace aether::detail {

/// Within a catch: an aether::error that holds what was caught (std::nested_exception), with its words.
std::exception_ptr failed(errc code, std::string const& actor_id, std::int64_t version, std::string const& what);

} // namespace aether::detail
