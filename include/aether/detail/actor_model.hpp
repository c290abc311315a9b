// Deciders, commands and queries as the compiled part of the actor host sees them.
#pragma once

#include <aether/actor_options.hpp>
#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/decision.hpp>
#include <aether/event.hpp>

#include <boost/json/value.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace aether::detail {

class actor_state {
public:
  virtual ~actor_state() = default;
  virtual std::unique_ptr<actor_state> copy() const = 0;
};

/// One object for each decider.
class actor_type {
public:
  virtual std::unique_ptr<actor_state> initial() const = 0;
  /// False: the event is none of this type's. Throws what evolve throws, and malformed_event.
  virtual bool apply(actor_state& to, event const& e) const = 0;
  virtual bool keeps_snapshots() const noexcept = 0;
  virtual boost::json::value to_json(actor_state const& state) const = 0;
  virtual bool from_json(boost::json::value const& json, actor_state& into, std::string& why) const = 0;
  virtual int state_version() const noexcept = 0; ///< snapshots of another one are not used
  virtual bool one_by_one() const noexcept = 0;   ///< see multi_event

protected:
  ~actor_type() = default;
};

/// A command with what was decided on it last.
class actor_command {
public:
  virtual ~actor_command() = default;
  virtual void decide(actor_state const& on) = 0; ///< throws what decide throws
  virtual rejection const* rejected() const noexcept = 0;
  virtual std::size_t event_count() const noexcept = 0;
  virtual void evolve(actor_state& state) const = 0; ///< by all its events; throws what evolve throws
  virtual void write(std::size_t index, event& into) const = 0; ///< type, data and the type's version
};

/// Throws what the user's function throws.
class actor_query {
public:
  virtual ~actor_query() = default;
  virtual void look(actor_state const& at) = 0;
};

class actor_core;

/// What a handle to an actor is made of.
struct actor_address {
  std::shared_ptr<actor_core> host;
  actor_type const* type = nullptr;
  std::string id;

  actor_address() = default;
};

awaitable<command_outcome> run_command(actor_address to, command_options options,
                                       std::unique_ptr<actor_command> command);
awaitable<command_result> run_command_or_throw(actor_address to, command_options options,
                                               std::unique_ptr<actor_command> command);
awaitable<std::int64_t> run_query(actor_address to, freshness how_fresh, call_options options,
                                  std::shared_ptr<actor_query> query);

} // namespace aether::detail
