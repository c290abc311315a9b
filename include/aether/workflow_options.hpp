// What steps, workflows and their hosts can be told, and the errors they end with.
#pragma once

#include <aether/error.hpp>
#include <aether/logging.hpp>
#include <aether/retry.hpp>
#include <aether/time_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aether {

/// How often a step's function may be called over crashes.
enum class execution {
  at_least_once, ///< again when a crash falls between its effect and the journal: give its key to what it calls
  at_most_once,  ///< one save more, before it; after such a crash the step throws step_in_doubt
};

/// What a step's function may ask for.
struct step_info {
  std::string key;             ///< `{type}-{id}/{run}/{name}`: the same whenever this step runs, and of no other one
  int attempt = 1;             ///< counted from 1, in this process
  bool maybe_repeated = false; ///< it may have been called before, by another attempt or a process that is gone

  step_info() = default;
};

/// Zero and none mean the host's defaults.
struct step_options {
  /// Whatever a step throws is tried again by this policy, also what is_retryable() does not name, unless its `decide`
  /// says stop. A policy that may last as long as the host's takeover_after costs a save more. None: once.
  std::optional<retry_policy> retry{};
  /// Of each attempt: it is cancelled (terminal) then, which it has to obey, and counts as failed with timed_out.
  std::chrono::nanoseconds timeout{};
  execution mode = execution::at_least_once; ///< at_most_once: no retry

  step_options() = default;
};

/// The name of a workflow type, and what it takes and gives: `Input` has a form in JSON, `Result` too or is void. The
/// name is stored, stands before the `-` of the actor's id, and must not hold one (checked when it is used).
template <class Input, class Result = void> class workflow_type {
public:
  using input_type = Input;
  using result_type = Result;

  /// `code_version`: stored in each run that begins with it, so that changed code knows old runs.
  explicit workflow_type(std::string name, std::int64_t code_version = 1)
      : name_(std::move(name)), code_version_(code_version) {}
  std::string const& name() const noexcept { return name_; }
  std::int64_t code_version() const noexcept { return code_version_; }

private:
  std::string name_;
  std::int64_t code_version_;
};

/// A step or a child failed, now or when it was recorded: errc::step_failed.
class step_error : public error {
public:
  step_error(std::string const& concerning, std::string name, std::string category, std::int64_t code,
             std::string message)
      : error(errc::step_failed, concerning + ", step \"" + name + "\": " + message), name_(std::move(name)),
        category_(std::move(category)), number_(code), message_(std::move(message)) {}

  std::string const& name() const noexcept { return name_; }
  /// Of what it threw: the error code's category and value; `exception` and 0 for a std::exception without one,
  /// `unknown` for the rest.
  std::string const& category() const noexcept { return category_; }
  std::int64_t number() const noexcept { return number_; }
  std::string const& message() const noexcept { return message_; } ///< what what() said

private:
  std::string name_, category_;
  std::int64_t number_;
  std::string message_;
};

/// How a workflow ended that did not complete: category, code and message are those of what left its code.
struct workflow_failure {
  bool was_cancelled = false;
  std::string category;
  std::int64_t code = 0;
  std::string message;
  std::vector<std::string> undo_failed; ///< the names of undo steps that failed

  workflow_failure() = default;
};

/// A workflow's result was asked for, and it has none: errc::workflow_failed or errc::workflow_cancelled.
class workflow_failed : public error {
public:
  workflow_failed(std::string const& concerning, workflow_failure how)
      : error(how.was_cancelled ? errc::workflow_cancelled : errc::workflow_failed, concerning + ": " + how.message),
        how_(std::move(how)) {}
  workflow_failure const& failure() const noexcept { return how_; }

private:
  workflow_failure how_;
};

/// Zero and empty mean the default.
struct workflow_host_options {
  /// Must be given: the same after a restart, and no other host's. A host goes on at once with what this name wrote
  /// last.
  std::string name;
  /// How long another host must have been silent, although it had something to do, to be taken for gone; 0: 60 s.
  /// Longer than steps take, their retries included.
  std::chrono::nanoseconds takeover_after{};
  std::chrono::nanoseconds step_timeout{}; ///< 0: 30 s; of steps that do not say
  std::size_t max_resident = 0; ///< workflows in memory; 0: 10,000
  std::size_t max_journal_entries = 0; ///< of one run; 0: 10,000
  std::size_t max_result_bytes = 0; ///< of a step, as JSON; 0: 256 KB
  std::shared_ptr<time_source const> time; ///< none: machine_time()
  std::shared_ptr<logger> log;
  std::function<double()> random; ///< none: seeded by the operating system

  workflow_host_options() = default;
  void validate() const; ///< throws invalid_argument
};

/// What a workflow_host did since it was made, and has now. A run counts again each time it is replayed.
struct workflow_metrics {
  std::uint64_t started = 0; ///< runs begun here
  std::uint64_t resumed = 0; ///< runs replayed here
  std::uint64_t finished = 0;
  std::uint64_t lost = 0; ///< to other hosts
  std::uint64_t broken = 0; ///< that cannot go on: see the log
  std::uint64_t evicted = 0; ///< that wait, and left memory for others
  std::size_t resident = 0; ///< in memory now
  std::size_t waiting = 0; ///< to be read, or for room in memory

  workflow_metrics() = default;
};

} // namespace aether
