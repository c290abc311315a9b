// Checkpoints in this process's memory: for read models that live there too, and for tests.
#pragma once

#include <aether/checkpoint_store.hpp>

namespace aether {

/// Holds every checkpoint until the last copy of the handle is gone. Nothing here suspends.
class memory_checkpoint_store final : public checkpoint_store {
public:
  memory_checkpoint_store();

private:
  awaitable<std::optional<checkpoint>> do_find(std::string name, call_options options) const override;
  awaitable<std::unique_ptr<checkpoint_session>> do_take_over(std::string name, call_options options) override;

  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace aether
