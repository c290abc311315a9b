// Each rule over indexes of the calls and of the stream, an actor at a time. All rules need the same indexes: that is
// why it is long.
#include "fault/check_history.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

namespace aether::fault {
namespace {

bool succeeded(operation const& o) {
  return o.kind == call_kind::save && (o.end == call_end::saved || o.end == call_end::already_saved);
}
/// It may have stored its events, or store them yet.
bool may_have_stored(operation const& o) {
  return succeeded(o) || (o.kind == call_kind::save && (o.end == call_end::unknown || o.end == call_end::open));
}
bool has_expectation(operation const& o) { return o.expected_version || o.contiguous; }

std::string_view name_of(call_end end) {
  switch (end) {
  case call_end::open:
    return "open";
  case call_end::saved:
    return "saved";
  case call_end::already_saved:
    return "already saved";
  case call_end::conflict:
    return "conflict";
  case call_end::unknown:
    return "unknown";
  case call_end::failed:
    return "failed";
  case call_end::answered:
    break;
  }
  return "answered";
}
std::string name_of(written_event const& e) { return "event " + e.id + " at version " + std::to_string(e.version); }
std::string name_of(operation const& o) {
  return "call " + std::to_string(o.number) + " of process " + std::to_string(o.process);
}
std::string name_of(stored_message const& m) { return "message " + std::to_string(m.sequence); }

// The greatest value among those that were known by a time. Add in any order, then settle, then ask.
class greatest_by_time {
public:
  void add(std::int64_t time, std::int64_t value) { known_.emplace_back(time, value); }
  void settle() {
    std::sort(known_.begin(), known_.end());
    for (std::size_t i = 1; i < known_.size(); ++i)
      known_[i].second = std::max(known_[i].second, known_[i - 1].second);
  }
  /// Strictly before that time; `none` when nothing was known.
  std::int64_t before(std::int64_t time, std::int64_t none = 0) const {
    auto const after =
        std::lower_bound(known_.begin(), known_.end(), time, [](auto const& k, std::int64_t t) { return k.first < t; });
    return after == known_.begin() ? none : std::prev(after)->second;
  }

private:
  std::vector<std::pair<std::int64_t, std::int64_t>> known_;
};

class actor_check {
public:
  actor_check(std::string const& actor_id, std::vector<fault_window> const& faults, bool replicated, verdict& out)
      : actor_id_(actor_id), faults_(faults), replicated_(replicated), out_(out) {}

  void add(operation const& o) {
    operations_.push_back(&o);
    if (o.kind == call_kind::save)
      for (auto const& e : o.events)
        writers_[e.id].push_back(&o);
  }
  void add(stored_message const& m) { messages_.push_back(&m); }

  void check() {
    index_messages();
    for (auto const* o : operations_)
      if (succeeded(*o))
        acknowledged_.add(o->returned, o->events.back().version);
    acknowledged_.settle();
    check_stream();
    for (auto const* o : operations_) {
      if (succeeded(*o))
        check_success(*o);
      else if (o->kind == call_kind::save && (o->end == call_end::conflict || o->end == call_end::failed))
        check_refusal(*o);
    }
    check_real_time();
    check_reads();
  }

private:
  void report(rule broken, std::string text) {
    out_.violations.push_back({broken, "actor " + actor_id_ + ": " + std::move(text)});
  }

  /// The same of what may be the word of a leader that is none any more.
  void report_unless_stale(operation const& o, rule broken, std::string text) {
    constexpr std::int64_t notices =
        10'000'000'000; // ns, after which a server without a quorum knows that it leads none
    bool const excused = replicated_ && std::any_of(faults_.begin(), faults_.end(), [&](fault_window const& f) {
                           return f.of_a_server && meets(o, f, notices);
                         });
    if (excused)
      ++out_.counts.stale;
    else
      report(broken, std::move(text));
  }

  void index_messages() {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      auto const& m = *messages_[i];
      by_sequence_.emplace(m.sequence, i);
      by_id_.emplace(m.event.id, i);
      if (!by_version_.emplace(m.event.version, i).second)
        report(rule::stored_once,
               "version " + std::to_string(m.event.version) + " is stored twice, again by " + name_of(m));
    }
  }

