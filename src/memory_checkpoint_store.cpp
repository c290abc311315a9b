// The embedded checkpoint store: a map, and who wrote each entry last.
#include <aether/memory_checkpoint_store.hpp>

#include <aether/error.hpp>

#include "detail/utf8.hpp"
#include "store_checks.hpp"

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace aether {

struct memory_checkpoint_store::impl {
  struct entry {
    checkpoint value;
    std::uint64_t owner = 0;
  };

  class session final : public checkpoint_session {
  public:
    session(std::shared_ptr<impl> store, std::string name) : store_(std::move(store)), name_(std::move(name)) {
      std::lock_guard lock(store_->mutex);
      auto& mine = store_->entries[name_];
      owner_ = ++mine.owner;
      last_ = mine.value;
    }

    checkpoint const& last() const noexcept override { return last_; }
    bool is_transactional() const noexcept override { return false; }

    awaitable<void> commit(checkpoint next, call_options options) override {
      detail::check_timeout(options.timeout);
      {
        std::lock_guard lock(store_->mutex);
        auto& mine = store_->entries[name_];
        if (mine.owner != owner_)
          throw error(errc::projection_taken_over,
                      "projection " + detail::quoted(name_) + ": another runner of this name began after this one");
        mine.value = next;
      }
      last_ = std::move(next);
      co_return;
    }

  private:
    std::shared_ptr<impl> store_;
    std::string name_;
    std::uint64_t owner_ = 0;
    checkpoint last_;
  };

  static void check(std::shared_ptr<impl> const& self, std::string const& name, call_options const& options) {
    if (!self)
      throw error(errc::not_open, "memory_checkpoint_store: the handle was moved from");
    detail::check_id(name, "the projection's name");
    detail::check_timeout(options.timeout);
  }

  static awaitable<std::optional<checkpoint>> find(std::shared_ptr<impl> self, std::string name, call_options options) {
    check(self, name, options);
    std::optional<checkpoint> found;
    std::lock_guard lock(self->mutex);
    if (auto const at = self->entries.find(name); at != self->entries.end())
      found = at->second.value;
    co_return found;
  }

  static awaitable<std::unique_ptr<checkpoint_session>> take_over(std::shared_ptr<impl> self, std::string name,
                                                                  call_options options) {
    check(self, name, options);
    co_return std::make_unique<session>(std::move(self), std::move(name));
  }

  std::mutex mutex;
  std::unordered_map<std::string, entry> entries;
};

memory_checkpoint_store::memory_checkpoint_store() : impl_(std::make_shared<impl>()) {}

awaitable<std::optional<checkpoint>> memory_checkpoint_store::do_find(std::string name, call_options options) const {
  return impl::find(impl_, std::move(name), options);
}

awaitable<std::unique_ptr<checkpoint_session>> memory_checkpoint_store::do_take_over(std::string name,
                                                                                     call_options options) {
  return impl::take_over(impl_, std::move(name), options);
}

} // namespace aether
