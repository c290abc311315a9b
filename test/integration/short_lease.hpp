// How long nodes in tests hold their names.
#pragma once

#include <chrono>

namespace aether::test {

/// Long enough for a busy machine under a sanitizer, where a node is not to lapse; a clustered bucket's new leader
/// takes longer, 4 to 9 s.
#ifdef AETHER_TEST_SANITIZED
constexpr std::chrono::nanoseconds short_lease = std::chrono::seconds(4);
#else
constexpr std::chrono::nanoseconds short_lease = std::chrono::seconds(2);
#endif

} // namespace aether::test