  void check_stream() {
    std::set<std::string_view> seen;
    std::int64_t version = 0;
    for (auto const* m : messages_) {
      if (!seen.insert(m->event.id).second)
        report(rule::stored_once, name_of(m->event) + " is stored twice, again by " + name_of(*m));
      if (m->event.version <= version)
        report(rule::versions_increase,
               name_of(*m) + " has version " + std::to_string(m->event.version) + " after " + std::to_string(version));
      check_origin(*m, version);
      version = std::max(version, m->event.version);
    }
  }

  void check_origin(stored_message const& m, std::int64_t before) {
    auto const found = writers_.find(m.event.id);
    if (found == writers_.end())
      return report(rule::known_origin, name_of(m) + " holds " + name_of(m.event) + ", which nobody wrote");
    bool same = false, one_expects = true;
    for (auto const* o : found->second) {
      same = same || std::find(o->events.begin(), o->events.end(), m.event) != o->events.end();
      one_expects = one_expects && (has_expectation(*o) || !may_have_stored(*o));
    }
    if (!same)
      return report(rule::known_origin, name_of(m) + " holds " + name_of(m.event) + ", not as it was written");
    bool const one_may =
        std::any_of(found->second.begin(), found->second.end(), [](auto const* o) { return may_have_stored(*o); });
    if (!one_expects || !one_may) // an attempt without expectation may be the one that stored it; else told elsewhere
      return;
    for (auto const* o : found->second) {
      if (!may_have_stored(*o))
        continue;
      bool const first = o->events.front() == m.event;
      bool const kept = (!o->expected_version || !first || *o->expected_version == before) &&
                        (!o->contiguous || m.event.version == before + 1);
      if (kept)
        return;
    }
    report(rule::expectation_holds, name_of(m.event) + " of " + name_of(*found->second.front()) + " follows version " +
                                        std::to_string(before) + ", which it did not expect");
  }

  void check_success(operation const& o) {
    if (o.version != o.events.back().version)
      report(rule::saved_event_is_stored, name_of(o) + " was told that version " + std::to_string(o.version) +
                                              " is saved, and it was " + name_of(o.events.back()));
    if (o.end == call_end::already_saved)
      check_earlier_attempt(o);
    auto const last = o.sequence;
    for (std::size_t i = 0; i < o.events.size(); ++i) {
      auto const& e = o.events[i];
      auto const at = last - (o.events.size() - 1 - i);
      auto const found = by_sequence_.find(at);
      if (found == by_sequence_.end() || !(messages_[found->second]->event == e))
        report(rule::saved_event_is_stored, name_of(o) + " was told that " + name_of(e) + " is stored at sequence " +
                                                std::to_string(at) + ", and it is not");
      auto const [winner, first] = winners_.emplace(e.version, e.id);
      if (!first && winner->second != e.id)
        report(rule::one_success_per_version, name_of(o) + " was told that " + name_of(e) +
                                                  " is saved, another call the same of " + std::string(winner->second));
    }
  }

  /// The calls that would have stored the event, each with its time in ms and how it ended.
  std::string story_of(written_event const& e) const {
    std::string told = "; its calls:";
    for (auto const* w : writers_.at(e.id)) {
      told += " " + std::to_string(w->process) + "/" + std::to_string(w->number) + " at " +
              std::to_string(w->invoked / 1'000'000) + "…" + std::to_string(w->returned / 1'000'000) + " ms " +
              std::string(name_of(w->end));
      if (w->error != 0)
        told += " (error " + std::to_string(w->error) + ")";
      if (w->sequence != 0)
        told += " (sequence " + std::to_string(w->sequence) + ")";
    }
    auto const stored = by_id_.find(e.id);
    return told + (stored == by_id_.end() ? "; not in the stream"
                                          : "; in the stream as " + name_of(*messages_[stored->second]));
  }

  /// What stood there before this call was stored by an earlier one, which then cannot have failed.
  void check_earlier_attempt(operation const& o) {
    auto const& writers = writers_.at(o.events.front().id);
    bool const explained = std::any_of(writers.begin(), writers.end(), [&](auto const* w) {
      return w != &o && may_have_stored(*w) && w->invoked < o.returned;
    });
    if (!explained) // of two leaders one may refuse what the other stores, for this very call
      report_unless_stale(o, rule::refused_is_not_stored,
                          name_of(o) + " was told that " + name_of(o.events.front()) +
                              " had been saved before, by calls that all had failed" + story_of(o.events.front()));
  }

