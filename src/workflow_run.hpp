// One run of a workflow in memory: its coroutines, what they wait for, and the journal they go on with.
#pragma once

#include "detail/wait.hpp"
#include "workflow_book.hpp"

#include <aether/detail/workflow_calls.hpp>
#include <aether/event_store.hpp>
#include <aether/workflow_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace aether {
class workflow;
} // namespace aether

namespace aether::detail {

/// What an operation is told.
struct workflow_answer {
  asked_answer how = asked_answer::not_recorded;
  workflow_record record;
};

/// A branch's operation, while it waits.
struct workflow_op {
  operation_kind kind = operation_kind::step;
  std::string key;  ///< in the journal
  std::string name; ///< as the code has it
  bool shielded = false;
  std::shared_ptr<wait_state<workflow_answer>> wait;

  // a step's
  step_function const* function = nullptr;
  step_options options;
  bool begun_is_stored = false;
  bool timed_out = false; ///< its attempt
  bool in_effect = false; ///< the function, or the start of a child, is under way
  std::shared_ptr<asio::cancellation_signal> stop;

  // a timer's, or that of a signal waited for until then
  std::optional<time_point> due;
  bool wants_random = false;

  // a child's
  std::string child_id;
  std::string child_type;
  std::int64_t child_code_version = 1;
  boost::json::value input;
  bool child_is_started = false;
  bool cancels_child = false; ///< what is to be done to it, before this operation is told
  bool child_is_cancelled = false;

  // of branches that run side by side
  bool is_join = false;
  std::size_t living = 0;
  std::vector<std::exception_ptr> errors;
};

/// How a run leaves memory.
enum class run_end {
  finished,  ///< its outcome is stored
  continued, ///< the next run's beginning is stored
  lost,      ///< somebody else wrote to its journal
  broken,    ///< the code and its journal do not fit, or the journal cannot be written
};

/// What a run needs of its host. Called on the host's strand.
class workflow_surroundings {
public:
  virtual asio::any_io_executor executor() const = 0; ///< the strand
  /// Has it settle, on the strand; also while the context goes: it does not then.
  virtual void post_settle(std::shared_ptr<workflow_run> run) = 0;
  virtual std::shared_ptr<event_store> const& store() const = 0;
  virtual workflow_host_options const& options() const = 0; ///< without zeros
  /// Its event is about to be saved, and need not be seen when it comes back.
  virtual void on_writing(std::string const& event_id) = 0;
  virtual void wake_at(workflow_run& run, time_point when) = 0;
  virtual void on_parked(workflow_run& run) = 0;
  virtual void on_end(workflow_run& run, run_end how, std::string const& why) = 0;
  /// Starts the child, or finds it started, and has the parent told by on_child() when it has finished.
  virtual void start_child(workflow_run& parent, std::shared_ptr<workflow_op> const& op) = 0;
  /// Asks it to end, if it was ever started, and tells the parent by on_child_cancelled().
  virtual void cancel_child(workflow_run& parent, std::shared_ptr<workflow_op> const& op) = 0;

protected:
  ~workflow_surroundings() = default;
};

/// A type's code, as the host has it.
struct workflow_code {
  std::function<awaitable<boost::json::value>(workflow, boost::json::value const& input)> body;
  std::int64_t version = 1;
};

/// On its host's strand only. Never destroys coroutines that it is called from.
class workflow_run : public std::enable_shared_from_this<workflow_run> {
public:
  workflow_run(std::shared_ptr<workflow_surroundings> around, workflow_book book, workflow_code const& code);
  ~workflow_run();

  /// Runs the code, first against the journal. `fresh`: nobody can have begun its effects before.
  void start(bool fresh);
  /// Another one's event: a signal, a cancel request, or what another host wrote.
  void on_event(event const& e, journal::any body);
  void on_time();
  void settle(); ///< as posted
  void on_child(std::shared_ptr<workflow_op> const& op, workflow_record how);
  void on_child_started(std::shared_ptr<workflow_op> const& op);
  void on_child_cancelled(std::shared_ptr<workflow_op> const& op);
  /// Destroys its coroutines, once the effects under way have ended, which are cancelled. Nothing is written any more.
  void kill();

