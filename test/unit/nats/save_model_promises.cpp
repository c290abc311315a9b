// What every walk must hold: the promises of the design notes, checked whenever a message is stored or a save ends.
#include "save_model.hpp"

namespace save_model {

void walk::step_to(store& s, call& c, save_step step) {
  c.step = step;
  say([&] { return name(s) + " " + name(c.event) + ": " + save_script::text(step); });
  if (step.what == save_do::finish)
    finish(s, c);
}

void walk::finish(store& s, call& c) {
  call const done = c; // `c` dies here
  s.active[static_cast<std::size_t>(done.event.subject)].reset();
  ends_.longest = std::max(ends_.longest, static_cast<std::uint64_t>(done.steps));
  auto& entry = s.cache[static_cast<std::size_t>(done.event.subject)];
  entry.reset();
  if (auto const& learned = done.machine.learned()) {
    bool const ours = done.step.end == save_end::saved && learned->last_sequence == done.step.success.sequence;
    entry = cache_entry{*learned, ours ? done.event.id + done.event.count - 1 : done.known_id};
  }
  std::erase_if(s.kept, [&](kept_attempt const& k) { return k.event == done.event; });
  if (done.machine.has_open_attempt()) {
    s.kept.push_back({done.request, done.event, done.machine.open_sequence(), done.attempts, done.last_attempt_at});
    if (s.kept.size() > s.room && !at_rest_) {
      s.kept.erase(s.kept.begin());
      s.forgetful = true;
    }
  }
  switch (done.step.end) {
  case save_end::saved:
    return check_saved(done);
  case save_end::conflict:
    return check_conflict(done);
  case save_end::unknown:
    ++ends_.unknown;
    if (!done.machine.has_open_attempt() || done.attempts.empty())
      broken("unknown without an open attempt");
    return;
  case save_end::failed:
    if (done.machine.has_open_attempt())
      broken("failed plainly while an attempt is open");
    ends_.timed_out += done.step.error == aether::errc::timed_out;
    if (done.step.error == aether::errc::duplicate_event_id) {
      ++ends_.duplicate_id;
      if (std::ranges::none_of(server_.log, [&](message const& m) {
            return m.version != 0 && m.id == done.event.id && !is_event(done.event, m);
          }))
        broken("duplicate_event_id, and no other event has the id");
    }
    return forbid(done, "failed");
  }
}

void walk::stored(request const& r) {
  auto const first = server_.log.size() - static_cast<std::size_t>(r.event.count);
  auto& a = attempts_[static_cast<std::size_t>(r.attempt)];
  a.stored = true;
  a.at = first;
  say([&] { return "stored " + name(r.event) + " at " + std::to_string(server_.log[first].sequence); });
  if (damaged_)
    return;
  if (!a.forbidden.empty())
    broken("stored " + name(r.event) + " after its save ended: " + std::string(a.forbidden));
  for (std::size_t i = 0; i != first; ++i) {
    auto const& m = server_.log[i];
    if (m.subject == r.event.subject && model_server::held(m, server_.now) && m.version >= r.event.version)
      broken("stored " + name(r.event) + " though version " + std::to_string(m.version) + " is there");
  }
}

void walk::check_saved(call const& c) {
  auto const& success = c.step.success;
  ++(success.already_saved ? ends_.already : ends_.saved);
  model_event const last{c.event.subject, c.event.version + c.event.count - 1, c.event.id + c.event.count - 1};
  auto const m = std::ranges::find_if(
      server_.log, [&](message const& x) { return x.sequence == success.sequence && is_event(last, x); });
  if (m == server_.log.end() || success.version != last.version)
    return broken("saved, and it is not in the log at that sequence");
  bool const own = std::find(c.attempts.begin() + static_cast<std::ptrdiff_t>(c.remembered), c.attempts.end(),
                             m->attempt) != c.attempts.end();
  if (damaged_)
    return;
  if (success.already_saved && own)
    broken("already saved, by this very call");
  if (!success.already_saved && c.attempts.size() == c.remembered)
    broken("saved by a call that published nothing");
  if (c.machine.has_open_attempt())
    broken("saved, and an attempt stays open");
}

void walk::check_conflict(call const& c) {
  auto const current = c.step.current_version;
  bool const passed = current >= c.event.version;
  ++(passed ? ends_.conflict : ends_.expectation);
  forbid(c, "conflict");
  if (damaged_)
    return;
  if (c.machine.has_open_attempt())
    broken("a conflict while an attempt is open");
  aether::detail::version_demand const demand{.policy = c.request.policy, .expected = c.request.expected_version};
  if (aether::detail::decide_version(current, demand, c.event.version) == aether::detail::version_verdict::ok)
    broken("a conflict with version " + std::to_string(current) + ", which is none");
  if (!passed && !c.read_last)
    broken("an expectation refused from the cache");
  // What the leader said is as fresh as the call, but where a replica took itself for the leader. The cache may be old.
  bool const was_there = c.read_last ? had_version(c.event.subject, current, c.saw_stale ? 0 : c.started)
                                     : std::ranges::any_of(server_.log, [&](message const& m) {
                                         return m.subject == c.event.subject && m.version == current;
                                       });
  if (!was_there)
    broken("a conflict with version " + std::to_string(current) + ", which was not current");
  // The actor's latest event is recognised, unless a stale leader or an entry that should be gone hid it.
  int id = 0;
  auto const latest = server_.last(c.event.subject, server_.now, &id);
  bool const is_latest = latest.version == c.request.last_version && id == c.event.id + c.event.count - 1;
  if (is_latest && c.event.count == 1 && !c.saw_stale && (c.read_last || !c.cache_outlived)) {
    auto const* m = server_.find(server_.now, [&](message const& x) { return x.sequence == latest.event_sequence; });
    if (m->stored_at < c.started)
      broken("a conflict with itself: it is the actor's latest event");
  }
}

/// The call said that none of its attempts, nor of those it knew, is stored. One that was stored and expired is
/// excused.
void walk::forbid(call const& c, std::string_view end) {
  for (int const number : c.attempts) {
    auto& a = attempts_[static_cast<std::size_t>(number)];
    a.forbidden = end;
    if (a.stored && !damaged_ && model_server::held(server_.log[a.at], server_.now))
      broken(std::string(end) + ", and an attempt of it is stored at " + std::to_string(server_.log[a.at].sequence));
  }
}

bool walk::had_version(int subject, std::int64_t version, int from) const {
  if (server_.last(subject, from).version == version)
    return true;
  for (auto const& m : server_.log) {
    if (m.stored_at >= from && server_.last(subject, m.stored_at).version == version)
      return true;
    if (m.removed_at != INT_MAX && m.removed_at >= from && server_.last(subject, m.removed_at).version == version)
      return true;
  }
  return false;
}

} // namespace save_model