  /// The last of the process's earlier calls with the event that said what has become of it, or that it is unknown.
  operation const* last_word(operation const& o) const {
    operation const* last = nullptr;
    for (auto const* w : writers_.at(o.events.front().id))
      if (w->process == o.process && w->returned != 0 && w->returned < o.invoked && w->end != call_end::failed &&
          (!last || last->returned < w->returned))
        last = w;
    return last;
  }

  /// Whether the event is stored, and no call after this one can have done it.
  bool was_stored_before(operation const& o) const {
    auto const& e = o.events.front();
    auto const stored = by_id_.find(e.id);
    if (stored == by_id_.end() || !(messages_[stored->second]->event == e))
      return false;
    auto const& writers = writers_.at(e.id);
    return std::none_of(writers.begin(), writers.end(), [&](auto const* w) {
      return w->invoked > o.returned && may_have_stored(*w) && w->end != call_end::already_saved;
    });
  }

  void check_refusal(operation const& o) {
    auto const* before = last_word(o);
    bool const was_unknown = before && before->end == call_end::unknown;
    if (o.end == call_end::failed && was_unknown && was_stored_before(o))
      report(rule::unknown_until_resolved, name_of(o) + " was told that " + name_of(o.events.front()) +
                                               " is not stored (error " + std::to_string(o.error) + "), when " +
                                               name_of(*before) + " had been told unknown" +
                                               story_of(o.events.front()));
    // Repeated with the expectation that it had, it is resolved; with another on a quiet actor it is not.
    bool const repeats_unknown = was_unknown && before->expected_version == o.expected_version;
    for (auto const& e : o.events) {
      auto const stored = by_id_.find(e.id);
      if (stored == by_id_.end() || messages_[stored->second]->event.version != e.version)
        continue;
      auto const& writers = writers_.at(e.id);
      bool const of_another_call =
          std::any_of(writers.begin(), writers.end(), [](auto const* w) { return may_have_stored(*w); });
      if (!of_another_call)
        report(rule::refused_is_not_stored, name_of(o) + " was told that " + name_of(e) + " is not stored, and " +
                                                name_of(*messages_[stored->second]) + " holds it" + story_of(e));
      bool const saved_before = std::any_of(writers.begin(), writers.end(),
                                            [&](auto const* w) { return succeeded(*w) && w->returned < o.invoked; });
      if (o.end == call_end::conflict && (!has_expectation(o) || saved_before || repeats_unknown))
        report(rule::no_conflict_with_oneself,
               name_of(o) + " was told of a conflict for " + name_of(e) + ", which itself is stored");
    }
    if (o.end == call_end::conflict)
      check_explained(o);
  }

  /// Whether a version was stored, or being stored, before a time.
  bool may_be_seen(std::int64_t version, std::int64_t before) const {
    if (version == 0)
      return true;
    auto const found = by_version_.find(version);
    if (found == by_version_.end())
      return false;
    auto const writers = writers_.find(messages_[found->second]->event.id);
    return writers == writers_.end() || std::any_of(writers->second.begin(), writers->second.end(),
                                                    [&](auto const* w) { return w->invoked < before; });
  }

  void check_explained(operation const& o) {
    auto const first = o.events.front().version;
    bool const taken = o.version >= first;
    bool const unexpected =
        (o.expected_version && o.version != *o.expected_version) || (o.contiguous && o.version != first - 1);
    if ((taken || unexpected) && may_be_seen(o.version, o.returned)) {
      auto const known = acknowledged_.before(o.invoked);
      if (!taken && o.version < known)
        report_unless_stale(o, rule::conflict_is_explained,
                            name_of(o) + " was told that version " + std::to_string(o.version) +
                                " is the current one, when " + std::to_string(known) + " had been acknowledged");
      return;
    }
    report(rule::conflict_is_explained, name_of(o) + " was told that version " + std::to_string(o.version) +
                                            " stands in the way of " + name_of(o.events.front()) +
                                            ", which nobody had written or which is no obstacle");
  }

  void check_real_time() {
    greatest_by_time stored;
    for (auto const* o : operations_)
      if (succeeded(*o))
        stored.add(o->returned, static_cast<std::int64_t>(o->sequence));
    stored.settle();
    for (auto const* o : operations_) {
      if (o->kind != call_kind::save || o->end != call_end::saved)
        continue;
      auto const before = stored.before(o->invoked);
      if (static_cast<std::int64_t>(o->sequence) <= before)
        report(rule::real_time_order, name_of(*o) + " saved at sequence " + std::to_string(o->sequence) +
                                          " after another call had saved at " + std::to_string(before));
    }
  }

