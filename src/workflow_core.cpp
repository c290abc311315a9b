// How a host finds workflows, reads them, keeps them in memory and lets them go.
#include "workflow_core.hpp"

#include "detail/log.hpp"
#include "detail/utf8.hpp"
#include "workflow_failure.hpp"
#include "workflow_settings.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <utility>

namespace aether::detail {

namespace {

constexpr std::size_t reads_at_once = 64;

} // namespace

workflow_core::workflow_core(asio::any_io_executor const& executor, std::shared_ptr<event_store> store,
                             workflow_host_options options)
    : workflow_desk(executor, std::move(store)), options_(settled(std::move(options))) {}

workflow_core::~workflow_core() = default;

asio::any_io_executor workflow_core::strand_executor() const {
  return const_cast<workflow_core*>(this)->strand().executor();
}

void workflow_core::add_code(std::string type, workflow_code code) {
  workflow_actor(type, "x");
  if (is_open_)
    throw error(errc::invalid_argument, "workflow_host::add after open()");
  if (!types_.emplace(type, std::move(code)).second)
    throw error(errc::invalid_argument, "the workflow type " + quoted(type) + " was added before");
}

void workflow_core::check_open() const {
  if (is_closed_)
    throw error(errc::closed, "this workflow host was closed");
}

awaitable<void> workflow_core::open(std::shared_ptr<workflow_core> self, call_options options) {
  self->check_open();
  if (self->is_open_.exchange(true))
    throw error(errc::invalid_argument, "workflow_host::open was called before");
  auto const own_executor = self->strand().inner();
  if (!own_executor)
    throw error(errc::closed, "the workflow host's execution context is gone");
  context_service::of(own_executor).add_member(self);
  std::vector<std::shared_ptr<workflow_feed>> feeds;
  try {
    for (auto const& [type, code] : self->types_) {
      subscribe_options what;
      what.filter.actor_types = {type};
      what.start = start_from::latest_of_each_actor();
      what.malformed = malformed_messages::skip;
      what.is_known = [core = std::weak_ptr(self)](std::string_view id) {
        auto const host = core.lock();
        return host && host->own_.take(id);
      };
      std::shared_ptr<workflow_feed> feed = co_await workflow_feed::open(self->store(), std::move(what), options);
      feeds.push_back(std::move(feed));
    }
  } catch (...) {
    self->is_open_ = false; // it may be tried again
    throw;
  }
  std::weak_ptr<workflow_core> const weak = self;
  self->strand().post([weak, feeds] {
    auto const core = weak.lock();
    if (!core || core->is_closed_)
      return;
    auto const time = core->options_.time;
    for (auto const& feed : feeds) {
      core->hosted_feeds_.push_back(feed);
      auto take = [weak](recorded_event const* item, bool live) {
        if (auto const host = weak.lock())
          host->see(item, live);
      };
      feed->follow(core->strand_executor(), take, [time] { return time->sleep_for(std::chrono::milliseconds(200)); });
    }
  });
}

void workflow_core::stop() noexcept {
  is_closed_ = true;
  strand().post([kept = self()] {
    for (auto const& feed : std::exchange(kept->hosted_feeds_, {}))
      feed->stop();
    kept->stop_feeds();
    for (auto& [id, one] : std::exchange(kept->residents_, {}))
      one.run->kill();
    kept->look_again(); // who waits for a result here is told
    kept->wanted_.clear();
    kept->under_way_.clear();
    kept->held_.clear();
    kept->parked_.clear();
    kept->looks_.clear();
    kept->agenda_.clear();
    if (kept->sleeper_)
      kept->sleeper_->emit(asio::cancellation_type::terminal);
    kept->update_counts();
  });
}

awaitable<void> workflow_core::close(std::shared_ptr<workflow_core> self, call_options options) {
  using std::chrono::milliseconds;
  if (self->is_closed_.exchange(true))
    co_return;
  auto const time = self->options_.time;
  auto const limit = time->elapsed() + (options.timeout.count() > 0 ? options.timeout : std::chrono::seconds(10));
  // What is parked or waits to be read goes; what has steps under way ends them and writes what came of them.
  auto idle = std::make_shared<std::atomic<bool>>(false);
  for (bool first = true; !*idle && time->elapsed() < limit; first = false) {
    if (!first)
      co_await time->sleep_for(milliseconds(5));
    bool const posted = self->strand().post([self, idle] {
      for (auto const& feed : std::exchange(self->hosted_feeds_, {}))
        feed->stop();
      self->wanted_.clear();
      bool busy = false;
      for (auto const& [id, one] : self->residents_) {
        one.run->wind_down();
        busy = busy || !one.run->is_quiet();
      }
      *idle = !busy;
    });
    if (!posted)
      break;
    co_await time->sleep_for(milliseconds(1));
  }
  self->stop();
}

void workflow_core::context_shutdown() noexcept {
  is_closed_ = true;
  residents_.clear();
  hosted_feeds_.clear();
  sleeper_.reset();
}

workflow_metrics workflow_core::metrics() const {
  workflow_metrics m;
  m.started = counts_.started;
  m.resumed = counts_.resumed;
  m.finished = counts_.finished;
  m.lost = counts_.lost;
  m.broken = counts_.broken;
  m.evicted = counts_.evicted;
  m.resident = counts_.resident;
  m.waiting = counts_.waiting;
  return m;
}

std::vector<std::string> workflow_core::steps_under_way(std::optional<time_point> due_by) const {
  std::vector<std::string> out;
  for (auto const& [id, one] : residents_)
    one.run->add_steps_under_way(out, due_by);
  std::sort(out.begin(), out.end());
  return out;
}

void workflow_core::update_counts() {
  counts_.resident = residents_.size();
  counts_.waiting = wanted_.size() + loading_;
}

void workflow_core::log(log_level level, char const* what, std::string const& actor_id, std::string const& why) {
  if (log_at const to{options_.log, level})
    to(what, {{"workflow", actor_id}, {"host", options_.name}, {"reason", why}});
}

// Finding them.

bool workflow_core::is_hosted(std::string const& actor_id) const {
  return types_.contains(actor_id.substr(0, actor_id.find('-')));
}

void workflow_core::see(recorded_event const* item, bool live) {
  if (!item || is_closed_)
    return look_again(); // feeds begin again with each one's last event
  auto const& e = item->event;
  auto const known = residents_.find(e.actor_id);
  if (known != residents_.end() && e.version <= known->second.run->book().version())
    return; // its own
  std::optional<journal::any> body;
  try {
    body = journal::read(e);
  } catch (error const& failed) {
    counts_.broken.fetch_add(1, std::memory_order_relaxed);
    log(log_level::error, "a workflow's event cannot be read", e.actor_id, failed.what());
    return;
  }
  if (auto const* end = std::get_if<journal::finished>(&*body)) {
    tell_end(e.actor_id, end->outcome);
    // A parent that has left memory, here or with its host, goes on.
    if (live && end->parent && is_hosted(*end->parent))
      want(*end->parent, {0, 0, true});
  }
  auto const at = residents_.find(e.actor_id);
  if (at != residents_.end()) {
    auto const run = at->second.run;
    unpark(at->second);
    run->on_event(e, std::move(*body));
    return;
  }
  bool is_starting = false;
  {
    std::scoped_lock const lock(starting_mutex_);
    is_starting = starting_.contains(e.actor_id);
  }
  // What is read now may have been read before this was stored.
  if (is_starting || under_way_.contains(e.actor_id)) {
    held_.insert_or_assign(e.actor_id, *item);
    return;
  }
  auto const sighted = judge_sighting(*body, options_.time->now(), options_.name, options_.takeover_after);
  reading const from{journal::run_begins_at(*body, e.version), e.version};
  agenda_.remove(e.actor_id);
  looks_.erase(e.actor_id);
  if (sighted.to_do == workflow_sighting::what::take_up)
    want(e.actor_id, from);
  else if (sighted.to_do == workflow_sighting::what::look)
    look_at(e.actor_id, from, sighted.when);
}

// What was seen of it while it was taken up.
void workflow_core::release(std::string const& actor_id) {
  auto const at = held_.find(actor_id);
  if (at == held_.end() || is_closed_ || under_way_.contains(actor_id))
    return;
  auto const item = std::move(at->second);
  held_.erase(at);
  see(&item, false);
}

void workflow_core::look_at(std::string const& actor_id, reading from, time_point when) {
  looks_[actor_id] = from;
  agenda_.set(actor_id, when);
  arm();
}

void workflow_core::on_starting(event const& first) {
  if (is_hosted(first.actor_id))
    own_.add(first.id);
  std::scoped_lock const lock(starting_mutex_);
  starting_.insert(first.actor_id);
}

// It may be stored all the same.
void workflow_core::on_not_started(event const& first) {
  own_.take(first.id);
  {
    std::scoped_lock const lock(starting_mutex_);
    starting_.erase(first.actor_id);
  }
  strand().post([weak = std::weak_ptr(self()), actor_id = first.actor_id] {
    auto const core = weak.lock();
    if (!core || !core->is_hosted(actor_id))
      return;
    core->want(actor_id, {1, 0});
    core->release(actor_id);
  });
}

void workflow_core::on_started(event const& first) {
  if (is_hosted(first.actor_id))
    run_is_here(first.actor_id); // before whoever started it asks for its end
  strand().post([weak = std::weak_ptr(self()), first] {
    auto const core = weak.lock();
    if (core)
      core->take_started(first);
  });
}

void workflow_core::take_started(event const& first) {
  {
    std::scoped_lock const lock(starting_mutex_);
    starting_.erase(first.actor_id);
  }
  if (is_closed_ || residents_.contains(first.actor_id))
    return;
  bool const has_room = residents_.size() < options_.max_resident;
  if (has_room && !under_way_.contains(first.actor_id) && is_hosted(first.actor_id)) {
    workflow_book book(first.actor_id);
    book.apply(first);
    take_up(std::move(book), true);
  } else {
    run_left(first.actor_id);
    look_again(first.actor_id);
    if (is_hosted(first.actor_id))
      want(first.actor_id, {first.version, 0});
  }
  release(first.actor_id);
}

void workflow_core::want(std::string const& actor_id, reading from) {
  if (is_closed_ || residents_.contains(actor_id) || !under_way_.insert(actor_id).second)
    return;
  wanted_.emplace_back(actor_id, from);
  load_some();
}

void workflow_core::load_some() {
  while (!wanted_.empty() && loading_ < reads_at_once) {
    if (residents_.size() + loading_ >= options_.max_resident) {
      make_room();
      if (residents_.size() + loading_ >= options_.max_resident)
        break;
    }
    auto [actor_id, from] = std::move(wanted_.front());
    wanted_.pop_front();
    ++loading_;
    asio::co_spawn(strand_executor(), load(self(), actor_id, from),
                   [kept = self(), which = actor_id](std::exception_ptr failed) {
                     --kept->loading_;
                     kept->under_way_.erase(which);
                     if (failed && !kept->is_closed_) {
                       auto const why = failure_of(failed).message;
                       kept->log(log_level::error, "a workflow cannot be read", which, why);
                       kept->counts_.broken.fetch_add(1, std::memory_order_relaxed);
                     }
                     kept->release(which);
                     if (!kept->is_closed_)
                       kept->load_some();
                     kept->update_counts();
                   });
  }
  update_counts();
}

awaitable<void> workflow_core::load(std::shared_ptr<workflow_core> self, std::string actor_id, reading from) {
  auto const read = [&]() -> awaitable<std::vector<event>> {
    if (from.since == 0) {
      std::optional<event> const latest = co_await self->store()->find_latest_event(actor_id);
      if (!latest)
        co_return std::vector<event>();
      from.since = journal::run_begins_at(journal::read(*latest), latest->version);
    }
    co_return co_await self->store()->get_events(actor_id, from.since - 1);
  };
  retry_policy until_read = patience(self->options_, [core = self.get()] { return core->is_closed_.load(); });
  std::vector<event> const events = co_await retry(std::move(until_read), read);
  if (self->is_closed_ || events.empty() || self->residents_.contains(actor_id))
    co_return;
  workflow_book book(actor_id);
  workflow_sighting last;
  auto const now = self->options_.time->now();
  for (auto const& e : events) {
    auto body = journal::read(e);
    auto const judged = judge_sighting(body, now, self->options_.name, self->options_.takeover_after);
    // A signal gives it something to do, sooner perhaps than what a host wrote before.
    if (!workflow_book::is_from_outside(body) || last.to_do == workflow_sighting::what::nothing ||
        (judged.to_do == workflow_sighting::what::look && judged.when < last.when))
      last = judged;
    book.apply(e, std::move(body));
  }
  using what = workflow_sighting::what;
  if (from.stirred && !book.outcome() && last.to_do != what::take_up) {
    auto const soon = now + self->options_.takeover_after;
    last.when = last.to_do == what::look ? std::min(last.when, soon) : soon;
    last.to_do = what::look;
  }
  if (last.to_do == what::nothing)
    co_return;
  // A signal does not end the steps that another host has begun.
  auto const busy_until = book.busy_until() + self->options_.takeover_after;
  bool const is_foreign = !book.last_host().empty() && book.last_host() != self->options_.name;
  if (last.to_do == what::look && is_foreign && busy_until > now) {
    self->look_at(actor_id, {book.since(), book.version(), from.stirred}, busy_until);
    co_return;
  }
  if (last.to_do == workflow_sighting::what::look && from.silent_at != book.version()) {
    self->look_at(actor_id, {book.since(), book.version(), from.stirred}, last.when);
    co_return;
  }
  self->take_up(std::move(book), false);
}

void workflow_core::take_up(workflow_book book, bool fresh) {
  auto const at = types_.find(book.workflow());
  auto const actor_id = book.actor_id();
  if (at == types_.end()) {
    counts_.broken.fetch_add(1, std::memory_order_relaxed);
    log(log_level::error, "a workflow of a type that was not added", actor_id, book.workflow());
    return;
  }
  agenda_.remove(actor_id);
  looks_.erase(actor_id);
  auto const run = std::make_shared<workflow_run>(self(), std::move(book), at->second);
  residents_[actor_id].run = run;
  run_is_here(actor_id);
  (fresh ? counts_.started : counts_.resumed).fetch_add(1, std::memory_order_relaxed);
  update_counts();
  run->start(fresh);
}

// Memory.

void workflow_core::unpark(resident& of) {
  if (!of.parked)
    return;
  parked_.erase(*of.parked);
  of.parked.reset();
}

void workflow_core::on_parked(workflow_run& run) {
  auto const at = residents_.find(run.actor_id());
  if (at == residents_.end() || at->second.run.get() != &run)
    return;
  if (run.book().last_host() != options_.name && !run.book().last_host().empty()) {
    // Another one's, and it has nothing to do: it is not taken from that one.
    auto const kept = run.shared_from_this();
    auto const wake = kept->next_wake();
    reading const from{kept->book().since(), kept->book().version()};
    kept->kill();
    drop(kept->actor_id());
    if (wake)
      look_at(kept->actor_id(), from, *wake + options_.takeover_after);
    return;
  }
  unpark(at->second);
  at->second.parked = parked_.insert(parked_.end(), run.actor_id());
  if (!wanted_.empty())
    load_some();
}

// Those that were parked longest go first. What others must know is stored before.
void workflow_core::make_room() {
  std::size_t needed = std::min<std::size_t>(wanted_.size(), reads_at_once);
  auto const candidates = std::vector<std::string>(
      parked_.begin(), std::next(parked_.begin(), static_cast<std::ptrdiff_t>(std::min(needed, parked_.size()))));
  for (auto const& actor_id : candidates) {
    auto const at = residents_.find(actor_id);
    if (at == residents_.end())
      continue;
    auto const run = at->second.run;
    if (!run->is_told_parked()) {
      unpark(at->second);
      run->tell_parked(); // and comes back to on_parked()
      continue;
    }
    auto const wake = run->next_wake();
    reading const from{run->book().since(), 0};
    run->kill();
    drop(actor_id);
    counts_.evicted.fetch_add(1, std::memory_order_relaxed);
    if (wake)
      look_at(actor_id, from, *wake);
  }
}

void workflow_core::drop(std::string const& actor_id) {
  auto const at = residents_.find(actor_id);
  if (at == residents_.end())
    return;
  unpark(at->second);
  residents_.erase(at);
  run_left(actor_id);
  agenda_.remove(actor_id);
  update_counts();
}

void workflow_core::on_end(workflow_run& run, run_end how, std::string const& why) {
  auto const kept = run.shared_from_this();
  auto const actor_id = run.actor_id();
  drop(actor_id);
  switch (how) {
  case run_end::finished:
    tell_end(actor_id, run.outcome());
    counts_.finished.fetch_add(1, std::memory_order_relaxed);
    break;
  case run_end::continued:
    want(actor_id, {run.book().version(), 0});
    break;
  case run_end::lost:
    look_again(actor_id); // its end may have been seen when it still seemed to be here
    counts_.lost.fetch_add(1, std::memory_order_relaxed);
    log(log_level::info, "a workflow goes on elsewhere", actor_id, why);
    look_at(actor_id, {run.book().since(), 0}, options_.time->now() + options_.takeover_after);
    break;
  case run_end::broken:
    look_again(actor_id);
    counts_.broken.fetch_add(1, std::memory_order_relaxed);
    log(log_level::error, "a workflow cannot go on", actor_id, why);
    break;
  }
  if (!wanted_.empty() && !is_closed_)
    load_some();
}

// Time.

void workflow_core::wake_at(workflow_run& run, time_point when) {
  agenda_.add(run.actor_id(), when);
  arm();
}

void workflow_core::arm() {
  auto const next = agenda_.next();
  if (is_closed_ || !next || (armed_ && *armed_ <= *next))
    return;
  armed_ = next;
  if (sleeper_)
    sleeper_->emit(asio::cancellation_type::terminal);
  sleeper_ = std::make_shared<asio::cancellation_signal>();
  auto const now = options_.time->now();
  auto const pause = *next > now ? *next - now : std::chrono::nanoseconds::zero();
  asio::co_spawn(strand_executor(), options_.time->sleep_for(pause),
                 asio::bind_cancellation_slot(sleeper_->slot(),
                                              [weak = std::weak_ptr(self()), mine = sleeper_](std::exception_ptr) {
                                                auto const core = weak.lock();
                                                if (!core || core->sleeper_ != mine)
                                                  return;
                                                core->sleeper_.reset();
                                                core->armed_.reset();
                                                core->on_agenda();
                                              }));
}

void workflow_core::on_agenda() {
  if (is_closed_)
    return;
  auto const now = options_.time->now();
  while (auto const actor_id = agenda_.take_due(now)) {
    auto const at = residents_.find(*actor_id);
    if (at != residents_.end()) {
      auto const run = at->second.run;
      run->on_time();
      if (auto const wake = run->next_wake(); wake && *wake > now)
        agenda_.add(*actor_id, *wake);
      continue;
    }
    auto const look = looks_.find(*actor_id);
    if (look == looks_.end())
      continue;
    auto const from = look->second;
    looks_.erase(look);
    want(*actor_id, from);
  }
  arm();
}

} // namespace aether::detail
