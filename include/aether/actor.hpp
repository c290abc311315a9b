// Actors: business logic as plain functions over state that is rebuilt from events.
#pragma once

#include <aether/actor_options.hpp>
#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/decision.hpp>
#include <aether/detail/actor_templates.hpp>
#include <aether/event_store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace aether {

/// A handle to one actor of a host: cheap to copy, and nothing is loaded before it is used. It does not keep the host
/// open: when that was closed or is gone, its calls throw `closed`.
///
/// Commands on one actor run one at a time, in the order they came; those on different actors side by side, on the
/// threads of whoever waits for them. Threads and cancelling: as event_store. A command that is cancelled may be stored
/// none the less: repeat it with its id to learn. Commands own what they refer to: one that is on its way is written
/// even when its caller has gone.
template <decider D> class actor {
public:
  actor() = default;
  explicit actor(detail::actor_address at) : at_(std::move(at)) {}

  std::string const& id() const noexcept { return at_.id; }

  /// The same actor, for commands with these options.
  actor with(command_options options) const {
    actor other(*this);
    other.options_ = std::move(options);
    return other;
  }

  /// Makes the command in place (`execute<deposit>("ref", 7)`), decides it on the actor's state, and saves what was
  /// decided with the version expected that it was decided on; on a conflict what was missed is read and it is decided
  /// again. Returns when it is stored.
  ///
  /// Throws command_rejected; decide_failed and evolve_failed, which hold what the decider threw
  /// (std::nested_exception); version_conflict after max_conflicts; overloaded beyond max_waiting_commands;
  /// outcome_unknown when an attempt was not answered in time: it may be stored, so repeat the command with its id;
  /// else what reads and saves throw, and then nothing was stored. Commands that wait for one actor may be saved
  /// together: all of them, rejected ones too, are answered when that save has ended.
  template <class C, class... Arguments>
    requires(!(sizeof...(Arguments) == 1 && (std::same_as<std::remove_cvref_t<Arguments>, C> && ...)))
  awaitable<command_result> execute(Arguments&&... arguments) const {
    return detail::run_command_or_throw(at_, options_, make<C>(std::forward<Arguments>(arguments)...));
  }
  /// The same with a command that is there: give it a name first (g++ 12 and temporary aggregates beside `co_await`).
  template <class C> awaitable<command_result> execute(C command) const {
    return detail::run_command_or_throw(at_, options_, make<C>(std::move(command)));
  }

  /// The same with the rejection as a value.
  template <class C, class... Arguments>
    requires(!(sizeof...(Arguments) == 1 && (std::same_as<std::remove_cvref_t<Arguments>, C> && ...)))
  awaitable<command_outcome> try_execute(Arguments&&... arguments) const {
    return detail::run_command(at_, options_, make<C>(std::forward<Arguments>(arguments)...));
  }
  template <class C> awaitable<command_outcome> try_execute(C command) const {
    return detail::run_command(at_, options_, make<C>(std::move(command)));
  }

  /// Calls `function(D::state const&)` on a state as fresh as asked for, and returns what it returns. It is called
  /// while nothing else runs on the actor, on the thread of anybody who waits for it; it is to be short, and what it
  /// throws is thrown here. It never runs once this call has ended, so captures may refer to the caller's frame.
  /// Queries do not wait for commands that wait.
  template <class Function>
  awaitable<std::invoke_result_t<Function&, typename D::state const&>>
  query(Function function, freshness how_fresh = freshness::cached(), call_options options = {}) const {
    using result = std::invoke_result_t<Function&, typename D::state const&>;
    static_assert(!std::is_reference_v<result>, "return a value: the state is not the caller's");
    using asked = detail::actor_query_of<D, Function, result>;
    return detail::answer<result>(at_, how_fresh, options, std::make_shared<asked>(std::move(function)));
  }
  /// The version of that state; 0: the actor has no events.
  awaitable<std::int64_t> version(freshness how_fresh = freshness::cached(), call_options options = {}) const {
    return detail::run_query(at_, how_fresh, options, nullptr);
  }

private:
  template <class C, class... Arguments> static std::unique_ptr<detail::actor_command> make(Arguments&&... arguments) {
    static_assert(handles<D, C>, "the decider has no `static decide(Command const&, state const&)` for this command, "
                                 "or it returns what no decision can be made of");
    return std::make_unique<detail::actor_command_of<D, C>>(std::in_place, std::forward<Arguments>(arguments)...);
  }
  detail::actor_address at_;
  command_options options_;
};

/// Hosts actors on a store: a copyable handle, copies are the same host. An actor's snapshot and the events behind it
/// are read once, when it is first used; then it stays in memory until it is idle for too long, too many are there, an
/// event cannot be applied to it, or the outcome of a command is unknown. Several hosts, also in other processes, may
/// host the same actors: the store decides, and who comes second reads what it missed.
///
/// Snapshots are written, and idle actors dropped, on `executor`: as long as actors are in memory its context has work,
/// until close() or until the last handle goes. Commands under way go on to their end then.
class actor_host {
public:
  actor_host() = default;
  /// Throws invalid_argument.
  actor_host(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
             actor_host_options options = actor_host_options());

  /// Throws not_open; an id that is none is refused by the first command (invalid_id).
  template <decider D> actor<D> get(std::string id) const {
    return actor<D>(address(detail::actor_type_of<D>::instance(), std::move(id)));
  }

  /// Takes no new command or query (they throw `closed`), waits until those begun have ended and the snapshots are
  /// written, and drops the actors. Closing twice is no error. Throws timed_out when calls are still under way at the
  /// deadline (0: the host's command_timeout): they go on to their end. A snapshot that is not written by then is given
  /// up.
  awaitable<void> close(call_options options = {});

  /// Drops the actors of this type whose id `which` chooses: those that are idle now, and those in use when their calls
  /// have ended. Who uses one later loads it again. `which` is called on this thread, without a lock. Returns how many
  /// were chosen.
  template <decider D> std::size_t evict(std::function<bool(std::string const& id)> const& which) const {
    return evict(detail::actor_type_of<D>::instance(), which);
  }

  actor_metrics metrics() const;

  explicit operator bool() const noexcept { return impl_ != nullptr; }
  /// For what the library builds on actors: routing.
  std::shared_ptr<detail::actor_core> core() const;

private:
  struct impl;
  std::size_t evict(detail::actor_type const& type, std::function<bool(std::string const& id)> const& which) const;
  detail::actor_address address(detail::actor_type const& type, std::string id) const;

  std::shared_ptr<impl> impl_;
};

} // namespace aether
