// The list of stores that the contract suite runs over.
#include <contract/providers.hpp>

namespace aether::test {

std::vector<store_provider> const& providers() {
  static std::vector<store_provider> const all{memory_provider(), sharded_memory_provider(), fault_injecting_provider(),
                                               jetstream_provider(), sharded_jetstream_provider()};
  return all;
}

} // namespace aether::test
