// What sessions without transactions do between checkpoints: nothing.
#include <aether/checkpoint_store.hpp>

#include <utility>

namespace aether {

awaitable<void> checkpoint_session::begin(call_options) { co_return; }
void checkpoint_session::begin_event() {}
void checkpoint_session::keep_event() {}
void checkpoint_session::undo_event() {}
void checkpoint_session::rollback() noexcept {}

awaitable<std::optional<checkpoint>> checkpoint_store::find(std::string name, call_options options) const {
  return do_find(std::move(name), options);
}

awaitable<std::unique_ptr<checkpoint_session>> checkpoint_store::take_over(std::string name, call_options options) {
  return do_take_over(std::move(name), options);
}

} // namespace aether
