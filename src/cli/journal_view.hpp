// A workflow's journal entry by entry: what was asked for, how it was settled, and which signals nobody took.
#pragma once

#include "cli/row.hpp"
#include "cli/workflow_status.hpp"

#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace aether::cli {

/// Takes the events in their order. Keeps the signals that nobody took, and the ids of the run's.
class journal_view {
public:
  /// The rows of an event; one row with `error` when it belongs to no journal or does not fit what came before it.
  std::vector<row> on_event(recorded_event const& e);
  row on_error(replay_error const& bad);

  bool is_empty() const noexcept { return events_ == 0; }
  workflow_status const& status() const noexcept { return status_; }
  std::vector<journal::signal> const& untaken() const noexcept { return signals_; }

private:
  void add_entries(std::vector<row>& out, recorded_event const& e, std::int64_t run, std::string const& host,
                   std::vector<journal::entry> const& entries);
  void add_body(std::vector<row>& out, recorded_event const& e, journal::any const& body);
  std::string take_signal(journal::entry const& e);
  void keep_signal(journal::signal s);
  void begin_run(std::vector<journal::signal> signals);
  void note(std::vector<row>& out, recorded_event const& e, std::string what) const;

  workflow_status status_;
  std::vector<journal::signal> signals_;
  std::set<std::string> signal_ids_; // of the run: one that is repeated counts once
  std::uint64_t events_ = 0;
};

/// How it is: for people some sentences, for programs `{"kind":"summary",…}`.
std::vector<std::string> summary_lines(journal_view const& v);
row summary_row(std::string_view actor_id, journal_view const& v);

} // namespace aether::cli
