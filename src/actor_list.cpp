// Listings: a store's pages, one actor at a time.
#include <aether/actor_list.hpp>

#include <aether/error.hpp>

#include "detail/give_way.hpp"
#include "store_checks.hpp"
#include "store_watch.hpp"

#include <utility>

namespace aether {

struct actor_list::state {
  std::shared_ptr<actor_pages> pages;
  std::vector<listed_actor> page;
  std::size_t taken = 0;
  unsigned at_a_stretch = 0;
  bool ended = false;
  std::uint64_t handed_out = 0;
  std::optional<detail::watched_call> call; // until it is told how it ended

  explicit state(std::shared_ptr<actor_pages> p) : pages(std::move(p)) {}
  state(state const&) = delete;
  state& operator=(state const&) = delete;
  ~state() { tell_end(); }

  void tell_end() noexcept {
    if (call)
      call->ended_after(handed_out);
    call.reset();
  }
};

actor_list::actor_list(std::shared_ptr<actor_pages> pages) {
  if (pages)
    state_ = std::make_shared<state>(std::move(pages));
}

actor_list::~actor_list() = default;

void actor_list::watched_by(detail::watched_call call) {
  if (state_ && call)
    state_->call.emplace(std::move(call));
}

awaitable<std::optional<listed_actor>> actor_list::next(call_options options) { return next_actor(state_, options); }

awaitable<std::optional<listed_actor>> actor_list::next_actor(std::shared_ptr<state> self, call_options options) {
  if (!self)
    throw error(errc::not_open, "next() on a list that was default-made, moved from, or of a store that is not open");
  detail::check_timeout(options.timeout);
  if (++self->at_a_stretch >= detail::items_at_a_stretch) {
    co_await detail::give_way();
    self->at_a_stretch = 0;
  }
  if (self->taken == self->page.size() && !self->ended) {
    auto page = co_await self->pages->next_page(options);
    self->page = std::move(page);
    self->taken = 0;
    self->ended = self->page.empty();
  }
  std::optional<listed_actor> next;
  if (self->ended)
    self->tell_end();
  else
    next = std::move(self->page[self->taken++]);
  self->handed_out += next ? 1 : 0;
  co_return next;
}

} // namespace aether
