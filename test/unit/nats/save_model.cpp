// The moves of a random walk: saves, answers that come, get lost or come late, other writers, retention.
#include "save_model.hpp"

namespace save_model {

std::string const& walk::run() {
  for (int i = 0; i != settings_.events && broken_.empty(); ++i)
    move();
  if (broken_.empty())
    come_to_rest();
  return broken_;
}

void walk::move() {
  ++server_.now;
  int const dice = random_.below(100);
  if (dice < 14)
    return begin_some_save();
  if (dice < 62) {
    auto& s = stores_[static_cast<std::size_t>(random_.below(static_cast<int>(stores_.size())))];
    auto& active = s.active[static_cast<std::size_t>(random_.below(subjects_))];
    if (active)
      advance(s, *active);
    return;
  }
  if (dice < 78)
    return process_some_request();
  if (dice < 86)
    return settle_some_proposal();
  if (dice < 90)
    return foreign_write(random_.below(subjects_));
  if (dice < 93) {
    if (!server_.ids.empty()) // the duplicate window ends
      server_.ids.erase(std::next(server_.ids.begin(), random_.below(static_cast<int>(server_.ids.size()))));
    return;
  }
  if (dice < 95) { // an entry falls out of a bounded cache
    stores_[static_cast<std::size_t>(random_.below(static_cast<int>(stores_.size())))].cache[0].reset();
    return;
  }
  if (dice < 98 && settings_.retention)
    return expire_oldest();
  if (settings_.loses_tail && !damaged_)
    lose_tail();
}

model_event walk::some_event(int subject) {
  if (!tried_.empty() && random_.chance(45)) {
    auto const& again = tried_[static_cast<std::size_t>(random_.below(static_cast<int>(tried_.size())))].first;
    if (again.subject == subject)
      return again;
  }
  static constexpr std::array ahead{0, 1, 1, 1, 1, 2, 3};
  auto const current = server_.last(subject, server_.now).version;
  model_event e{subject, std::max<std::int64_t>(1, current + ahead[static_cast<std::size_t>(random_.below(7))]), 0};
  if (settings_.batches && random_.chance(40))
    e.count = 2;
  if (!tried_.empty() && random_.chance(15)) {
    e.id = tried_[static_cast<std::size_t>(random_.below(static_cast<int>(tried_.size())))]
               .first.id; // used for two events
    e.count = 1;
  } else {
    e.id = next_id_;
    next_id_ += e.count;
  }
  return e;
}

save_request walk::some_demand(model_event const& e) {
  save_request r{.first_version = e.version,
                 .last_version = e.version + e.count - 1,
                 .count = static_cast<std::size_t>(e.count),
                 .replicated = server_.replicated()};
  int const dice = random_.below(10);
  if (dice < 2)
    r.policy = aether::version_policy::contiguous;
  else if (dice < 4)
    r.expected_version = e.version - 1;
  else if (dice < 5)
    r.expected_version = random_.below(static_cast<int>(e.version));
  return r;
}

void walk::begin_some_save() {
  auto& s = stores_[static_cast<std::size_t>(random_.below(static_cast<int>(stores_.size())))];
  int const subject = random_.below(subjects_);
  if (s.active[static_cast<std::size_t>(subject)])
    return; // its turn comes when the other one ended
  auto const e = some_event(subject);
  auto r = some_demand(e);
  for (auto const& [event, demand] : tried_)
    if (event == e && random_.chance(60))
      r = demand;
  tried_.emplace_back(e, r);
  begin(s, e, r, 1 + random_.below(40));
}

void walk::begin(store& s, model_event e, save_request r, int deadline) {
  auto& c = s.active[static_cast<std::size_t>(e.subject)].emplace(r, e);
  c.started = c.knows_since = server_.now;
  c.deadline = deadline;
  c.forgetful = s.forgetful;
  std::optional<remembered_attempt> remembered;
  for (auto const& k : s.kept)
    if (k.event == e) {
      remembered = remembered_attempt{k.sequence};
      c.attempts = k.attempts;
      c.remembered = k.attempts.size();
      c.last_attempt_at = k.time;
    }
  std::optional<subject_state> cached;
  if (auto const& entry = s.cache[static_cast<std::size_t>(e.subject)]) {
    cached = entry->state;
    cached->is_this_event = e.count == 1 && cached->version == e.version && entry->id == e.id;
    c.known_id = entry->id;
    c.cache_outlived = !server_.find(server_.now, [&](message const& m) { return m.sequence == entry->lives_by(); });
  }
  say([&] {
    return name(s) + " saves " + name(e) +
           (r.expected_version ? " expecting " + std::to_string(*r.expected_version) : "") +
           (r.policy == aether::version_policy::contiguous ? " contiguous" : "") +
           (cached ? ", cached v" + std::to_string(cached->version) + " at " + std::to_string(cached->last_sequence)
                   : "") +
           (remembered ? ", remembers " + std::to_string(remembered->sequence) : "") +
           (s.forgetful ? ", forgetful" : "");
  });
  step_to(s, c, c.machine.start(cached, remembered, s.forgetful));
}

void walk::advance(store& s, call& c) {
  if (++c.steps > c.deadline) {
    if (at_rest_)
      return broken("a save does not end, though nothing is lost or late");
    if (c.step.what == save_do::publish && c.awaiting < 0)
      c.machine.on_published(publish_answer::not_handed_over, 0, {});
    return step_to(s, c, c.machine.on_out_of_time());
  }
  if (c.awaiting >= 0) {
    auto const is_it = [&](request const& r) { return r.attempt == c.awaiting; };
    bool const under_way = std::ranges::any_of(on_the_way_, is_it) || std::ranges::any_of(server_.proposed, is_it);
    if (at_rest_ ? !under_way : random_.chance(30)) {
      c.awaiting = -1;
      say([&] { return name(s) + " gave up waiting for an answer"; });
      step_to(s, c, c.machine.on_published(publish_answer::unanswered, 0, {}));
    }
    return;
  }
  switch (c.step.what) {
  case save_do::wait_connected:
  case save_do::pause:
    return step_to(s, c, c.machine.on_ready());
  case save_do::publish:
    if (!at_rest_ && random_.chance(4))
      return step_to(s, c, c.machine.on_published(publish_answer::not_handed_over, 0, {}));
    return hand_over(c);
  default:
    return answer_read(s, c);
  }
}

void walk::answer_read(store& s, call& c) {
  if (!at_rest_ && random_.chance(10))
    return step_to(s, c, c.machine.on_read_unanswered());
  if (!at_rest_ && random_.chance(1))
    return step_to(s, c, c.machine.on_read_failed(make_error_code(aether::errc::permission_denied)));
  if (!at_rest_ && c.asked_at < 0 && random_.chance(30)) {
    c.asked_at = server_.now; // answered now, arriving later
    return;
  }
  int time = c.asked_at < 0 ? server_.now : c.asked_at;
  c.asked_at = -1;
  if (!at_rest_ && server_.replicated() && random_.chance(15)) { // a leader that does not know yet that it is none
    time = std::max({last_removal_, time - random_.below(50), 0});
    c.saw_stale = true;
    c.knows_since = std::min(c.knows_since, time);
  }
  auto answer = [&](message const* m) { return m ? std::optional(seen(c, *m)) : std::nullopt; };
  auto const& e = c.event;
  switch (c.step.what) {
  case save_do::read_last: {
    c.read_last = true;
    auto state = server_.last(e.subject, time, &c.known_id);
    state.is_this_event = e.count == 1 && state.version == e.version && c.known_id == e.id;
    return step_to(s, c, c.machine.on_last(state));
  }
  case save_do::read_first_after:
    return step_to(s, c, c.machine.on_first_after(answer(server_.find(time, [&](message const& m) {
      return m.subject == e.subject && m.sequence > c.step.sequence;
    }))));
  case save_do::read_at:
    return step_to(s, c, c.machine.on_read_at(answer(server_.find(time, [&](message const& m) {
      return m.sequence == c.step.sequence;
    }))));
  case save_do::read_deciding:
    return step_to(s, c, c.machine.on_deciding(answer(server_.find(time, [&](message const& m) {
      return m.subject == e.subject && m.version >= e.version;
    }))));
  default: {
    std::size_t found = 0;
    std::uint64_t last = 0;
    for (int i = 0; i != e.count; ++i)
      if (auto const* m =
              server_.find(time, [&](message const& x) { return is_event({e.subject, e.version + i, e.id + i}, x); })) {
        ++found;
        last = m->sequence;
      }
    return step_to(s, c, c.machine.on_batch(found, last));
  }
  }
}

seen_message walk::seen(call const& c, message const& m) const {
  seen_message s{.sequence = m.sequence};
  if (m.version != 0) {
    s.version = m.version;
    s.is_this_event = is_event(c.event, m);
    s.has_our_id = m.id == c.event.id;
  }
  s.has_our_batch_id = c.event.count > 1 && std::ranges::find(c.attempts, m.attempt) != c.attempts.end();
  return s;
}

void walk::hand_over(call& c) {
  int const number = static_cast<int>(attempts_.size());
  attempts_.emplace_back();
  c.attempts.push_back(number);
  c.awaiting = number;
  c.last_attempt_at = server_.now;
  int const message_id = c.event.count > 1 ? 0 : c.step.suffixed_id ? 100'000 + number : c.event.id;
  on_the_way_.push_back({number, c.request, c.event, c.step.sequence, message_id, c.knows_since});
}

void walk::process_some_request() {
  if (on_the_way_.empty())
    return;
  auto const at = on_the_way_.begin() + random_.below(static_cast<int>(on_the_way_.size()));
  auto const r = *at;
  on_the_way_.erase(at);
  if (!at_rest_) {
    int const dice = random_.below(100);
    if (dice < 12)
      return say([&] { return "a request was lost"; });
    if (dice < 16)
      return deliver(r.attempt, {publish_answer::rejected});
    if (dice < 22)
      return deliver(r.attempt, {publish_answer::try_again});
    if (dice < 30 && server_.replicated()) { // by a server that takes itself for the leader; the leader has it too
      on_the_way_.push_back(r);
      constexpr std::array refusals{publish_answer::wrong_last, publish_answer::id_refused, publish_answer::duplicate};
      attempts_[static_cast<std::size_t>(r.attempt)].refused_elsewhere = true;
      return deliver(r.attempt, {refusals[static_cast<std::size_t>(random_.below(3))]});
    }
  }
  auto const before = server_.log.size();
  auto const answer = server_.process(r);
  if (server_.log.size() != before)
    stored(r);
  if (answer)
    deliver(r.attempt, *answer);
  else if (!at_rest_ && random_.chance(5))
    deliver(r.attempt, {publish_answer::try_again}); // refused for now, and yet proposed
}

void walk::settle_some_proposal() {
  if (server_.proposed.empty())
    return;
  auto const at = server_.proposed.begin() + random_.below(static_cast<int>(server_.proposed.size()));
  auto const r = *at;
  server_.proposed.erase(at);
  if (!at_rest_ && random_.chance(25)) {
    say([&] { return "the proposal of " + name(r.event) + " failed"; });
    if (random_.chance(50))
      server_.ids.erase(r.message_id);
    return;
  }
  auto const sequence = server_.store(r);
  stored(r);
  deliver(r.attempt, {publish_answer::stored, sequence});
}

void walk::deliver(int number, reply r) {
  if (!at_rest_ && random_.chance(25))
    return say([&] { return "an answer was lost"; });
  for (auto& s : stores_)
    for (auto& c : s.active)
      if (c && c->awaiting == number) {
        c->awaiting = -1;
        attempts_[static_cast<std::size_t>(number)].refused =
            r.answer == publish_answer::rejected ||
            (!server_.replicated() && r.answer != publish_answer::stored && r.answer != publish_answer::try_again);
        auto const error = r.answer == publish_answer::rejected ? make_error_code(aether::errc::storage_full)
                                                                : boost::system::error_code{};
        return step_to(s, *c, c->machine.on_published(r.answer, r.sequence, error));
      }
}

void walk::foreign_write(int subject) {
  if (server_.write_in_flight(subject))
    return;
  if (random_.chance(30)) {
    server_.append(subject, 0, 0, -1);
    return say([&] { return "another writer stored something malformed"; });
  }
  int const id = next_id_++;
  auto const version = server_.last(subject, server_.now).version + 1 + random_.below(2);
  server_.append(subject, version, id, -1);
  if (!tried_.empty() && random_.chance(15)) // under a message id of ours, as the server sees it
    server_.ids[tried_[static_cast<std::size_t>(random_.below(static_cast<int>(tried_.size())))].first.id] =
        server_.next_sequence - 1;
  say([&] {
    return "another writer stored v" + std::to_string(version) + " at " + std::to_string(server_.next_sequence - 1);
  });
}

/// Retention is far longer than a save or request takes and than a leader is stale; what is remembered is forgotten
/// when it is older.
void walk::expire_oldest() {
  auto const oldest =
      std::ranges::find_if(server_.log, [&](message const& m) { return model_server::held(m, server_.now); });
  if (oldest == server_.log.end())
    return;
  auto const began_before = [&](int time) { return time <= oldest->stored_at; };
  for (auto const* requests : {&on_the_way_, &server_.proposed})
    if (std::ranges::any_of(*requests, [&](request const& r) { return began_before(r.knows_since); }))
      return;
  for (auto const& s : stores_)
    for (auto const& c : s.active)
      if (c && began_before(c->knows_since))
        return;
  oldest->removed_at = last_removal_ = server_.now;
  say([&] { return "the message at " + std::to_string(oldest->sequence) + " expired"; });
  for (auto& s : stores_) {
    std::erase_if(s.kept, [&](kept_attempt const& k) { return began_before(k.time); });
    for (auto& entry : s.cache) // clocks differ a little, not by the time between two messages
      if (entry &&
          (entry->lives_by() < oldest->sequence || (entry->lives_by() == oldest->sequence && random_.chance(50))))
        entry.reset();
  }
}

void walk::lose_tail() {
  int count = 1 + random_.below(3);
  for (auto m = server_.log.rbegin(); m != server_.log.rend() && count != 0; ++m)
    if (model_server::held(*m, server_.now)) {
      m->removed_at = last_removal_ = server_.now;
      server_.next_sequence = m->sequence;
      --count;
    }
  std::erase_if(server_.ids, [&](auto const& i) { return i.second >= server_.next_sequence; });
  server_.proposed.clear();
  damaged_ = true;
  say([&] { return "the server lost everything from " + std::to_string(server_.next_sequence) + " on"; });
}

/// Nothing is lost or late any more: every save ends, and saving again resolves what stayed unknown.
void walk::come_to_rest() {
  at_rest_ = true;
  say([] { return std::string("coming to rest"); });
  auto settle = [&] {
    for (bool busy = true; busy && broken_.empty();) {
      ++server_.now;
      busy = !on_the_way_.empty() || !server_.proposed.empty();
      process_some_request();
      settle_some_proposal();
      for (auto& s : stores_)
        for (auto& c : s.active)
          if (c) {
            busy = true;
            c->deadline = std::max(c->deadline, 100);
            advance(s, *c);
          }
    }
  };
  settle();
  for (int round = 0; round != 2; ++round) {
    for (auto& s : stores_)
      for (auto const& k : std::vector(s.kept)) {
        begin(s, k.event, k.request, 100);
        settle();
        bool const id_used_twice = std::ranges::count_if(tried_, [&](auto const& t) {
                                     return t.first.id == k.event.id && t.first != k.event;
                                   }) != 0;
        bool const plain = !k.request.expected_version && k.request.policy == aether::version_policy::increasing;
        bool const resolved = std::ranges::none_of(s.kept, [&](auto const& x) { return x.event == k.event; });
        if (!resolved && !damaged_ && (round == 1 || (plain && !id_used_twice)))
          broken("saving " + name(k.event) + " again resolved nothing");
        ends_.resolved += resolved;
      }
    for (int subject = 0; subject != subjects_; ++subject) {
      ++server_.now;
      server_.append(subject, 0, 0, -1); // settles what only another message can
    }
  }
}

} // namespace save_model
