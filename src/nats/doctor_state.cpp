// What is risky about how a stream is at this moment: its copies, its messages, its subjects, its account.
#include "nats/doctor_rules.hpp"
#include "nats/duration_text.hpp"

#include <algorithm>

namespace aether::nats::detail {
namespace {

using namespace std::chrono_literals;

/// From where on a server feels the subjects of a stream: docs/operations.md has what was measured.
constexpr std::uint64_t many_subjects = 1'000'000;
constexpr std::uint64_t too_many_subjects = 10'000'000;

/// A replica is heard every second. It counts as offline only much later, after 40 s and more (seen on 2.10 and 2.15).
constexpr std::chrono::nanoseconds longest_silence = 5s;

bool is_away(copy_facts const& copy) { return copy.offline || (!copy.current && copy.silent >= longest_silence); }

std::string state_of_copy(copy_facts const& copy) {
  if (is_away(copy))
    return copy.server + (copy.offline ? " is offline, silent for " : " is silent for ") +
           duration_text(std::chrono::floor<std::chrono::seconds>(copy.silent));
  return copy.server +
         (copy.lag == 0 ? " is not up to date" : " is " + std::to_string(copy.lag) + " operations behind");
}

void judge_copies(stream_facts const& s, finding_list& out) {
  auto const wanted = static_cast<std::size_t>(settings_of(s.config).replicas());
  if (!s.tells_copies && wanted == 1)
    return; // a server without a cluster, before 2.10
  if (!s.tells_copies)
    return out.add_unknown(severity::warning, "leader", "the server does not tell who leads the stream",
                           "look at `nats stream info`");
  bool const led = !s.leader.empty();
  if (!led)
    out.add(severity::critical, "leader", "the stream has no leader",
            "nothing can be saved: start the servers that keep it; a majority of its " + std::to_string(wanted) +
                " replicas has to be there");
  std::size_t good = led ? 1 : 0;
  bool away = false;
  std::string list;
  auto const name_it = [&](std::string const& what) { list += (list.empty() ? "" : "; ") + what; };
  for (auto const& copy : s.copies) {
    if (copy.current && !copy.offline) {
      ++good;
      continue;
    }
    away = away || is_away(copy);
    name_it(state_of_copy(copy));
  }
  auto const there = s.copies.size() + (led ? 1 : 0);
  if (there < wanted)
    name_it(std::to_string(wanted - there) + " of " + std::to_string(wanted) + " have no server");
  if (list.empty())
    return;
  auto const majority = wanted / 2 + 1;
  auto const level = good < majority                       ? severity::critical
                     : away || there < wanted || good == 1 ? severity::warning
                                                           : severity::info;
  auto const text = std::to_string(good) + " of " + std::to_string(wanted) + " replicas are up to date: " + list;
  out.add(level, "replicas_behind", text,
          good < majority ? "no majority is up to date: bring these servers back before anything else is restarted"
                          : "wait until all are up to date before the next server is stopped; one that stays behind "
                            "needs a restart, or its peer removed");
}

void judge_messages(stream_facts const& s, finding_list& out) {
  if (s.lost > 0)
    out.add(severity::critical, "lost_messages",
            "the server's files no longer have " + std::to_string(s.lost) + " messages",
            "compare with a replica or a backup, and look at the disk and at the server's log");
  if (s.deleted > 0)
    out.add(severity::warning, "deleted_messages",
            std::to_string(s.deleted) + " messages between the first and the last are gone",
            "somebody deleted them, or a limit did: `aether check` tells which versions are missing; set deny_delete "
            "and deny_purge");
}

void judge_subjects(stream_facts const& s, finding_list& out) {
  if (!s.subjects)
    return out.add_unknown(severity::info, "subject_count", "the server does not tell how many subjects there are", "");
  auto const count = std::to_string(*s.subjects) + " subjects";
  if (*s.subjects >= too_many_subjects)
    out.add(severity::warning, "subject_count", count,
            "the server keeps each in memory, and goes through all of them when it starts and when actors are listed, "
            "while saves wait: spread the actors over several streams");
  else if (*s.subjects >= many_subjects)
    out.add(severity::info, "subject_count", count,
            "the server keeps each in memory; listing the actors holds saves up for up to a second. Plan several "
            "streams before there are ten times as many");
}

void judge_account(doctor_facts const& facts, finding_list& out) {
  if (!facts.account)
    return out.add_unknown(severity::info, "account_storage", facts.no_account,
                           "the examination may ask $JS.API.INFO if the user may publish to it");
  bool const in_memory = settings_of(facts.stream.config).in_memory();
  out.add_use("account_storage", "the account's storage", in_memory ? facts.account->memory : facts.account->file,
              "beyond its limit saves are refused (storage_full) in every stream of the account: raise the limit, or "
              "make room");
}

} // namespace

void judge_state(doctor_facts const& facts, finding_list& out) {
  judge_copies(facts.stream, out);
  judge_messages(facts.stream, out);
  judge_subjects(facts.stream, out);
  judge_account(facts, out);
}

} // namespace aether::nats::detail
