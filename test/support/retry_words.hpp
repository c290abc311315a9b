// How a failed check prints the enumerations of retries and circuit breakers: by their numbers.
#pragma once

#include <aether/circuit_breaker.hpp>
#include <aether/retry.hpp>

#include <ostream>

namespace aether {

inline std::ostream& operator<<(std::ostream& out, retry_end e) { return out << static_cast<int>(e); }
inline std::ostream& operator<<(std::ostream& out, circuit_state s) { return out << static_cast<int>(s); }
inline std::ostream& operator<<(std::ostream& out, circuit_verdict v) { return out << static_cast<int>(v); }

} // namespace aether
