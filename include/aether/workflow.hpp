// Durable workflows: coroutines that go on where they were after a crash, because each step's outcome is stored.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/detail/workflow_calls.hpp>
#include <aether/error.hpp>
#include <aether/event.hpp>
#include <aether/workflow_options.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace aether {

/// What a workflow's code works with; passed by value, copies are the same run. Everything that is not the same each
/// time the code runs goes through it: effects into step(), the time into now(), chance into random(). Between these
/// the code only computes, and awaits nothing else: it is run again from the beginning after a crash, gets what is
/// recorded, and must ask for the same. docs/workflows.md lists what may be done.
///
/// Names are the keys of the run's journal, 1 to 255 bytes: each is used once, signals excepted. Steps, timers,
/// children, recorded values and undo steps share them. A second use throws workflow_name_used.
///
/// When the workflow is to be cancelled, operations that wait or would begin throw an `error` of workflow_cancelled; a
/// step under way ends and is recorded first. A workflow whose host ends, or loses it to another one, is destroyed
/// where it waits: no exception, destructors only. Its members are called from its own code only.
class workflow {
public:
  workflow() = default;
  explicit workflow(std::shared_ptr<detail::workflow_run> run) : run_(std::move(run)) {}

  std::string id() const { return detail::workflow_id(run_); } ///< as it was started, without the type
  std::int64_t run() const { return detail::workflow_run_number(run_); } ///< 1, and one more for each continue_as_new
  /// Of the workflow_type with which the run was started; that of the host when it began by continue_as_new.
  std::int64_t code_version() const { return detail::workflow_code_version(run_); }

  /// Runs `function()`, or `function(step_info const&)`, which returns an awaitable of void or of what has a form in
  /// JSON. What that returns is stored before anything that rests on it begins, and returned here, having gone through
  /// JSON; a run that is repeated gets it without calling the function.
  ///
  /// The function is called at least once: again when a crash comes between its effect and the journal, and for each
  /// retry. `step_info::key` lets others recognise that. With execution::at_most_once it is called once, and may end as
  /// step_in_doubt. What the last attempt throws is a step_error here, live and replayed: never the original exception.
  ///
  /// The function has a name and lives until the awaitable ends, or is a temporary that captures by reference.
  template <class Function>
  awaitable<detail::step_result<Function>> step(std::string name, Function&& function,
                                                step_options options = {}) const {
    using result = detail::step_result<Function>;
    static_assert(detail::journaled<result>, "a step returns an awaitable of void, or of what has a form in JSON");
    return detail::run_step<result>(run_, std::move(name), detail::erase_step(std::forward<Function>(function)),
                                    std::move(options));
  }

  /// Waits until then, by the host's clock; a time that has passed is no wait. Survives restarts.
  awaitable<void> sleep_until(std::string name, time_point when) const {
    return detail::sleep_until(run_, std::move(name), when);
  }
  /// From when it is reached for the first time, which is recorded as `{name} begun`: the name has at most 249 bytes.
  awaitable<void> sleep_for(std::string name, std::chrono::nanoseconds duration) const {
    return detail::sleep_for(run_, std::move(name), duration);
  }

  /// The time when this was reached for the first time.
  awaitable<time_point> now(std::string name) const { return detail::recorded_now(run_, std::move(name)); }
  /// 64 random bits, the same each time the run is repeated.
  awaitable<std::uint64_t> random(std::string name) const { return detail::recorded_random(run_, std::move(name)); }

  /// The next signal of that name, in the order in which they were stored; also one stored before it is waited for.
  /// A name may be used again: recorded as `signal {name} 1`, `signal {name} 2` and so on.
  template <class T> awaitable<T> signal(std::string name) const {
    static_assert(detail::json_convertible<T>, "a signal's value has a form in JSON");
    return detail::take_signal<T>(run_, std::move(name));
  }
  /// The same, or none when that time comes first. What is recorded first stays, also when it is seen late.
  template <class T> awaitable<std::optional<T>> signal_until(std::string name, time_point when) const {
    static_assert(detail::json_convertible<T>, "a signal's value has a form in JSON");
    return detail::take_signal_until<T>(run_, std::move(name), when);
  }

  /// Runs branches side by side, and returns what they return when all have ended; void becomes std::monostate. The
  /// first failure in the order of the arguments is thrown then, whichever came first; the other branches are not
  /// cancelled by it. Branches are calls of coroutine functions that take what they need by value, and share nothing
  /// that changes. Keep the tuple whole: `auto [a, b] = co_await …` is miscompiled by some compilers.
  template <class... Ts> awaitable<std::tuple<detail::branch_value<Ts>...>> when_all(awaitable<Ts>... branches) const {
    return detail::run_branches<Ts...>(run_, std::move(branches)...);
  }

  /// What undoes a step, registered before it: called, as a step of this name, when the code ends with an exception,
  /// also by being cancelled. Undo steps run in reverse order, cannot be cancelled, and the others run when one fails
  /// (workflow_failure::undo_failed). The step may never have happened, or its effect may still be on its way.
  ///
  /// The function owns what it needs (captures by value), but not the workflow: the code's coroutine is gone when it
  /// runs. No other operation has the name, or workflow_name_used.
  template <class Function> void on_failure(std::string name, Function function, step_options options = {}) const {
    static_assert(std::is_void_v<detail::step_result<Function&>>, "an undo step returns awaitable<void>");
    detail::add_undo(run_, std::move(name), detail::own_step(std::move(function)), std::move(options));
  }

  /// Starts another workflow, or finds the one that was started before with this name, and waits for its result. Its id
  /// is `{this id}/{name}`. When it fails, is cancelled or cannot be started, that is a step_error with what ended it.
  /// When this one is cancelled while it waits, the child is asked to cancel too.
  template <class Input, class Result>
  awaitable<Result> child(std::string name, workflow_type<Input, Result> const& type, Input const& input) const {
    return detail::run_child<Result>(run_, std::move(name), type.name(), type.code_version(),
                                     detail::to_json_value(input));
  }

  /// Ends this run and begins the next one, with another input and an empty journal; signals that were not taken go on,
  /// undo steps are forgotten. Throws what is no std::exception and has to leave the code. Not in a branch of when_all.
  template <class Input> [[noreturn]] void continue_as_new(Input const& input) const {
    detail::continue_as_new(run_, detail::to_json_value(input));
  }

  /// Whether this run's journal has a record of that key, for code that was changed since: an operation's name, or what
  /// sleep_for() and signal() make of theirs. True too for what was recorded just now.
  bool has_recorded(std::string_view name) const { return detail::has_recorded(run_, name); }

private:
  std::shared_ptr<detail::workflow_run> run_;
};

} // namespace aether
