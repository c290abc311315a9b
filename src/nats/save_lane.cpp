// Turns, permits and the cache of one strand.
#include "nats/save_lane.hpp"

#include <algorithm>

namespace aether::nats::detail {

save_lane::save_lane(boost::asio::any_io_executor const& executor, std::size_t cache_bytes, std::size_t at_once,
                     std::chrono::nanoseconds max_age)
    : strand_(executor), cache_(cache_bytes), at_once_(at_once), max_age_(max_age) {}

namespace {

struct inline_glance {
  save_glance const* save;
  std::optional<save_step> step;
};
// Set only while its thread is inside dispatch(): a glance that runs later, or elsewhere, finds it differs and does
// nothing, as its caller's frame may be gone.
thread_local inline_glance* glancing = nullptr;

} // namespace

std::optional<save_step> save_lane::glance(save_glance const& save) {
  inline_glance here{&save, {}};
  glancing = &here;
  strand_.dispatch_here([this, token = &here] {
    if (glancing == token)
      token->step = decide(*token->save);
  });
  glancing = nullptr;
  return here.step;
}

std::optional<save_step> save_lane::decide(save_glance const& save) {
  auto* entry = cache_.find(save.actor_id);
  if (!entry || !entry->idle())
    return {};
  auto cached = state_of(*entry, save.event_id, save.request);
  if (!cached)
    return {};
  auto step = save_machine(save.request).start(cached, {}, false);
  if (step.what != save_do::finish)
    return {};
  return step;
}

void save_lane::submit(std::shared_ptr<save_operation> save) {
  auto close_it = [](std::shared_ptr<save_operation>& waiting) { waiting->close(); };
  auto queue_it = [this](std::shared_ptr<save_operation> queued) {
    auto& entry = cache_.at(queued->hashed_actor());
    queued->entry = &entry;
    auto* added = queued.get();
    if (entry.idle()) {
      entry.first = std::move(queued);
      entry.last = added;
      take_turns(entry);
    } else {
      entry.last->next = std::move(queued);
      entry.last = added;
    }
  };
  strand_.dispatch(std::move(save), std::move(queue_it), std::move(close_it));
}

void save_lane::take_turns(actor_entry& entry) {
  std::shared_ptr<save_operation> save; // the last one may be all that keeps the store, and this lane with it
  while (!entry.idle()) {
    save = entry.first;
    auto const step = save->decide(state_of(entry, save->last().event_id, save->request()), entry.event_id);
    if (step.what == save_do::finish) {
      save->finish(step);
      pop(entry);
      continue;
    }
    if (in_flight_ < at_once_) {
      ++in_flight_;
      save->proceed(step);
    } else {
      waiting_.emplace_back(save, step);
    }
    return;
  }
  cache_.settle(entry);
}

void save_lane::ended(save_operation& save) {
  --in_flight_;
  auto& entry = *save.entry;
  remember(entry, save.machine().learned(), save.learned_id(), save.learned_age());
  pop(entry);
  grant();
  take_turns(entry);
}

void save_lane::grant() {
  while (in_flight_ < at_once_ && !waiting_.empty()) {
    auto [save, step] = std::move(waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
    save->proceed(step); // one whose caller has gone ends by itself
  }
}

void save_lane::withdraw(std::shared_ptr<save_operation> save) {
  strand_.post([this, save = std::move(save)] {
    auto* entry = cache_.find(save->hashed_actor());
    if (!entry || entry->idle() || entry->first == save)
      return; // gone, or it has the turn and ends by itself
    for (auto* before = entry->first.get(); before->next; before = before->next.get()) {
      if (before->next != save)
        continue;
      if (entry->last == save.get())
        entry->last = before;
      before->next = std::move(save->next);
      save->finish(failed_step(errc::timed_out));
      return;
    }
  });
}

void save_lane::end_waiting(std::shared_ptr<store_core> keep,
                            std::shared_ptr<aether::detail::wait_state<std::vector<unknown_save>>> done) {
  auto run = [this, keep = std::move(keep), done] {
    std::vector<unknown_save> unresolved;
    cache_.for_each([&](actor_entry& entry) {
      if (entry.idle())
        return;
      auto const& turn = *entry.first;
      if (entry.first->stop_unless_handed_over()) {
        unresolved.push_back(turn.as_unknown());
      }
      for (auto save = std::move(entry.first->next); save; save = std::move(save->next))
        save->finish(failed_step(errc::closed));
      entry.last = entry.first.get();
    });
    done->complete(std::move(unresolved));
  };
  strand_.post(std::move(run), [done] { done->close(); });
}

void save_lane::pop(actor_entry& entry) {
  auto first = std::move(entry.first);
  entry.first = std::move(first->next);
  if (!entry.first)
    entry.last = nullptr;
}

std::optional<subject_state> save_lane::state_of(actor_entry const& entry, std::string_view event_id,
                                                 save_request const& request) const {
  if (!entry.known)
    return {};
  if (max_age_.count() > 0 && std::chrono::steady_clock::now() >= entry.expires)
    return {};
  subject_state state;
  state.last_sequence = entry.last_sequence;
  state.version = entry.version;
  state.event_sequence = entry.event_sequence;
  state.is_this_event = !request.is_batch() && entry.version == request.last_version &&
                        entry.event_id == aether::detail::hash_of(event_id);
  return state;
}

std::optional<subject_state> save_lane::known(hashed_id const& actor_id) {
  auto* entry = cache_.find(actor_id);
  if (!entry)
    return {};
  return state_of(*entry, {}, {});
}

void save_lane::learn(hashed_id const& actor_id, subject_state const& state, aether::detail::hash128 const& event_id,
                      std::chrono::nanoseconds age) {
  auto& entry = cache_.at(actor_id);
  if (entry.idle() && state.last_sequence == 0)
    remember(entry, {}, event_id, age); // an empty subject has no message whose age would end the entry
  else if (entry.idle() && (!entry.known || state.last_sequence >= entry.last_sequence))
    remember(entry, state, event_id, age);
  cache_.settle(entry);
}

void save_lane::remember(actor_entry& entry, std::optional<subject_state> const& state,
                         aether::detail::hash128 const& event_id, std::chrono::nanoseconds age) {
  bool const moved = !entry.known || !state || entry.last_sequence != state->last_sequence;
  entry.known = state.has_value();
  if (!state)
    return;
  entry.last_sequence = state->last_sequence;
  entry.version = state->version;
  entry.event_sequence = state->event_sequence;
  entry.event_id = event_id;
  if (moved && max_age_.count() > 0)
    entry.expires = std::chrono::steady_clock::now() + (max_age_ - std::min(age, max_age_));
}

void save_lane::shutdown() noexcept {
  cache_.for_each([](actor_entry& entry) {
    for (auto save = std::move(entry.first); save; save = std::move(save->next))
      save->close();
    entry.last = nullptr;
  });
  waiting_.clear();
  strand_.drop();
}

} // namespace aether::nats::detail
