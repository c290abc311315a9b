// The receiving side of a router: what comes is bounded, executed or passed on, and answered; actors that another node
// owns leave memory.
#include "router_core.hpp"

#include "detail/log.hpp"
#include "detail/utf8.hpp"
#include "error_names.hpp"
#include "or_default.hpp"

#include <algorithm>
#include <utility>

namespace aether {

void command_routes::add(detail::command_route route) {
  if (!detail::valid_id(route.type))
    throw error(errc::invalid_id,
                "the command type " + detail::quoted(route.type) + " is not 1 to 255 bytes of UTF-8 without NUL");
  for (auto const& known : all_)
    if (known.type == route.type)
      throw error(errc::invalid_argument, "command_routes::add: the command type " + detail::quoted(route.type) +
                                              " is there already: give each command a name of its own");
  all_.push_back(route);
}

namespace detail {

router_core::router_core(boost::asio::any_io_executor const& executor, actor_host host,
                         std::shared_ptr<placement> where, std::shared_ptr<command_transport> way,
                         command_routes routes, command_router_options options)
    : host_(std::move(host)), host_core_(host_.core()), where_(std::move(where)), way_(std::move(way)),
      routes_(routes.all()), max_receiving_(or_default<std::size_t>(options.max_receiving, 4'096)),
      log_(std::move(options.log)), commands_(std::make_shared<task_group>(executor)),
      follower_(std::make_shared<task_group>(executor)) {
  std::sort(routes_.begin(), routes_.end(), [](auto const& a, auto const& b) { return a.type < b.type; });
  for (auto const& r : routes_)
    if (std::find(types_.begin(), types_.end(), r.of) == types_.end())
      types_.push_back(r.of);
}

command_route const* router_core::find_route(std::string_view type) const noexcept {
  auto const at = std::lower_bound(routes_.begin(), routes_.end(), type,
                                   [](command_route const& r, std::string_view t) { return r.type < t; });
  return at != routes_.end() && at->type == type ? &*at : nullptr;
}

awaitable<void> router_core::start(std::shared_ptr<router_core> self) {
  if (self->where_->view()->state != placement_state::observing) {
    auto listening = co_await self->way_->listen(self->where_->node(), self);
    std::lock_guard const lock(self->mutex_);
    self->listening_ = std::move(listening);
  }
  self->follower_->spawn(follow(self, self->where_));
}

awaitable<void> router_core::follow(std::weak_ptr<router_core> router, std::shared_ptr<placement> where) {
  std::uint64_t seen = 0, lapses = 0;
  for (auto ends = false; !ends;) {
    auto owned_all_the_time = true;
    try {
      auto const view = co_await where->wait_for_change(seen);
      seen = view->epoch;
      owned_all_the_time = std::exchange(lapses, view->lapses) == view->lapses;
    } catch (error const&) { // it changes no more
      ends = true;
    }
    auto const self = router.lock();
    if (!self)
      co_return;
    try {
      self->step_down(owned_all_the_time);
    } catch (std::exception const&) { // no memory: they leave later
    }
  }
}

// Of a node that did not own for a while others may have changed every actor.
void router_core::step_down(bool keeps_its_own) {
  std::size_t chosen = 0;
  auto const is_others = [&](std::string const& id) { return !keeps_its_own || !where_->owns(id); };
  for (auto const* type : types_)
    chosen += host_core_->evict(*type, is_others);
  counts.evicted.fetch_add(chosen, std::memory_order_relaxed);
  if (chosen == 0)
    return;
  if (log_at const log{log_, log_level::info})
    log("actors leave memory, as other nodes own them", {{"node", where_->node()}, {"actors", chosen}});
}

/// A command of another node: answered once, whatever becomes of the coroutine that works on it.
class router_core::received {
public:
  received(std::shared_ptr<router_core> r, answer_function a) : router(std::move(r)), answer(std::move(a)) {}
  received(received const&) = delete;
  received& operator=(received const&) = delete;
  ~received() { router->ended(); }

  std::shared_ptr<router_core> const router;
  answer_function const answer;
};

void router_core::ended() noexcept {
  std::vector<std::shared_ptr<wait_state<bool>>> quiet;
  if (receiving_.fetch_sub(1) == 1) {
    std::lock_guard const lock(mutex_);
    if (receiving_ == 0) // else another one came, and tells when it ends
      quiet.swap(quiet_waiters_);
  }
  for (auto const& w : quiet)
    w->complete(true);
}

void router_core::when_quiet(std::shared_ptr<wait_state<bool>> waiting) {
  {
    std::lock_guard const lock(mutex_);
    if (receiving_ > 0) {
      quiet_waiters_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

void router_core::on_command(std::string command, answer_function answer) {
  try {
    take(std::move(command), std::move(answer));
  } catch (std::exception const&) { // no memory: nobody is answered
  }
}

void router_core::take(std::string command, answer_function answer) {
  counts.received.fetch_add(1, std::memory_order_relaxed);
  command_answer a;
  auto const pass_on = [&] {
    a.how = command_answer::end::moved;
    counts.passed_on.fetch_add(1, std::memory_order_relaxed);
    answer(to_text(a));
  };
  if (refuses())
    return pass_on();
  if (receiving_.fetch_add(1) >= max_receiving_) {
    ended();
    counts.overloaded.fetch_add(1, std::memory_order_relaxed);
    a.error = errc::overloaded;
    a.text = "node " + quoted(where_->node()) + " works on " + std::to_string(max_receiving_) +
             " commands of other nodes: see max_receiving";
    return answer(to_text(a));
  }
  std::shared_ptr<task_group> group;
  {
    std::lock_guard const lock(mutex_);
    group = commands_;
  }
  if (!group || refuses()) { // since it was asked: whoever closes it may have seen nothing under way
    ended();
    return pass_on();
  }
  auto one = std::make_shared<received>(shared_from_this(), std::move(answer));
  group->spawn(serve(std::move(one), std::move(command)));
}

// Whatever ends it, the others go on: an error would end the group.
awaitable<void> router_core::serve(std::shared_ptr<received> one, std::string text) {
  try {
    auto answer = co_await answer_command(one->router, std::move(text));
    one->answer(std::move(answer));
  } catch (std::exception const&) { // it was cancelled, or cannot be answered
  }
}

void router_core::refuse() noexcept {
  refuses_ = true;
  std::shared_ptr<void> listening;
  std::lock_guard const lock(mutex_);
  listening = std::move(listening_); // which goes without the mutex
}

void router_core::stop() noexcept {
  refuse();
  std::shared_ptr<task_group> commands, follower;
  {
    std::lock_guard const lock(mutex_);
    commands = std::move(commands_);
    follower = std::move(follower_);
  }
}

void router_core::complain(std::string_view cause, std::string_view from) noexcept {
  counts.refused.fetch_add(1, std::memory_order_relaxed);
  if (!log_ || !log_->takes(log_level::warning))
    return;
  std::unique_lock lock(mutex_);
  auto const left_out = complaints_.take(std::chrono::steady_clock::now());
  lock.unlock();
  if (left_out)
    log_->log(log_level::warning, "a command of another node was not understood",
              {{"node", where_->node()}, {"from", from}, {"cause", cause}, {"left_out", *left_out}});
}

router_metrics router_core::metrics() const {
  router_metrics m;
  m.here = counts.here;
  m.answered = counts.answered;
  m.moved = counts.moved;
  m.fell_back = counts.fell_back;
  m.unanswered = counts.unanswered;
  m.received = counts.received;
  m.executed = counts.executed;
  m.passed_on = counts.passed_on;
  m.refused = counts.refused;
  m.overloaded = counts.overloaded;
  m.evicted = counts.evicted;
  m.receiving = receiving_;
  return m;
}

namespace {

/// An error's own words: what() without the message of its code, which the caller's exception adds again.
std::string words_of(boost::system::system_error const& e) {
  std::string words = e.what();
  if (auto const at = words.rfind(e.code().message()); at != std::string::npos && at > 0)
    words.erase(words.compare(at < 2 ? 0 : at - 2, 2, ": ") == 0 ? at - 2 : at);
  return words;
}

command_answer failed_with(errc code, std::string text) {
  command_answer a;
  a.error = code;
  a.text = std::move(text);
  return a;
}

/// The command, or none with the answer that says why.
std::unique_ptr<actor_command> understand(router_core& router, std::string_view text, command_envelope& e,
                                          command_route const*& route, command_answer& a) {
  std::string why;
  std::unique_ptr<actor_command> command;
  if (parse_envelope(text, e, why) == envelope_fault::none) {
    route = router.find_route(e.type);
    if (!route)
      why = "no command of type " + quoted(e.type) + " is registered";
    else
      command = route->read(e.data, why);
    if (!command && route)
      why = "a command of type " + quoted(e.type) + ": " + why;
  }
  if (command)
    return command;
  router.complain(why, e.from);
  a = failed_with(errc::command_not_routable, "node " + quoted(router.where().node()) + ": " + why);
  return nullptr;
}

/// Another node's: named, if it is known.
bool passes_on(router_core& router, command_envelope const& e, command_answer& a) {
  auto const& where = router.where();
  if (where.is_live() && (e.hop > 0 || where.owns(e.actor_id)))
    return false;
  a.how = command_answer::end::moved;
  a.owner = where.owner_of(e.actor_id);
  if (a.owner == where.node())
    a.owner.clear();
  router.counts.passed_on.fetch_add(1, std::memory_order_relaxed);
  return true;
}

command_answer answer_with(command_outcome outcome) {
  command_answer a;
  if (auto* const why = std::get_if<rejection>(&outcome)) {
    a.how = command_answer::end::rejected;
    a.reason = std::move(*why);
  } else {
    a.how = command_answer::end::done;
    a.result = std::get<command_result>(outcome);
  }
  return a;
}

command_options routed_options(command_envelope& e, placement const& where) {
  command_options options;
  options.command_id = std::move(e.command_id);
  options.maybe_repeated = e.maybe_repeated || where.is_late(e.stamp);
  options.metadata = std::move(e.metadata);
  options.timeout = e.timeout;
  return options;
}

std::string answer_text(command_answer a, std::size_t most) {
  auto text = to_text(a);
  if (text.size() <= most)
    return text;
  (a.how == command_answer::end::rejected ? a.reason.text : a.text) = "(too long for an answer)";
  return to_text(a);
}

} // namespace

awaitable<std::string> answer_command(std::shared_ptr<router_core> router, std::string text) {
  command_envelope e;
  command_route const* route = nullptr;
  command_answer a;
  try {
    auto command = understand(*router, text, e, route, a);
    if (command && !passes_on(*router, e, a)) {
      actor_address to;
      to.host = router->host_core();
      to.type = route->of;
      to.id = e.actor_id;
      auto outcome = co_await run_command(std::move(to), routed_options(e, router->where()), std::move(command));
      a = answer_with(std::move(outcome));
      router->counts.executed.fetch_add(1, std::memory_order_relaxed);
    }
  } catch (error const& failure) {
    auto const is_ours = failure.code().category() == error_category();
    auto const code = is_ours ? static_cast<errc>(failure.code().value()) : errc::server_error;
    a = failed_with(code, words_of(failure));
    if (code == errc::closed) { // this host takes nothing more; another one may
      a = command_answer();
      a.how = command_answer::end::moved;
    }
    (code == errc::closed ? router->counts.passed_on : router->counts.executed).fetch_add(1, std::memory_order_relaxed);
  } catch (boost::system::system_error const& failure) {
    if (failure.code() == boost::asio::error::operation_aborted)
      throw;
    a = failed_with(errc::outcome_unknown, failure.what());
  } catch (std::exception const& failure) { // nobody knows how far it came
    a = failed_with(errc::outcome_unknown, failure.what());
  }
  co_return answer_text(std::move(a), router->way().max_bytes());
}

} // namespace detail
} // namespace aether
