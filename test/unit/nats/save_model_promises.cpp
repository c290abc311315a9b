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
    return check_unknown(done);
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
  check_demand(r);
  if (!a.forbidden.empty())
    broken("stored " + name(r.event) + " after its save ended: " + std::string(a.forbidden));
  for (std::size_t i = 0; i != first; ++i) {
    auto const& m = server_.log[i];
    if (m.subject == r.event.subject && model_server::held(m, server_.now) && m.version >= r.event.version)
      broken("stored " + name(r.event) + " though version " + std::to_string(m.version) + " is there");
  }
}

/// What the caller asked for was so when it was stored: on what the message it expected had left as the current
/// version.
void walk::check_demand(request const& r) {
  auto const fits = [&](auto counts) {
    std::int64_t current = 0;
    for (auto const& m : server_.log)
      if (m.subject == r.event.subject && m.sequence <= r.expected && counts(m))
        current = std::max(current, m.version);
    aether::detail::version_demand const demand{.policy = r.demand.policy, .expected = r.demand.expected_version};
    return aether::detail::decide_version(current, demand, r.event.version) == aether::detail::version_verdict::ok;
  };
  // The event of the current version may have expired since it was read, below something malformed.
  if (!fits([&](message const& m) { return model_server::held(m, server_.now); }) &&
      !fits([&](message const& m) { return model_server::held(m, r.knows_since); }) &&
      !(r.expected != 0 && fits([](message const&) { return true; })))
    broken("stored " + name(r.event) + " against its expectation or policy");
}

/// Unknown is for attempts that may be stored: one that every answer called refused is not.
void walk::check_unknown(call const& c) {
  ++ends_.unknown;
  bool const may_be =
      std::ranges::any_of(c.attempts, [&](int number) { return !attempts_[static_cast<std::size_t>(number)].refused; });
  if (!c.machine.has_open_attempt() || !may_be)
    broken("unknown without an open attempt");
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
  if (success.already_saved && own && !attempts_[static_cast<std::size_t>(m->attempt)].refused_elsewhere)
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
  check_recognised(c, passed);
}

/// A conflict with itself: the event was there before the call, and the rules could tell. A stale leader is excused,
/// and so is a cache entry that should be gone.
void walk::check_recognised(call const& c, bool passed) {
  if (c.saw_stale || (!c.read_last && c.cache_outlived))
    return;
  auto const find = [&](model_event const& e) {
    auto const* m = server_.find(server_.now, [&](message const& x) { return is_event(e, x); });
    return m && m->stored_at < c.started ? m : nullptr;
  };
  auto const& e = c.event;
  auto const* first = find(e);
  auto const* last = find({e.subject, e.version + e.count - 1, e.id + e.count - 1});
  if (!first || !last || first->attempt != last->attempt)
    return;
  bool const singly = std::ranges::any_of(tried_, [&](auto const& t) {
    return t.first.id >= e.id && t.first.id < e.id + e.count && t.first.count != e.count;
  });
  if (singly)
    return;
  if (server_.last(e.subject, server_.now).event_sequence == last->sequence)
    broken("a conflict with itself: it is the actor's latest event");
  if (passed && (c.forgetful || !c.attempts.empty()))
    broken("a conflict with itself: it is the deciding message");
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