  workflow_book const& book() const noexcept { return book_; }
  std::string const& actor_id() const noexcept { return book_.actor_id(); }
  bool is_parked() const noexcept; ///< it waits for signals, timers and children, and all is written
  bool is_dead() const noexcept { return dead_; }
  /// What others have to know before it may leave memory has been stored.
  bool is_told_parked() const noexcept { return told_parked_; }
  /// From now on it begins nothing; what is under way ends and is stored.
  void wind_down() noexcept { winding_down_ = true; }
  bool is_quiet() const noexcept; ///< nothing is under way, and all is written
  /// Stores that; on_parked() follows.
  void tell_parked();
  std::optional<time_point> next_wake() const;
  journal::outcome const& outcome() const noexcept { return outcome_; } ///< of one that has finished
  void add_steps_under_way(std::vector<std::string>& out, std::optional<time_point> due_by) const;

  // The calls of the code.
  awaitable<workflow_answer> perform(std::shared_ptr<workflow_op> op);
  std::string key_of_signal(std::string const& name);
  void add_undo(std::string name, step_function function, step_options options);
  awaitable<void> side_by_side(std::vector<awaitable<void>> branches);
  std::string concerning() const; ///< `workflow transfer-42, run 1`

private:
  struct undo {
    std::string name;
    step_function function;
    step_options options;
  };
  struct branch_token;
  struct effect_end {
    std::exception_ptr error;
    boost::json::value value;
    int attempts = 1;
  };

  [[noreturn]] void refuse_name(std::string const& name) const;
  void park(std::shared_ptr<workflow_op> const& op);
  void answer(workflow_op& op, workflow_answer with);
  void record(journal::entry entry, std::shared_ptr<workflow_op> const& op);
  void post_settle();
  bool go_live();
  void settle_recorded();
  void settle_cancelled();
  void settle_signals_and_timers();
  bool has_to_write() const;
  bool begins(workflow_op const& op) const;
  bool says_that_it_begins(workflow_op const& op) const;
  void add_notes();
  void begin_effects();
  void run_effect(std::shared_ptr<workflow_op> const& op);
  static awaitable<boost::json::value> run_attempt(std::shared_ptr<workflow_run> self, std::shared_ptr<workflow_op> op,
                                                   step_info info);
  static awaitable<effect_end> run_attempts(std::shared_ptr<workflow_run> run, std::shared_ptr<workflow_op> op,
                                            bool repeated);
  void begin_attempt(workflow_op& op);
  static std::exception_ptr end_attempt(workflow_op& op, std::exception_ptr error);
  void end_effect(std::shared_ptr<workflow_op> const& op, std::exception_ptr error, boost::json::value value,
                  std::int64_t attempts);
  void on_root_end(std::exception_ptr error, boost::json::value result);
  void leave(run_end how, std::string why);
  void drop_coroutines();
  void take_arrived();

  void save();
  void on_saved(bool is_stored);
  static awaitable<bool> save_again(std::shared_ptr<workflow_run> self, std::exception_ptr failed);
  static awaitable<bool> catch_up(std::shared_ptr<workflow_run> self);
  static awaitable<void> read_missed(std::shared_ptr<workflow_run> self);
  static awaitable<void> undo_all(std::shared_ptr<workflow_run> self);
  void begin_writing();
  event make_event();
  awaitable<save_outcome> begin_save();

  std::shared_ptr<workflow_surroundings> around_;
  workflow_book book_;
  workflow_code const& code_;

  std::vector<std::shared_ptr<workflow_op>> waiting_;
  std::vector<undo> undo_;
  std::set<std::string> undo_names_;
  std::vector<std::string> undo_failed_;
  std::vector<journal::entry> pending_; ///< settled, not stored
  std::size_t running_ = 0; ///< branches in the code, or about to be
  std::size_t effects_ = 0;
  std::map<std::string, std::size_t> signals_asked_;
  std::vector<std::pair<event, journal::any>> arrived_; ///< while something is written

  bool live_ = false; ///< the journal has been replayed
  bool repeated_ = true; ///< effects that begin may have begun before, in a process that is gone
  bool writing_ = false;
  std::variant<journal::advanced, journal::continued, journal::finished> in_writing_; ///< what is being stored
  std::string writing_id_; ///< of its event; empty: none was made at this version
  bool settle_posted_ = false;
  bool winding_down_ = false;
  bool shield_ = false; ///< the code has ended, undo steps run
  bool ended_ = false; ///< of root and undo
  bool dead_ = false;
  bool left_ = false;
  bool told_parked_ = false;
  bool wants_parked_told_ = false;
  std::optional<boost::json::value> continue_with_;
  journal::outcome outcome_;
};

/// What continue_as_new() throws; no std::exception, so that code that catches these lets it pass.
struct continue_request {
  boost::json::value input;
};

} // namespace aether::detail
