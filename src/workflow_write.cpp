// Writing a run's journal: the same entries until they are stored, or the run turns out to be another host's.
#include "workflow_failure.hpp"
#include "workflow_run.hpp"
#include "workflow_settings.hpp"

#include <aether/json.hpp>
#include <aether/retry.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace aether::detail {

namespace {

constexpr std::size_t most_bytes_at_once = 256 * 1024;

/// How many of the entries go into the next event.
std::size_t fitting(std::vector<journal::entry> const& entries) {
  if (entries.size() < 2)
    return entries.size();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].value && entries[i].value->is_structured())
      bytes += boost::json::serialize(*entries[i].value).size();
    else if (entries[i].value && entries[i].value->is_string())
      bytes += entries[i].value->get_string().size();
    if (bytes > most_bytes_at_once && i > 0)
      return i;
  }
  return entries.size();
}

} // namespace

// What is stored next, from what has been settled.
void workflow_run::begin_writing() {
  auto const count = fitting(pending_);
  std::vector<journal::entry> entries(std::make_move_iterator(pending_.begin()),
                                      std::make_move_iterator(pending_.begin() + static_cast<std::ptrdiff_t>(count)));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  if (!ended_ || !pending_.empty()) {
    journal::advanced body;
    body.run = book_.run();
    body.since = book_.since();
    body.entries = std::move(entries);
    in_writing_ = std::move(body);
  } else if (continue_with_) {
    journal::continued body;
    body.workflow = book_.workflow();
    body.code_version = code_.version;
    body.run = book_.run() + 1;
    body.input = *continue_with_;
    body.entries = std::move(entries);
    body.parent = book_.parent();
    in_writing_ = std::move(body);
  } else {
    journal::finished body;
    body.run = book_.run();
    body.since = book_.since();
    body.entries = std::move(entries);
    body.outcome = outcome_;
    body.parent = book_.parent();
    in_writing_ = std::move(body);
  }
  writing_id_.clear();
}

// At the version that comes next. It is the same event, with the same id, for as long as that is the version.
event workflow_run::make_event() {
  auto made = std::visit(
      [&](auto& body) {
        if constexpr (requires { body.host; })
          body.host = around_->options().name;
        if constexpr (requires { body.signals; }) { // those that came meanwhile go on too
          body.signals = book_.untaken();
          if (book_.is_cancel_requested() && !book_.was_cancel_told())
            body.cancelled = book_.cancel_reason();
        }
        return to_event(actor_id(), book_.version() + 1, body);
      },
      in_writing_);
  if (!writing_id_.empty()) {
    made.id = writing_id_;
    return made;
  }
  writing_id_ = made.id;
  auto const* const end = std::get_if<journal::finished>(&in_writing_);
  if (!end || !end->parent) // parents that are not in memory are found by it
    around_->on_writing(made.id);
  return made;
}

awaitable<save_outcome> workflow_run::begin_save() {
  save_options options;
  options.expected_version = book_.version();
  return around_->store()->try_save_event(make_event(), options);
}

// The first attempt has no coroutine of its own: there is one for each step of each workflow.
void workflow_run::save() {
  begin_writing();
  asio::co_spawn(around_->executor(), begin_save(),
                 [self = shared_from_this()](std::exception_ptr failed, save_outcome outcome) {
                   if (!failed && std::holds_alternative<saved>(outcome))
                     return self->on_saved(true);
                   asio::co_spawn(self->around_->executor(), save_again(self, std::move(failed)),
                                  [self](std::exception_ptr error, bool is_stored) {
                                    if (!error)
                                      self->on_saved(is_stored);
                                    else if (!self->dead_)
                                      self->leave(run_end::broken, failure_of(error).message);
                                  });
                 });
}

// False: another host wrote, or it is dead.
void workflow_run::on_saved(bool is_stored) {
  if (is_stored)
    book_.wrote(book_.version() + 1, around_->options().name);
  if (dead_)
    return;
  bool const ends = !std::holds_alternative<journal::advanced>(in_writing_);
  in_writing_ = journal::advanced();
  if (is_stored && !ends && !pending_.empty() && running_ == 0)
    return save();
  writing_ = false;
  if (!is_stored)
    leave(run_end::lost, "another host wrote to its journal");
  else if (ends)
    leave(continue_with_ ? run_end::continued : run_end::finished, {});
  else
    take_arrived();
}

// The first attempt failed; null: it was a conflict. True: it is stored. False: another host wrote, or the run is dead.
awaitable<bool> workflow_run::save_again(std::shared_ptr<workflow_run> self, std::exception_ptr failed) {
  auto const keeper = self->around_; // of the options
  bool conflicted = !failed;
  auto const save = [&]() -> awaitable<bool> {
    if (failed)
      std::rethrow_exception(std::exchange(failed, nullptr));
    while (!self->dead_) {
      if (conflicted) {
        bool const is_ours = co_await catch_up(self);
        if (!is_ours)
          break;
        self->writing_id_.clear();
        conflicted = false;
      }
      save_outcome const answered = co_await self->begin_save();
      conflicted = std::holds_alternative<version_conflict>(answered);
      if (!conflicted)
        co_return true;
    }
    co_return false;
  };
  retry_policy until_stored = patience(keeper->options(), [run = self.get()] { return run->dead_; });
  bool const is_stored = co_await retry(std::move(until_stored), save);
  co_return is_stored;
}

// The feed has left something out: it was interrupted.
awaitable<void> workflow_run::read_missed(std::shared_ptr<workflow_run> self) {
  auto const keeper = self->around_; // of the options
  auto const read = [&] { return catch_up(self); };
  retry_policy until_read = patience(keeper->options(), [run = self.get()] { return run->dead_; });
  bool const is_ours = co_await retry(std::move(until_read), read);
  self->writing_ = false;
  if (self->dead_)
    co_return;
  if (is_ours)
    self->take_arrived();
  else
    self->leave(run_end::lost, "another host wrote to its journal");
}

// Reads what was missed. False: it is not only signals and cancel requests.
awaitable<bool> workflow_run::catch_up(std::shared_ptr<workflow_run> self) {
  auto const keeper = self->around_;
  std::vector<event> missed = co_await keeper->store()->get_events(self->actor_id(), self->book_.version());
  for (auto const& e : missed) {
    if (e.version <= self->book_.version())
      continue;
    auto body = journal::read(e);
    if (!workflow_book::is_from_outside(body))
      co_return false;
    self->book_.apply(e, std::move(body));
  }
  co_return true;
}

} // namespace aether::detail
