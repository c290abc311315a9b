// No checkpoints in SQLite: aether::sqlite was not built.
#include <contract/checkpoint_providers.hpp>

namespace aether::test {

std::optional<checkpoint_provider> sqlite_checkpoints() { return std::nullopt; }

} // namespace aether::test
