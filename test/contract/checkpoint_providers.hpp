// The checkpoint stores that their contract runs over, each behind the same seam.
#pragma once

#include <aether/checkpoint_store.hpp>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace aether::test {

/// One set of checkpoints, new and empty for each test case.
class checkpoint_data {
public:
  virtual ~checkpoint_data() = default;
  /// Where stores are independent, each call opens one of its own, as another process would.
  virtual awaitable<std::shared_ptr<checkpoint_store>> open() = 0;
  /// Somebody removes a checkpoint, or all of them.
  virtual awaitable<void> remove(std::string name) = 0;
  virtual std::shared_ptr<checkpoint_store> default_made() { return nullptr; }
};

struct checkpoint_provider {
  std::string name;
  bool transactional = false;
  bool can_remove = false;
  std::string (*why_not)() = {}; ///< empty text: it can run here
  std::unique_ptr<checkpoint_data> (*make)() = {};
};

inline std::ostream& operator<<(std::ostream& out, checkpoint_provider const& p) { return out << p.name; }

checkpoint_provider memory_checkpoints();
checkpoint_provider jetstream_checkpoints();
std::optional<checkpoint_provider> sqlite_checkpoints(); ///< none where aether::sqlite was not built

} // namespace aether::test
