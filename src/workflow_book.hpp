// What a run's journal says, as far as it was read: a pure value, from which the run is replayed and goes on.
#pragma once

#include "workflow_journal.hpp"

#include <aether/event.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aether::detail {

/// How an operation was settled, by its key.
struct workflow_record {
  journal::entry_kind kind = journal::entry_kind::recorded;
  boost::json::value value;
  journal::failure error;
  std::int64_t attempts = 1;
  time_point until{}; ///< step_begun
  bool asked = false; ///< the code has asked for it
};

/// What the code asks for.
enum class operation_kind { step, timer, signal, signal_until, recorded, child };

/// What the journal knows about an operation that is asked for.
enum class asked_answer {
  not_recorded,
  recorded,  ///< the record is there
  in_doubt,  ///< an at-most-once step was begun, and no end is known
  cancelled, ///< cancelling reached it
};

/// One at a time uses it. The events are applied in the order of their versions.
class workflow_book {
public:
  explicit workflow_book(std::string actor_id) : actor_id_(std::move(actor_id)) {}

  /// Takes in the next event. The first one begins the run. Throws malformed_event, unknown_event_type, version_order.
  void apply(event const& e);
  void apply(event const& e, journal::any body);

  /// What of an event another host may have written meanwhile leaves the run as it is: signals and cancel requests.
  static bool is_from_outside(journal::any const& body);

  std::string const& actor_id() const noexcept { return actor_id_; }
  std::int64_t version() const noexcept { return version_; } ///< of the last event applied; 0: none
  std::int64_t since() const noexcept { return since_; }
  std::int64_t run() const noexcept { return run_; }
  std::string const& workflow() const noexcept { return workflow_; }
  std::int64_t code_version() const noexcept { return code_version_; }
  boost::json::value const& input() const noexcept { return input_; }
  std::optional<std::string> const& parent() const noexcept { return parent_; }
  std::string const& last_host() const noexcept { return last_host_; } ///< who wrote last; empty: nobody claimed it
  /// Who wrote last has said what it waits for. Of what was read: what was settled and written since is not looked at.
  bool was_parked() const noexcept { return was_parked_; }
  std::optional<journal::outcome> const& outcome() const noexcept { return outcome_; }
  bool is_cancel_requested() const noexcept { return cancel_reason_.has_value(); }
  std::string const& cancel_reason() const { return cancel_reason_.value(); } ///< of the first request
  std::size_t entries() const noexcept { return entries_; }
  /// Until then steps may be under way that were begun; the epoch: none.
  time_point busy_until() const;

  // While the run replays and goes on.

  /// Marks the record as asked for. Throws workflow_diverged when what is recorded is of another kind, and
  /// workflow_name_used when the key was asked for before.
  asked_answer ask(operation_kind kind, std::string const& key);
  workflow_record const& record(std::string const& key) const;
  bool has_record(std::string const& key) const;
  bool was_asked(std::string const& key) const;

  /// An operation that was asked for has been settled here: it counts as recorded and asked for. What stands in a
  /// signal_taken entry was taken by take_signal().
  void settle(journal::entry const& entry);
  /// What was settled since has been stored with this version.
  void wrote(std::int64_t version, std::string const& host);

  /// Keys that are recorded and were not asked for, in their order.
  std::vector<std::string> unasked() const;

  /// The oldest signal of that name that nobody took; it is taken then.
  std::optional<journal::signal> take_signal(std::string const& name);
  bool has_signal(std::string const& name) const;
  /// Those that nobody took, oldest first.
  std::vector<journal::signal> untaken() const;
  /// The cancel request has been told to the code.
  void tell_cancel() noexcept { cancel_told_ = true; }
  bool was_cancel_told() const noexcept { return cancel_told_; }

private:
  void begin(std::int64_t version, std::int64_t run, std::string workflow, std::int64_t code_version,
             boost::json::value input, std::string host, std::optional<std::string> parent);
  void take(journal::entry&& entry);

  std::string actor_id_;
  std::int64_t version_ = 0;
  std::int64_t since_ = 0;
  std::int64_t run_ = 0;
  std::string workflow_;
  std::int64_t code_version_ = 1;
  boost::json::value input_;
  std::optional<std::string> parent_;
  std::string last_host_;
  std::optional<journal::outcome> outcome_;
  std::optional<std::string> cancel_reason_;
  bool was_parked_ = false;
  bool cancel_told_ = false;
  std::size_t entries_ = 0;
  std::map<std::string, workflow_record> records_;
  std::map<std::string, bool> asked_; ///< keys without a record that were asked for
  std::vector<std::string> order_; ///< keys as they were recorded
  std::deque<journal::signal> signals_;
  std::set<std::string> signal_ids_; ///< of the run: one that is repeated counts once
};

} // namespace aether::detail
