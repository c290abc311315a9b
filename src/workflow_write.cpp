// Writing a run's journal: the same entries until they are stored, or the run turns out to be another host's.
#include "workflow_run.hpp"
#include "workflow_settings.hpp"

#include <aether/event_store.hpp>
#include <aether/json.hpp>
#include <aether/retry.hpp>

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

event workflow_run::next_event() {
  auto const count = fitting(pending_);
  std::vector<journal::entry> entries(std::make_move_iterator(pending_.begin()),
                                      std::make_move_iterator(pending_.begin() + static_cast<std::ptrdiff_t>(count)));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  auto const& host = around_->options().name;
  if (!ended_ || !pending_.empty()) {
    journal::advanced body;
    body.host = host;
    body.run = book_.run();
    body.since = book_.since();
    body.entries = std::move(entries);
    return to_event(actor_id(), book_.version() + 1, body);
  }
  if (continue_with_) {
    last_entries_ = std::move(entries);
    return continuing_event();
  }
  journal::finished body;
  body.host = host;
  body.run = book_.run();
  body.since = book_.since();
  body.entries = std::move(entries);
  body.outcome = outcome_;
  body.parent = book_.parent();
  return to_event(actor_id(), book_.version() + 1, body);
}

// Of what is known now: signals and a cancel request that came meanwhile go on too.
event workflow_run::continuing_event() const {
  journal::continued body;
  body.workflow = book_.workflow();
  body.code_version = code_.version;
  body.host = around_->options().name;
  body.run = book_.run() + 1;
  body.input = *continue_with_;
  body.entries = last_entries_;
  body.signals = book_.untaken();
  body.parent = book_.parent();
  if (book_.is_cancel_requested() && !book_.was_cancel_told())
    body.cancelled = book_.cancel_reason();
  return to_event(actor_id(), book_.version() + 1, body);
}

awaitable<void> workflow_run::write(std::shared_ptr<workflow_run> self) {
  do {
    event e = self->next_event();
    bool const ends = e.event_type != journal::advanced::event_type;
    bool const stored = co_await store(self, std::move(e));
    if (self->dead_)
      co_return;
    if (!stored) {
      self->writing_ = false;
      self->leave(run_end::lost, "another host wrote to its journal");
      co_return;
    }
    if (ends) {
      self->writing_ = false;
      self->leave(self->continue_with_ ? run_end::continued : run_end::finished, {});
      co_return;
    }
  } while (!self->pending_.empty() && self->running_ == 0);
  self->writing_ = false;
  self->take_arrived();
}

// True: it is stored. False: another host wrote, or the run is dead.
awaitable<bool> workflow_run::store(std::shared_ptr<workflow_run> self, event e) {
  auto const keeper = self->around_;
  auto const save = [&]() -> awaitable<bool> {
    while (!self->dead_) {
      save_options options;
      options.expected_version = e.version - 1;
      save_outcome const answered = co_await keeper->store()->try_save_event(e, options);
      if (std::holds_alternative<saved>(answered)) {
        self->book_.wrote(e.version, keeper->options().name);
        co_return true;
      }
      bool const is_ours = co_await catch_up(self);
      if (!is_ours)
        break;
      if (e.event_type == journal::continued::event_type)
        e = self->continuing_event();
      e.version = self->book_.version() + 1;
      e.id = make_uuid();
    }
    co_return false;
  };
  retry_policy until_stored = patience(keeper->options(), [run = self.get()] { return run->dead_; });
  bool const is_stored = co_await retry(std::move(until_stored), save);
  co_return is_stored;
}

// The feed has left something out: it was interrupted.
awaitable<void> workflow_run::read_missed(std::shared_ptr<workflow_run> self) {
  auto const read = [&] { return catch_up(self); };
  retry_policy until_read = patience(self->around_->options(), [run = self.get()] { return run->dead_; });
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
