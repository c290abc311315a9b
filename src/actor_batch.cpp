// Deciding many commands as if each had been stored before the next was decided.
#include "actor_batch.hpp"

#include "actor_failure.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <utility>

namespace aether::detail {

void actor_batch::add(std::shared_ptr<actor_call> call) {
  share s;
  s.call = std::move(call);
  shares_.push_back(std::move(s));
}

void actor_batch::decide(place on, limits most) {
  on_ = on;
  base_ = on.version;
  now_ = on.now;
  actor_id_ = *on.actor_id;
  events_.clear();
  after_ = on.state->copy();
  for (auto& s : shares_) {
    s.decided = false;
    s.first = s.count = 0;
    s.same_as = none;
    s.failure = nullptr;
  }
  for (std::size_t i = 0; i < shares_.size() && i < most.commands; ++i)
    if (!decide(shares_[i], i, most))
      return;
}

// False: it does not fit any more.
bool actor_batch::decide(share& s, std::size_t index, limits most) {
  auto& call = *s.call;
  auto const version = base_ + static_cast<std::int64_t>(events_.size());
  if (!most.batches && !events_.empty())
    return false; // one save a command
  if (auto const& id = call.options.command_id; !id.empty())
    for (std::size_t other = 0; other < index; ++other)
      if (shares_[other].count > 0 && shares_[other].call->options.command_id == id) {
        s.same_as = other;
        s.decided = true;
        return true;
      }
  try {
    call.command->decide(*after_);
  } catch (...) {
    s.failure = failed(errc::decide_failed, actor_id_, version, "decide threw");
    s.decided = true;
    return true;
  }
  auto const count = call.command->event_count();
  if (count > 1 && !most.batches && !on_.type->one_by_one()) {
    s.failure = std::make_exception_ptr(error(errc::batch_not_supported, "actor " + actor_id_ + ": a decision of " +
                                                                             std::to_string(count) + " events"));
    s.decided = true;
    return true;
  }
  if (!events_.empty() && events_.size() + count > most.events)
    return false;
  if (count > 0) {
    try {
      call.command->evolve(*after_);
    } catch (...) {
      s.failure = failed(errc::evolve_failed, actor_id_, version, "evolve threw on what was decided at this version");
      s.decided = true;
      restore_state();
      return true;
    }
    s.first = events_.size();
    s.count = count;
    for (std::size_t i = 0; i < count; ++i) {
      planned made;
      made.id = make_uuid();
      made.owner = index;
      events_.push_back(std::move(made));
    }
  }
  s.decided = true;
  return true;
}

// Evolve left it in the middle: those before it once more.
void actor_batch::restore_state() {
  after_ = on_.state->copy();
  for (auto const& s : shares_)
    if (s.count > 0)
      s.call->command->evolve(*after_);
}

std::vector<std::shared_ptr<actor_call>> actor_batch::take_undecided() {
  auto const first = std::find_if(shares_.begin(), shares_.end(), [](share const& s) { return !s.decided; });
  std::vector<std::shared_ptr<actor_call>> left;
  for (auto s = first; s != shares_.end(); ++s)
    left.push_back(std::move(s->call));
  shares_.erase(first, shares_.end());
  return left;
}

event actor_batch::make_event(std::size_t index) const {
  auto const& s = shares_[events_[index].owner];
  auto const& options = s.call->options;
  event e;
  e.id = events_[index].id;
  e.actor_id = actor_id_;
  e.command_id = options.command_id;
  e.version = base_ + 1 + static_cast<std::int64_t>(index);
  e.metadata = options.metadata;
  if (!options.command_id.empty()) {
    if (e.metadata.correlation_id().empty())
      e.metadata.correlation_id(options.command_id);
    if (e.metadata.causation_id().empty())
      e.metadata.causation_id(options.command_id);
  }
  e.timestamp = now_;
  s.call->command->write(index - s.first, e);
  return e;
}

std::vector<event> actor_batch::make_events() const {
  std::vector<event> all;
  all.reserve(events_.size());
  for (std::size_t i = 0; i < events_.size(); ++i)
    all.push_back(make_event(i));
  return all;
}

void actor_batch::stored(command_window& window) {
  for (auto const& s : shares_) {
    answer(s, true);
    for (std::size_t i = 0; i < s.count; ++i)
      window.add(s.call->options.command_id, base_ + 1 + static_cast<std::int64_t>(s.first + i));
  }
}

void actor_batch::decided_for_nothing() {
  for (auto const& s : shares_)
    answer(s, false);
}

void actor_batch::answer(share const& s, bool are_stored) const {
  auto& call = *s.call;
  if (s.failure) {
    call.failure = s.failure;
    return;
  }
  if (s.same_as != none) {
    auto const& first = shares_[s.same_as];
    repeated(call, base_ + 1 + static_cast<std::int64_t>(first.first),
             base_ + static_cast<std::int64_t>(first.first + first.count));
    return;
  }
  if (auto const* const why = call.command->rejected()) {
    call.outcome = *why;
    return;
  }
  command_result result;
  if (s.count > 0 && are_stored) {
    result.first_version = base_ + 1 + static_cast<std::int64_t>(s.first);
    result.last_version = base_ + static_cast<std::int64_t>(s.first + s.count);
  } else {
    std::size_t before = 0; // events decided before it
    for (auto const& other : shares_) {
      if (&other == &s)
        break;
      before += other.count;
    }
    result.last_version = base_ + static_cast<std::int64_t>(before);
  }
  call.outcome = result;
}

void actor_batch::repeated(actor_call& call, std::int64_t first, std::int64_t last) {
  command_result result;
  result.first_version = first;
  result.last_version = last;
  result.repeated = true;
  call.outcome = result;
}

void actor_batch::fail(std::exception_ptr why) {
  for (auto const& s : shares_)
    s.call->failure = why;
}

std::vector<std::shared_ptr<actor_call>> actor_batch::take_calls() {
  std::vector<std::shared_ptr<actor_call>> all;
  all.reserve(shares_.size());
  for (auto& s : shares_)
    all.push_back(std::move(s.call));
  shares_.clear();
  events_.clear();
  after_.reset();
  return all;
}

} // namespace aether::detail