  static std::int64_t told_by(operation const& read) {
    if (read.kind == call_kind::latest_version)
      return read.version;
    return read.events.empty() ? read.expected_version.value_or(0) : read.events.back().version;
  }

  void check_reads() {
    // On one server what one process has read every other sees; with replicas a replica may lag behind another.
    std::map<std::uint32_t, greatest_by_time> read;
    auto const reader = [&](operation const& o) { return replicated_ ? o.process : 0; };
    auto const is_read = [](operation const& o) { return o.kind != call_kind::save && o.end == call_end::answered; };
    for (auto const* o : operations_)
      if (is_read(*o))
        read[reader(*o)].add(o->returned, told_by(*o));
    for (auto& [process, known] : read)
      known.settle();
    for (auto const* o : operations_) {
      if (!is_read(*o))
        continue;
      auto const told = told_by(*o);
      auto const least = acknowledged_.before(o->invoked);
      if (told < least)
        report_unless_stale(*o, rule::read_sees_acknowledged,
                            name_of(*o) + " read version " + std::to_string(told) + " when " + std::to_string(least) +
                                " had been acknowledged");
      auto const earlier = read[reader(*o)].before(o->invoked);
      if (told < earlier)
        report_unless_stale(*o, rule::read_never_goes_back,
                            name_of(*o) + " read version " + std::to_string(told) + " after a call had read " +
                                std::to_string(earlier));
      check_told(*o, told);
    }
  }

  void check_told(operation const& o, std::int64_t told) {
    if (!may_be_seen(told, o.returned))
      return report(rule::read_is_stored,
                    name_of(o) + " read version " + std::to_string(told) + ", which is not there");
    std::size_t first = 0;
    while (first < messages_.size() && messages_[first]->event.version <= o.expected_version.value_or(0))
      ++first;
    for (std::size_t i = 0; i < o.events.size(); ++i)
      if (first + i >= messages_.size() || !(messages_[first + i]->event == o.events[i]))
        return report(rule::read_is_stored, name_of(o) + " read " + name_of(o.events[i]) + " as number " +
                                                std::to_string(i + 1) + ", where the stream has something else");
  }

  std::string const actor_id_;
  std::vector<fault_window> const& faults_;
  bool const replicated_;
  verdict& out_;
  greatest_by_time acknowledged_; // versions
  std::vector<operation const*> operations_;
  std::vector<stored_message const*> messages_;
  std::map<std::string_view, std::vector<operation const*>> writers_; // of an event, by its id
  std::map<std::uint64_t, std::size_t> by_sequence_;
  std::map<std::string_view, std::size_t> by_id_;
  std::map<std::int64_t, std::size_t> by_version_;
  std::map<std::int64_t, std::string_view> winners_; // who was told that a version is its
};

void count(operation const& o, std::vector<fault_window> const& faults, history_counts& counts) {
  if (std::any_of(faults.begin(), faults.end(), [&](fault_window const& f) { return meets(o, f); }))
    ++counts.met_a_fault;
  if (o.kind != call_kind::save) {
    ++counts.reads;
    return;
  }
  switch (o.end) {
  case call_end::open:
    ++counts.open;
    break;
  case call_end::answered: // of a read
    break;
  case call_end::saved:
    ++counts.saved;
    break;
  case call_end::already_saved:
    ++counts.already_saved;
    break;
  case call_end::conflict:
    ++counts.conflicts;
    break;
  case call_end::unknown:
    ++counts.unknown;
    break;
  case call_end::failed:
    ++counts.failed;
    break;
  }
}

} // namespace

verdict check_history(std::vector<operation> const& operations, std::vector<stored_message> const& messages,
                      std::vector<fault_window> const& faults, bool replicated) {
  verdict out;
  std::map<std::string, actor_check> actors;
  auto const of = [&](std::string const& id) -> actor_check& {
    return actors.try_emplace(id, id, faults, replicated, out).first->second;
  };
  for (auto const& o : operations) {
    of(o.actor_id).add(o);
    count(o, faults, out.counts);
  }
  for (auto const& m : messages)
    of(m.actor_id).add(m);
  for (auto const& f : faults)
    out.counts.faults_met +=
        std::any_of(operations.begin(), operations.end(), [&](operation const& o) { return meets(o, f); });
  for (auto& [id, actor] : actors)
    actor.check();
  return out;
}

} // namespace aether::fault
