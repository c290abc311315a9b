// Each rule a loop over the calls or the faults.
#include "fault/check_run.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace aether::fault {
namespace {

constexpr std::int64_t healing = std::chrono::nanoseconds(healing_limit).count();

bool has_succeeded(operation const& o) {
  return o.kind == call_kind::save && (o.end == call_end::saved || o.end == call_end::already_saved);
}

std::string told_in_full(operation const& o) {
  return "call " + std::to_string(o.number) + " of process " + std::to_string(o.process) + " on " + o.actor_id;
}

void check_replicas(run_record const& run, std::vector<violation>& out) {
  for (std::size_t i = 1; i < run.replicas.size(); ++i) {
    auto const& leader = run.replicas.front();
    auto const& other = run.replicas[i];
    auto const same = [](stored_message const& a, stored_message const& b) {
      return a.sequence == b.sequence && a.actor_id == b.actor_id && a.event == b.event;
    };
    if (std::equal(leader.begin(), leader.end(), other.begin(), other.end(), same))
      continue;
    auto const at = std::mismatch(leader.begin(), leader.end(), other.begin(), other.end(), same);
    auto const place = at.first == leader.end() ? std::string("its end") : std::to_string(at.first->sequence);
    out.push_back({rule::replicas_agree, "replica " + std::to_string(i) + " of " + std::to_string(other.size()) +
                                             " events differs from the leader's " + std::to_string(leader.size()) +
                                             " at sequence " + place});
  }
}

void check_ends(run_record const& run, std::vector<violation>& out) {
  for (auto const& o : run.operations) {
    if (o.end == call_end::open && !run.killed.contains(o.process))
      out.push_back({rule::every_call_ends, told_in_full(o) + " never ended"});
    if (o.returned != 0 && run.longest_call.count() > 0 && o.returned - o.invoked > run.longest_call.count())
      out.push_back({rule::every_call_ends,
                     told_in_full(o) + " took " + std::to_string((o.returned - o.invoked) / 1'000'000) + " ms"});
  }
}

// When calls began, and when they or one that began later ended.
class ends_of_calls {
public:
  void add(operation const& o) { calls_.emplace_back(o.invoked, o.returned); }
  void settle() {
    std::sort(calls_.begin(), calls_.end());
    for (auto i = calls_.size(); i-- > 1;)
      calls_[i - 1].second = std::min(calls_[i - 1].second, calls_[i].second);
  }
  /// Whether one that began at `from` or later has ended by `until`.
  bool any_within(std::int64_t from, std::int64_t until) const {
    auto const first = std::lower_bound(calls_.begin(), calls_.end(), std::pair{from, std::int64_t{0}});
    return first != calls_.end() && first->second <= until;
  }

private:
  std::vector<std::pair<std::int64_t, std::int64_t>> calls_;
};

void check_progress(run_record const& run, std::vector<violation>& out) {
  ends_of_calls successes;
  std::map<std::uint32_t, ends_of_calls> answers; // of each process
  std::map<std::uint32_t, std::int64_t> last;     // time at which it was at work
  for (auto const& o : run.operations) {
    if (has_succeeded(o))
      successes.add(o);
    if (has_succeeded(o) || o.end == call_end::conflict)
      answers[o.process].add(o);
    last[o.process] = std::max({last[o.process], o.invoked, o.returned});
  }
  successes.settle();
  for (auto& [process, calls] : answers)
    calls.settle();
  for (std::size_t i = 0; i < run.faults.size(); ++i) {
    auto const healed = run.faults[i].to;
    auto const name = "fault " + std::to_string(i + 1) + " of " + std::to_string(run.faults.size());
    if (i + 1 < run.faults.size() && run.faults[i + 1].from < healed + healing) // it may not have had the time
      continue;
    if (!successes.any_within(healed, healed + healing))
      out.push_back({rule::progress_after_faults, "no save that began after the end of " + name + " succeeded within " +
                                                      std::to_string(healing_limit.count()) + " s"});
    for (auto const& [process, time] : last)
      if (time > healed + healing && !answers[process].any_within(healed, healed + healing))
        out.push_back({rule::progress_after_faults, "process " + std::to_string(process) +
                                                        " was told of no save that began after the end of " + name});
  }
}

bool near_a_fault(operation const& o, std::vector<fault_window> const& faults) {
  return std::any_of(faults.begin(), faults.end(),
                     [&](fault_window const& f) { return f.of_a_server && meets(o, f, healing); });
}

void check_failures(run_record const& run, std::vector<violation>& out) {
  for (auto const& o : run.operations) {
    bool const failed = o.end == call_end::failed;
    if ((failed || o.end == call_end::unknown) && !near_a_fault(o, run.faults))
      out.push_back({rule::no_failure_without_a_fault,
                     told_in_full(o) + (failed ? " failed with error " + std::to_string(o.error) : " stayed unknown") +
                         " when nothing was broken"});
    if (failed && !run.fitting_errors.empty() && !run.fitting_errors.contains(o.error))
      out.push_back({rule::error_is_fitting, told_in_full(o) + " failed with error " + std::to_string(o.error)});
  }
}

void check_sent_expectations(run_record const& run, std::vector<violation>& out) {
  if (!run.of_the_library || run.replicas.empty())
    return;
  std::map<std::string, std::uint64_t> last; // message of each actor
  for (auto const& m : run.replicas.front()) {
    auto& before = last[m.actor_id];
    if (m.expected_sequence != before)
      out.push_back({rule::expectation_was_sent,
                     "message " + std::to_string(m.sequence) + " of " + m.actor_id + " was sent expecting " +
                         (m.expected_sequence ? std::to_string(*m.expected_sequence) : std::string("nothing")) +
                         ", and stands behind " + std::to_string(before)});
    before = m.sequence;
  }
}

} // namespace

verdict check_run(run_record const& run) {
  static std::vector<stored_message> const nothing;
  auto out = check_history(run.operations, run.replicas.empty() ? nothing : run.replicas.front(), run.faults,
                           run.replicas.size() > 1);
  check_replicas(run, out.violations);
  check_ends(run, out.violations);
  check_progress(run, out.violations);
  check_failures(run, out.violations);
  check_sent_expectations(run, out.violations);
  return out;
}

std::size_t contested_versions(std::vector<operation> const& operations) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<operation const*>> attempts;
  for (auto const& o : operations)
    if (o.kind == call_kind::save && !o.events.empty())
      attempts[{o.actor_id, o.events.front().version}].push_back(&o);
  std::size_t count = 0;
  for (auto& [version, calls] : attempts) {
    std::sort(calls.begin(), calls.end(), [](auto const* a, auto const* b) { return a->invoked < b->invoked; });
    auto const overlap = std::adjacent_find(calls.begin(), calls.end(), [](auto const* a, auto const* b) {
      return a->process != b->process && (a->returned == 0 || b->invoked < a->returned);
    });
    if (overlap != calls.end())
      ++count;
  }
  return count;
}

std::string text_of(history_counts const& c) {
  std::string text;
  auto const add = [&](std::size_t count, char const* what) {
    if (count > 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(c.saved, "saved");
  add(c.already_saved, "already saved");
  add(c.conflicts, "conflicts");
  add(c.unknown, "unknown");
  add(c.failed, "failed");
  add(c.open, "open");
  add(c.reads, "reads");
  add(c.met_a_fault, "met a fault");
  add(c.stale, "stale answers of a leader that was none");
  return text;
}

} // namespace aether::fault
