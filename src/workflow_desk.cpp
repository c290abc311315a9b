// Starting, signalling and cancelling workflows, and waiting for their ends.
#include "workflow_desk.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>
#include <aether/workflow_host.hpp>

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace aether::detail {

// The feed.

awaitable<std::shared_ptr<workflow_feed>> workflow_feed::open(std::shared_ptr<event_store> store,
                                                              subscribe_options options, call_options call) {
  auto made = std::make_shared<workflow_feed>();
  made->store_ = std::move(store);
  made->options_ = std::move(options);
  made->options_.timeout = call.timeout;
  event_subscription subscription = co_await made->store_->subscribe(made->options_);
  made->subscription_ = std::move(subscription);
  co_return made;
}

void workflow_feed::follow(asio::any_io_executor strand, taker take, std::function<awaitable<void>()> pause) {
  take_ = std::move(take);
  pause_ = std::move(pause);
  asio::co_spawn(strand, run(shared_from_this()), [](std::exception_ptr) {});
}

void workflow_feed::stop() {
  stopped_ = true;
  take_ = {};
  subscription_ = event_subscription();
}

awaitable<void> workflow_feed::run(std::shared_ptr<workflow_feed> self) {
  bool live = false;
  while (!self->stopped_) {
    bool interrupted = false;
    std::optional<subscription_item> item;
    try {
      std::optional<subscription_item> next = co_await self->subscription_.next();
      item = std::move(next);
    } catch (...) {
      interrupted = true;
    }
    if (self->stopped_)
      co_return;
    if (item) {
      if (auto const* one = std::get_if<recorded_event>(&*item))
        self->take_(one, live);
      live = live || std::holds_alternative<caught_up>(*item);
      continue;
    }
    if (!interrupted)
      continue;
    bool again = false;
    while (!again && !self->stopped_) {
      auto const pause = self->pause_;
      try {
        co_await pause();
        event_subscription subscription = co_await self->store_->subscribe(self->options_);
        if (!self->stopped_)
          self->subscription_ = std::move(subscription);
        again = true;
      } catch (...) {
        again = false;
      }
    }
    live = false;
    if (!self->stopped_)
      self->take_(nullptr, false);
  }
}

// Waits for results.

void result_wait::tell(std::optional<journal::outcome> how) {
  std::shared_ptr<wait_state<bool>> waiting;
  {
    std::scoped_lock const lock(mutex_);
    told_ = true;
    if (how)
      outcome_ = std::move(how);
    waiting = std::move(waiting_);
  }
  if (waiting)
    waiting->complete(true);
}

void result_wait::wait(std::shared_ptr<wait_state<bool>> waiting) {
  {
    std::scoped_lock const lock(mutex_);
    if (!told_) {
      waiting_ = std::move(waiting);
      return;
    }
  }
  waiting->complete(true);
}

std::optional<journal::outcome> result_wait::take() {
  std::scoped_lock const lock(mutex_);
  told_ = false;
  waiting_.reset();
  return outcome_;
}

// The desk.

workflow_desk::workflow_desk(asio::any_io_executor const& executor, std::shared_ptr<event_store> store)
    : store_(std::move(store)), serial_(executor) {
  if (!store_)
    throw error(errc::invalid_argument, "workflows need a store");
}

workflow_desk::~workflow_desk() {
  for (auto const& [type, feed] : feeds_)
    serial_.post([kept = feed] { kept->stop(); });
}

void workflow_desk::stop_feeds() {
  std::map<std::string, std::shared_ptr<workflow_feed>> feeds;
  {
    std::scoped_lock const lock(mutex_);
    feeds.swap(feeds_);
  }
  for (auto& [type, feed] : feeds)
    feed->stop();
}

awaitable<void> workflow_desk::watch(std::shared_ptr<workflow_desk> self, std::string type, call_options options) {
  if (self->hosts(type))
    co_return;
  {
    std::scoped_lock const lock(self->mutex_);
    if (self->feeds_.contains(type))
      co_return;
  }
  subscribe_options what;
  what.filter.actor_types = {type};
  what.filter.event_types = {std::string(journal::finished::event_type)};
  what.start = start_from::now();
  what.malformed = malformed_messages::skip;
  std::shared_ptr<workflow_feed> feed = co_await workflow_feed::open(self->store(), std::move(what), options);
  {
    std::scoped_lock const lock(self->mutex_);
    if (!self->feeds_.try_emplace(type, feed).second)
      co_return;
  }
  std::weak_ptr<workflow_desk> const weak = self;
  auto take = [weak](recorded_event const* item, bool) {
    if (auto const desk = weak.lock())
      desk->take(item);
  };
  auto pause = [] { return machine_time()->sleep_for(std::chrono::milliseconds(200)); };
  self->strand().post([feed, weak, take, pause] {
    if (auto const desk = weak.lock())
      feed->follow(desk->strand().executor(), take, pause);
  });
}

void workflow_desk::take(recorded_event const* item) {
  if (!item)
    return look_again();
  try {
    auto const body = journal::read(item->event);
    if (auto const* end = std::get_if<journal::finished>(&body))
      tell_end(item->event.actor_id, end->outcome);
  } catch (error const&) { // who asks for the result finds out
  }
}

void workflow_desk::run_is_here(std::string const& actor_id) {
  std::scoped_lock const lock(mutex_);
  here_.insert(actor_id);
}

void workflow_desk::run_left(std::string const& actor_id) {
  std::scoped_lock const lock(mutex_);
  here_.erase(actor_id);
}

std::shared_ptr<result_wait> workflow_desk::expect(std::string const& actor_id, bool& is_here) {
  auto made = std::make_shared<result_wait>();
  std::scoped_lock const lock(mutex_);
  is_here = here_.contains(actor_id);
  waits_.emplace(actor_id, made);
  return made;
}

void workflow_desk::forget(std::string const& actor_id, std::shared_ptr<result_wait> const& wait) {
  std::scoped_lock const lock(mutex_);
  auto const [first, last] = waits_.equal_range(actor_id);
  for (auto at = first; at != last; ++at)
    if (at->second == wait) {
      waits_.erase(at);
      return;
    }
}

void workflow_desk::tell_end(std::string const& actor_id, journal::outcome const& how) { tell(actor_id, how); }

void workflow_desk::look_again(std::string const& actor_id) { tell(actor_id, std::nullopt); }

void workflow_desk::tell(std::string const& actor_id, std::optional<journal::outcome> const& how) {
  std::vector<std::shared_ptr<result_wait>> told;
  {
    std::scoped_lock const lock(mutex_);
    auto const [first, last] = waits_.equal_range(actor_id);
    for (auto at = first; at != last; ++at)
      told.push_back(at->second);
  }
  for (auto const& one : told)
    one->tell(how);
}

void workflow_desk::look_again() {
  std::vector<std::shared_ptr<result_wait>> told;
  {
    std::scoped_lock const lock(mutex_);
    for (auto const& [actor, wait] : waits_)
      told.push_back(wait);
  }
  for (auto const& one : told)
    one->tell(std::nullopt);
}

// Calls.

namespace {

std::shared_ptr<workflow_desk> checked(std::shared_ptr<workflow_desk> desk) {
  if (!desk)
    throw error(errc::not_open, "a workflow client that was default-made or moved from");
  desk->check_open();
  return desk;
}

/// Until then a wait for others may last; none: without limit.
steady_time limit_of(call_options const& options) {
  return options.timeout.count() <= 0 ? steady_time::max() : std::chrono::steady_clock::now() + options.timeout;
}

/// Appends to a journal from outside, behind whatever is there. `make` gets the last event's body.
template <class Make>
awaitable<bool> append(std::shared_ptr<workflow_desk> desk, std::string actor_id, std::string id, Make make,
                       call_options options) {
  for (;;) {
    std::optional<event> const last = co_await desk->store()->find_latest_event(actor_id, options);
    if (!last)
      throw error(errc::workflow_not_found, "workflow " + quoted(actor_id));
    journal::any const body = journal::read(*last);
    if (std::holds_alternative<journal::finished>(body))
      co_return false;
    event e = make(body, last->version);
    if (!id.empty())
      e.id = actor_id + "/" + id; // what another workflow was sent with this id is another signal
    save_options how;
    how.timeout = options.timeout;
    how.expected_version = last->version;
    bool is_stored = false;
    try {
      save_outcome const outcome = co_await desk->store()->try_save_event(std::move(e), how);
      is_stored = std::holds_alternative<saved>(outcome);
    } catch (error const& failed) {
      if (id.empty() || failed.code() != errc::duplicate_event_id)
        throw;
      is_stored = true; // at another version, by the call that is repeated
    }
    if (is_stored)
      co_return true;
  }
}

class expectation {
public:
  expectation(std::shared_ptr<workflow_desk> desk, std::string actor_id)
      : desk_(std::move(desk)), actor_id_(std::move(actor_id)), wait_(desk_->expect(actor_id_, is_here_)) {}
  expectation(expectation const&) = delete;
  expectation& operator=(expectation const&) = delete;
  ~expectation() { desk_->forget(actor_id_, wait_); }
  result_wait& operator*() const { return *wait_; }
  bool is_here() const noexcept { return is_here_; }

private:
  std::shared_ptr<workflow_desk> desk_;
  std::string actor_id_;
  bool is_here_ = false;
  std::shared_ptr<result_wait> wait_;
};

} // namespace

std::string workflow_actor(std::string const& type, std::string const& id) {
  if (type.empty() || type.find('-') != std::string::npos || actor_type(type + "-x") != type)
    throw error(errc::invalid_id, "the workflow type " + quoted(type) + ": it is not empty, and has no \"-\"");
  if (id.empty() || type.size() + 1 + id.size() > 255)
    throw error(errc::invalid_id, "the workflow id " + quoted(id) + ": 1 to 254 bytes, its type included");
  return type + "-" + id;
}

namespace {

/// The host hears how it ends, also when whoever starts it is destroyed meanwhile.
class start_under_way {
public:
  start_under_way(std::shared_ptr<workflow_desk> desk, event const& first) : desk_(std::move(desk)), first_(first) {
    desk_->on_starting(first_);
  }
  start_under_way(start_under_way const&) = delete;
  start_under_way& operator=(start_under_way const&) = delete;
  ~start_under_way() {
    try {
      if (desk_)
        desk_->on_not_started(first_);
    } catch (std::exception const&) { // no memory: it is seen when the host looks for what has not moved
    }
  }
  void succeeded() { std::exchange(desk_, nullptr)->on_started(first_); }

private:
  std::shared_ptr<workflow_desk> desk_;
  event const& first_;
};

} // namespace

awaitable<bool> start_at(std::shared_ptr<workflow_desk> desk, std::string actor_id, journal::started first,
                         call_options options) {
  event const e = to_event(actor_id, 1, first);
  save_options how;
  how.timeout = options.timeout;
  how.expected_version = 0;
  {
    start_under_way start(desk, e);
    save_outcome const outcome = co_await desk->store()->try_save_event(e, how);
    if (std::holds_alternative<saved>(outcome)) {
      start.succeeded();
      co_return true;
    }
  }
  std::optional<event> const there = co_await desk->store()->find_event(actor_id, 1, options);
  if (!there)
    throw error(errc::workflow_exists, "workflow " + quoted(actor_id) + ": its first event is gone");
  journal::any const body = journal::read(*there);
  auto const* const before = std::get_if<journal::started>(&body);
  if (!before || before->input != first.input || before->parent != first.parent)
    throw error(errc::workflow_exists, "workflow " + quoted(actor_id));
  co_return false;
}

awaitable<bool> start_workflow(std::shared_ptr<workflow_desk> desk, std::string type, std::int64_t code_version,
                               std::string id, boost::json::value input, call_options options) {
  checked(desk);
  journal::started first;
  first.workflow = type;
  first.code_version = code_version;
  first.input = std::move(input);
  if (desk->hosts(type))
    first.host = desk->host_name();
  auto actor_id = workflow_actor(type, id);
  bool const is_new = co_await start_at(desk, std::move(actor_id), std::move(first), options);
  co_return is_new;
}

awaitable<void> signal_workflow(std::shared_ptr<workflow_desk> desk, std::string type, std::string id, std::string name,
                                boost::json::value value, std::string signal_id, call_options options) {
  checked(desk);
  auto const actor_id = workflow_actor(type, id);
  auto const make = [&](journal::any const& last, std::int64_t version) {
    journal::signalled body;
    body.host = journal::host_of(last);
    body.since = journal::run_begins_at(last, version);
    body.name = name;
    body.value = value;
    return to_event(actor_id, version + 1, body);
  };
  bool const taken = co_await append(desk, actor_id, signal_id, make, options);
  if (!taken)
    throw error(errc::workflow_finished, "workflow " + quoted(actor_id) + ", signal " + quoted(name));
}

awaitable<void> cancel_workflow(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                                std::string reason, call_options options) {
  checked(desk);
  co_await cancel_at(desk, workflow_actor(type, id), std::move(reason), options);
}

awaitable<void> cancel_at(std::shared_ptr<workflow_desk> desk, std::string actor_id, std::string reason,
                          call_options options) {
  auto const make = [&](journal::any const& last, std::int64_t version) {
    journal::cancel_requested body;
    body.host = journal::host_of(last);
    body.since = journal::run_begins_at(last, version);
    body.reason = reason;
    return to_event(actor_id, version + 1, body);
  };
  co_await append(desk, actor_id, std::string(), make, options);
}

awaitable<workflow_state> find_workflow_state(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                                              call_options options) {
  checked(desk);
  std::optional<event> const last = co_await desk->store()->find_latest_event(workflow_actor(type, id), options);
  if (!last)
    co_return workflow_state::unknown;
  journal::any const body = journal::read(*last);
  auto const* const end = std::get_if<journal::finished>(&body);
  if (!end)
    co_return workflow_state::running;
  switch (end->outcome.kind) {
  case journal::outcome_kind::completed:
    co_return workflow_state::completed;
  case journal::outcome_kind::cancelled:
    co_return workflow_state::cancelled;
  case journal::outcome_kind::failed:
    break;
  }
  co_return workflow_state::failed;
}

namespace {

/// None: it has not ended.
awaitable<std::optional<journal::outcome>> find_end(std::shared_ptr<workflow_desk> desk, std::string actor_id,
                                                    call_options options) {
  std::optional<event> const last = co_await desk->store()->find_latest_event(actor_id, options);
  if (!last)
    throw error(errc::workflow_not_found, "workflow " + quoted(actor_id));
  journal::any body = journal::read(*last);
  std::optional<journal::outcome> how;
  if (auto* const end = std::get_if<journal::finished>(&body))
    how = std::move(end->outcome);
  co_return how;
}

} // namespace

awaitable<journal::outcome> wait_for_end(std::shared_ptr<workflow_desk> desk, std::string actor_id, std::string type,
                                         call_options options) {
  auto const limit = limit_of(options);
  expectation const expected(desk, actor_id);
  co_await workflow_desk::watch(desk, type, options);
  for (bool looks = !expected.is_here();; looks = true) {
    desk->check_open();
    if (looks) {
      auto ended = co_await find_end(desk, actor_id, options);
      if (ended)
        co_return std::move(*ended);
    }
    wait_result<bool> const ended = co_await wait_until<bool>(
        limit, [&](std::shared_ptr<wait_state<bool>> waiting) { (*expected).wait(std::move(waiting)); });
    throw_if_cancelled(ended);
    if (ended.end == wait_end::timed_out)
      throw error(errc::timed_out, "workflow " + quoted(actor_id) + " has not finished");
    if (auto how = (*expected).take())
      co_return std::move(*how);
  }
}

awaitable<boost::json::value> wait_for_result(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                                              call_options options) {
  checked(desk);
  auto const actor_id = workflow_actor(type, id);
  journal::outcome how = co_await wait_for_end(desk, actor_id, type, options);
  if (how.kind == journal::outcome_kind::completed)
    co_return how.result.value_or(nullptr);
  workflow_failure failure;
  failure.was_cancelled = how.kind == journal::outcome_kind::cancelled;
  if (how.error) {
    failure.category = how.error->category;
    failure.code = how.error->code;
    failure.message = how.error->message;
  }
  if (how.undo_failed)
    failure.undo_failed = *how.undo_failed;
  throw workflow_failed("workflow " + quoted(actor_id), std::move(failure));
}

void refuse_result(std::string const& type, std::string const& id, std::string const& why) {
  throw error(errc::malformed_event, "workflow " + quoted(type + "-" + id) + ": its result does not fit: " + why);
}

} // namespace aether::detail

namespace aether {

workflow_client::workflow_client(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store)
    : desk_(std::make_shared<detail::workflow_desk>(executor, std::move(store))) {}

} // namespace aether
