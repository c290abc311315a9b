// A hash table of actors, and a list of the idle ones in the order of their last use.
#include "actor_index.hpp"

#include <exception>
#include <utility>

namespace aether::detail {

void actor_entry::push_back(std::shared_ptr<actor_call> call) noexcept {
  call->where = actor_call::place::waiting;
  ++(call->is_command() ? commands : queries);
  auto* const added = call.get();
  (first ? last->next : first) = std::move(call);
  last = added;
}

void actor_entry::push_front(std::vector<std::shared_ptr<actor_call>> calls) noexcept {
  for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
    (*call)->where = actor_call::place::waiting;
    ++((*call)->is_command() ? commands : queries);
    if (!first)
      last = call->get();
    (*call)->next = std::move(first);
    first = std::move(*call);
  }
}

std::shared_ptr<actor_call> actor_entry::pop_front() noexcept {
  auto call = std::move(first);
  if (call) {
    first = std::move(call->next);
    call->where = actor_call::place::nowhere;
    --(call->is_command() ? commands : queries);
    if (!first)
      last = nullptr;
  }
  return call;
}

bool actor_entry::remove(actor_call& call) noexcept {
  actor_call* before = nullptr;
  for (auto* at = &first; *at; before = at->get(), at = &(*at)->next)
    if (at->get() == &call) {
      auto gone = std::move(*at);
      *at = std::move(gone->next);
      gone->where = actor_call::place::nowhere;
      --(gone->is_command() ? commands : queries);
      if (last == &call)
        last = before;
      return true;
    }
  return false;
}

actor_index::entry_ptr actor_index::use(actor_type const& type, std::string_view id) {
  auto const found = entries_.find(key{&type, id});
  if (found == entries_.end())
    return *entries_.insert(std::make_shared<actor_entry>(type, std::string(id))).first;
  unlink(**found);
  return *found;
}

actor_index::entry_ptr actor_index::idle(actor_entry& entry, bool is_of_no_use) {
  if (is_of_no_use)
    return drop(entry);
  link(entry);
  return entries_.size() > most_ ? drop(*oldest_) : nullptr;
}

std::vector<actor_index::entry_ptr> actor_index::take_idle_since(std::chrono::nanoseconds then) {
  std::vector<entry_ptr> gone;
  while (oldest_ && oldest_->used_at <= then)
    gone.push_back(drop(*oldest_));
  return gone;
}

std::vector<actor_index::entry_ptr> actor_index::all_of(actor_type const& type) const {
  std::vector<entry_ptr> all;
  for (auto const& entry : entries_)
    if (entry->type == &type)
      all.push_back(entry);
  return all;
}

actor_index::entry_ptr actor_index::take_if_idle(actor_entry& entry) {
  bool const is_linked = entry.newer || entry.older || newest_ == &entry;
  return is_linked ? drop(entry) : nullptr;
}

actor_index::entry_ptr actor_index::drop(actor_entry& entry) noexcept {
  unlink(entry);
  auto const found = entries_.find(key{entry.type, entry.id});
  auto gone = *found;
  entries_.erase(found);
  shrink();
  return gone;
}

// Of actors that are gone nothing stays.
void actor_index::shrink() noexcept {
  constexpr std::size_t few = 64;
  if (entries_.bucket_count() <= few || entries_.size() > entries_.bucket_count() / 8)
    return;
  try {
    entries_.rehash(entries_.size() * 2);
  } catch (std::exception const&) { // no memory: the next time
  }
}

void actor_index::link(actor_entry& entry) noexcept {
  entry.older = newest_;
  entry.newer = nullptr;
  (newest_ ? newest_->newer : oldest_) = &entry;
  newest_ = &entry;
}

// One that is not linked has neither neighbours nor an end of the list.
void actor_index::unlink(actor_entry& entry) noexcept {
  if (entry.newer)
    entry.newer->older = entry.older;
  else if (newest_ == &entry)
    newest_ = entry.older;
  if (entry.older)
    entry.older->newer = entry.newer;
  else if (oldest_ == &entry)
    oldest_ = entry.newer;
  entry.newer = entry.older = nullptr;
}

} // namespace aether::detail
