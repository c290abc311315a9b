// Implementation of the index: short steps under one mutex.
#include "memory_index.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace aether::detail {

indexed_type& memory_index::of_type(std::string_view type) {
  std::lock_guard lock(mutex_);
  auto found = types_.find(type);
  if (found == types_.end())
    found = types_.emplace(std::string(type), std::make_unique<indexed_type>()).first;
  return *found->second;
}

std::uint64_t memory_index::append(indexed_type& type, pending_event* first, std::size_t count, bool new_actor,
                                   time_point now, std::vector<memory_waiter>& woken) {
  std::lock_guard lock(mutex_);
  all_.reserve(count);
  type.all.reserve(count);
  if (new_actor) {
    firsts_.reserve(1);
    type.firsts.reserve(1);
    firsts_.push(first->get());
    type.firsts.push(first->get());
  }
  last_stored_ = std::max(last_stored_, now); // the system's clock may be set back
  for (pending_event* e = first; e != first + count; ++e) {
    (*e)->stored = last_stored_;
    (*e)->sequence = all_.size() + 1;
    all_.push(e->get());
    type.all.push(e->get());
  }
  if (has_waiters_) {
    woken.swap(waiters_);
    has_waiters_ = false;
  }
  return all_.size();
}

std::uint64_t memory_index::last_sequence() const {
  std::lock_guard lock(mutex_);
  return all_.size();
}

stored_event const& memory_index::at(std::uint64_t sequence) const {
  std::lock_guard lock(mutex_);
  return *all_[static_cast<std::size_t>(sequence - 1)];
}

std::uint64_t memory_index::last_before(time_point t) const {
  std::lock_guard lock(mutex_);
  return all_.find([t](stored_event const& e) { return e.stored >= t; });
}

void memory_index::go_behind(std::uint64_t sequence, std::vector<list_place>& places) const {
  std::lock_guard lock(mutex_);
  for (list_place& place : places)
    place.next = place.events->find([sequence](stored_event const& e) { return e.sequence > sequence; });
}

std::size_t memory_index::read(std::vector<list_place>& places, stored_event const** into, std::size_t most) const {
  std::lock_guard lock(mutex_);
  std::size_t count = 0;
  if (places.size() == 1) { // looks at no event, each of which may be far away in memory
    auto& [events, next] = places.front();
    while (count < most && next < events->size())
      into[count++] = (*events)[next++];
    return count;
  }
  while (count < most) {
    list_place* lowest = nullptr;
    stored_event const* next = nullptr;
    for (list_place& place : places) {
      if (place.next == place.events->size())
        continue;
      stored_event const* candidate = (*place.events)[place.next];
      if (next == nullptr || candidate->sequence < next->sequence) {
        next = candidate;
        lowest = &place;
      }
    }
    if (next == nullptr)
      break;
    into[count++] = next;
    ++lowest->next;
  }
  return count;
}

std::uint64_t memory_index::left(std::vector<list_place> const& places) const {
  std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (list_place const& place : places)
    count += place.events->size() - place.next;
  return count;
}

std::size_t memory_index::read_from(event_list const& events, std::size_t from, stored_event const** into,
                                    std::size_t most) const {
  std::lock_guard lock(mutex_);
  std::size_t count = 0;
  while (count < most && from + count < events.size()) {
    into[count] = events[from + count];
    ++count;
  }
  return count;
}

void memory_index::wake_beyond(std::uint64_t sequence, memory_waiter waiter) {
  {
    std::lock_guard lock(mutex_);
    if (!ended_ && all_.size() <= sequence) {
      if (waiters_.size() >= waiters_at_most_) {
        std::erase_if(waiters_, [](memory_waiter const& w) { return w->is_ended(); });
        waiters_at_most_ = std::max<std::size_t>(64, 2 * waiters_.size());
      }
      waiters_.push_back(std::move(waiter));
      has_waiters_ = true;
      return;
    }
  }
  waiter->complete(true);
}

void memory_index::end() {
  std::vector<memory_waiter> woken;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    woken.swap(waiters_);
  }
  for (memory_waiter const& w : woken)
    w->complete(true);
}

} // namespace aether::detail
