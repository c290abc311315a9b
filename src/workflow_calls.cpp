// What a workflow's code calls: each operation is described, waited for, and its record read.
#include "workflow_run.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>
#include <aether/workflow.hpp>

#include <utility>

namespace aether::detail {

namespace {

using journal::entry_kind;

std::shared_ptr<workflow_op> make_op(operation_kind kind, std::string name) {
  auto op = std::make_shared<workflow_op>();
  op->kind = kind;
  op->key = name;
  op->name = std::move(name);
  return op;
}

workflow_run& checked(std::shared_ptr<workflow_run> const& run) {
  if (!run)
    throw error(errc::not_open, "a workflow handle that was default-made or moved from");
  return *run;
}

void check_name(workflow_run const& run, std::string const& name) {
  if (name.empty() || name.size() > 255 || name.find('\0') != std::string::npos || !valid_utf8(name))
    throw error(errc::invalid_id, run.concerning() + ": a name of 1 to 255 bytes of UTF-8 without NUL is needed");
}

[[noreturn]] void tell_cancelled(workflow_run const& run, std::string const& name) {
  auto const& book = run.book();
  bool const is_told_why = book.is_cancel_requested() && !book.cancel_reason().empty();
  throw error(errc::workflow_cancelled, run.concerning() + ", " + quoted(name) + ": it is to be cancelled" +
                                            (is_told_why ? ": " + book.cancel_reason() : std::string()));
}

void throw_if_failed(workflow_run const& run, std::string const& name, workflow_answer const& told) {
  if (told.how == asked_answer::cancelled)
    tell_cancelled(run, name);
  if (told.how == asked_answer::in_doubt)
    throw error(errc::step_in_doubt, run.concerning() + ", step " + quoted(name) +
                                         ": was begun, at most once, and it is not known whether it ended");
  if (told.record.kind == entry_kind::step_failed)
    throw step_error(run.concerning(), name, told.record.error.category, told.record.error.code,
                     told.record.error.message);
}

} // namespace

std::string workflow_id(std::shared_ptr<workflow_run> const& run) {
  auto const& actor = checked(run).actor_id();
  return actor.substr(run->book().workflow().size() + 1);
}

std::int64_t workflow_run_number(std::shared_ptr<workflow_run> const& run) { return checked(run).book().run(); }

std::int64_t workflow_code_version(std::shared_ptr<workflow_run> const& run) {
  return checked(run).book().code_version();
}

bool has_recorded(std::shared_ptr<workflow_run> const& run, std::string_view name) {
  return checked(run).book().has_record(std::string(name));
}

void continue_as_new(std::shared_ptr<workflow_run> const& run, boost::json::value input) {
  checked(run);
  throw continue_request{std::move(input)};
}

void refuse_value(std::shared_ptr<workflow_run> const& run, std::string const& name, std::string const& why) {
  throw error(errc::malformed_event,
              checked(run).concerning() + ", " + quoted(name) + ": what is stored does not fit: " + why);
}

awaitable<boost::json::value> perform_step(std::shared_ptr<workflow_run> run, std::string name, step_function function,
                                           step_options options) {
  check_name(checked(run), name);
  auto const op = make_op(operation_kind::step, name);
  op->function = &function;
  op->options = std::move(options);
  workflow_answer told = co_await run->perform(op);
  throw_if_failed(*run, name, told);
  co_return std::move(told.record.value);
}

awaitable<void> sleep_until(std::shared_ptr<workflow_run> run, std::string name, time_point when) {
  check_name(checked(run), name);
  auto const op = make_op(operation_kind::timer, name);
  op->due = when;
  workflow_answer const told = co_await run->perform(op);
  throw_if_failed(*run, name, told);
}

// The moment from which it counts is recorded first, under a name of its own.
awaitable<void> sleep_for(std::shared_ptr<workflow_run> run, std::string name, std::chrono::nanoseconds duration) {
  time_point const begun = co_await recorded_now(run, name + " begun");
  co_await sleep_until(std::move(run), std::move(name), begun + duration);
}

awaitable<time_point> recorded_now(std::shared_ptr<workflow_run> run, std::string name) {
  check_name(checked(run), name);
  workflow_answer const told = co_await run->perform(make_op(operation_kind::recorded, name));
  throw_if_failed(*run, name, told);
  co_return value_as<time_point>(run, name, told.record.value);
}

awaitable<std::uint64_t> recorded_random(std::shared_ptr<workflow_run> run, std::string name) {
  check_name(checked(run), name);
  auto const op = make_op(operation_kind::recorded, name);
  op->wants_random = true;
  workflow_answer const told = co_await run->perform(op);
  throw_if_failed(*run, name, told);
  co_return value_as<std::uint64_t>(run, name, told.record.value);
}

awaitable<std::optional<boost::json::value>> wait_for_signal(std::shared_ptr<workflow_run> run, std::string name,
                                                             std::optional<time_point> until) {
  check_name(checked(run), name);
  auto const op = make_op(until ? operation_kind::signal_until : operation_kind::signal, name);
  op->key = run->key_of_signal(name);
  op->due = until;
  workflow_answer told = co_await run->perform(op);
  throw_if_failed(*run, name, told);
  std::optional<boost::json::value> value;
  if (told.record.kind == entry_kind::signal_taken)
    value.emplace(std::move(told.record.value));
  co_return value;
}

awaitable<boost::json::value> wait_for_child(std::shared_ptr<workflow_run> run, std::string name, std::string type,
                                             std::int64_t code_version, boost::json::value input) {
  check_name(checked(run), name);
  auto const op = make_op(operation_kind::child, name);
  op->child_type = type;
  op->child_code_version = code_version;
  op->child_id = type + "-" + workflow_id(run) + "/" + name;
  op->input = std::move(input);
  workflow_answer told = co_await run->perform(op);
  throw_if_failed(*run, name, told);
  co_return std::move(told.record.value);
}

void add_undo(std::shared_ptr<workflow_run> const& run, std::string name, step_function function,
              step_options options) {
  check_name(checked(run), name);
  run->add_undo(std::move(name), std::move(function), std::move(options));
}

awaitable<void> run_side_by_side(std::shared_ptr<workflow_run> run, std::vector<awaitable<void>> branches) {
  checked(run);
  co_await run->side_by_side(std::move(branches));
}

} // namespace aether::detail
