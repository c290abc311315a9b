// Commands go to the node that owns their actor, wherever they are made.
#pragma once

#include <aether/actor.hpp>
#include <aether/command_transport.hpp>
#include <aether/detail/routed_command.hpp>
#include <aether/logging.hpp>
#include <aether/placement.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace aether {

/// A command that can go to another process says its name itself, and its members to Boost.Describe, as events do:
///
///   struct deposit {
///     static constexpr std::string_view command_type = "Deposit"; // stays when the struct is renamed
///     std::int64_t cents = 0;
///   };
///   BOOST_DESCRIBE_STRUCT(deposit, (), (cents))
template <class C>
concept routable_command =
    detail::names_command<C> && detail::json_object_convertible<C> && std::default_initializable<C>;

/// The commands that a node takes from others.
class command_routes {
public:
  /// Throws invalid_argument for a command type that is there already, invalid_id for a name that is none.
  template <decider D, class... Commands> command_routes& add() {
    static_assert((handles<D, Commands> && ...), "the decider has no `decide` for one of these commands");
    static_assert((routable_command<Commands> && ...),
                  "a command that is routed has a `static constexpr std::string_view command_type`, is described with "
                  "BOOST_DESCRIBE_STRUCT, and can be default-made");
    (add({Commands::command_type, &detail::actor_type_of<D>::instance(), &detail::read_command<D, Commands>}), ...);
    return *this;
  }

  std::vector<detail::command_route> const& all() const noexcept { return all_; } ///< for the router

private:
  void add(detail::command_route route);

  std::vector<detail::command_route> all_;
};

/// A handle to an actor, wherever it is. Cheap to copy; does not keep the router open.
template <decider D> class routed_actor {
public:
  routed_actor() = default;
  explicit routed_actor(detail::routed_address at) : at_(std::move(at)) {}

  std::string const& id() const noexcept { return at_.id; }

  /// The same actor, for commands with these options. Without a command id each command gets one of its own, and then
  /// nobody can repeat it.
  routed_actor with(command_options options) const {
    routed_actor other(*this);
    other.options_ = std::move(options);
    return other;
  }

  /// As actor::execute(), on the node that owns the actor. Throws what that throws, with the code and text of the other
  /// node, and outcome_unknown when that did not answer in time: repeat it with the same command id. Also
  /// command_not_routable, event_too_large, permission_denied, and invalid_argument for a command with NaN, infinity or
  /// text that is no UTF-8, which JSON cannot hold: nothing was stored then.
  template <class C, class... Arguments>
    requires(!(sizeof...(Arguments) == 1 && (std::same_as<std::remove_cvref_t<Arguments>, C> && ...)))
  awaitable<command_result> execute(Arguments&&... arguments) const {
    return detail::route_command_or_throw(at_, options_, make<C>(std::forward<Arguments>(arguments)...));
  }
  template <class C> awaitable<command_result> execute(C command) const {
    return detail::route_command_or_throw(at_, options_, make<C>(std::move(command)));
  }

  /// The same with the rejection as a value.
  template <class C, class... Arguments>
    requires(!(sizeof...(Arguments) == 1 && (std::same_as<std::remove_cvref_t<Arguments>, C> && ...)))
  awaitable<command_outcome> try_execute(Arguments&&... arguments) const {
    return detail::route_command(at_, options_, make<C>(std::forward<Arguments>(arguments)...));
  }
  template <class C> awaitable<command_outcome> try_execute(C command) const {
    return detail::route_command(at_, options_, make<C>(std::move(command)));
  }

private:
  template <class C, class... Arguments> static std::unique_ptr<detail::routed_command> make(Arguments&&... arguments) {
    static_assert(handles<D, C>, "the decider has no `static decide(Command const&, state const&)` for this command");
    static_assert(routable_command<C>, "a command that is routed has a `static constexpr std::string_view "
                                       "command_type`, is described with BOOST_DESCRIBE_STRUCT, and can be "
                                       "default-made");
    return std::make_unique<detail::routed_command_of<D, C>>(std::in_place, std::forward<Arguments>(arguments)...);
  }
  detail::routed_address at_;
  command_options options_;
};

/// Zero means the default.
struct command_router_options {
  /// Commands of other nodes under way here; beyond it they are `overloaded`. 0: 4,096
  std::size_t max_receiving = 0;
  std::shared_ptr<logger> log;

  command_router_options() = default;
};

/// What a router did since it was made.
struct router_metrics {
  std::uint64_t here = 0; ///< commands made here and executed here
  std::uint64_t answered = 0; ///< made here, and answered by another node
  std::uint64_t moved = 0; ///< times that another node named the next one
  std::uint64_t fell_back = 0; ///< times that a node could not be reached, and another one, or this, took the command
  std::uint64_t unanswered = 0; ///< which ended with outcome_unknown
  std::uint64_t received = 0; ///< of other nodes: the following four, and those under way
  std::uint64_t executed = 0; ///< whatever came of it
  std::uint64_t passed_on = 0; ///< answered with the node to go to
  std::uint64_t refused = 0; ///< not understood
  std::uint64_t overloaded = 0; ///< max_receiving
  std::uint64_t evicted = 0; ///< actors that were chosen to leave memory, as another node owns them
  std::size_t receiving = 0; ///< under way now

  router_metrics() = default;
};

/// Routes commands: those on actors that this node owns go to its host, the others to their owner. A copyable handle;
/// the last one gone, or close(), stops listening.
///
/// A command goes over two nodes at most before it is executed where it was made: placement is for warmth, and any node
/// may execute any command. A node that nobody answers for is passed over, too. When this node loses actors, those of
/// the registered types leave its memory.
///
/// Threads and cancelling: as actor_host. Commands of others, and what follows the placement, run on the executor of
/// whoever awaited open(), a strand's inner one, and keep its context at work until close().
class command_router {
public:
  command_router() = default;

  /// Listens for commands to where->node(), unless it only observes. Throws what listening throws.
  static awaitable<command_router> open(actor_host host, std::shared_ptr<placement> where,
                                        std::shared_ptr<command_transport> way, command_routes routes,
                                        command_router_options options = command_router_options());

  /// Throws not_open.
  template <decider D> routed_actor<D> get(std::string id) const {
    return routed_actor<D>(address(detail::actor_type_of<D>::instance(), std::move(id)));
  }

  /// Takes no command any more, from here or from others, and waits until those of others have been answered; throws
  /// timed_out when they have not by the deadline (0: the host's command_timeout). Leave the placement before, so that
  /// others take over at once; close the host behind it.
  awaitable<void> close(call_options options = {});

  router_metrics metrics() const;

  explicit operator bool() const noexcept { return impl_ != nullptr; }

private:
  struct impl;
  explicit command_router(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
  detail::routed_address address(detail::actor_type const& type, std::string id) const;

  std::shared_ptr<impl> impl_;
};

} // namespace aether
