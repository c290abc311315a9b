// Commands that can go to another node, as the compiled part of the router sees them.
#pragma once

#include <aether/actor_options.hpp>
#include <aether/detail/actor_model.hpp>
#include <aether/detail/actor_templates.hpp>
#include <aether/detail/described_json.hpp>

#include <boost/json/object.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace aether::detail {

template <class C>
concept names_command = requires {
  { C::command_type } -> std::convertible_to<std::string_view>;
};

class routed_command {
public:
  virtual ~routed_command() = default;
  virtual std::string_view type() const noexcept = 0;
  virtual boost::json::object to_json() const = 0;
  /// For a host in this process; once.
  virtual std::unique_ptr<actor_command> take() = 0;
};

template <class D, class C> class routed_command_of final : public routed_command {
public:
  template <class... Arguments>
  explicit routed_command_of(std::in_place_t, Arguments&&... arguments)
      : command_(std::forward<Arguments>(arguments)...) {}

  std::string_view type() const noexcept override { return C::command_type; }
  boost::json::object to_json() const override { return std::move(to_json_value(command_).as_object()); }
  std::unique_ptr<actor_command> take() override {
    return std::make_unique<actor_command_of<D, C>>(std::in_place, std::move(command_));
  }

private:
  C command_;
};

/// From the JSON of a command to the command; none: `why` says what does not fit.
struct command_route {
  std::string_view type;
  actor_type const* of = nullptr;
  std::unique_ptr<actor_command> (*read)(boost::json::object const& data, std::string& why) = nullptr;
};

template <class D, class C>
std::unique_ptr<actor_command> read_command(boost::json::object const& data, std::string& why) {
  C command{};
  if (!from_json_value(boost::json::value(data), command, why))
    return nullptr;
  return std::make_unique<actor_command_of<D, C>>(std::in_place, std::move(command));
}

class router_core;

/// Where a command goes, wherever that is.
struct routed_address {
  std::shared_ptr<router_core> router;
  actor_type const* type = nullptr;
  std::string id;

  routed_address() = default;
};

awaitable<command_outcome> route_command(routed_address to, command_options options,
                                         std::unique_ptr<routed_command> command);
awaitable<command_result> route_command_or_throw(routed_address to, command_options options,
                                                 std::unique_ptr<routed_command> command);

} // namespace aether::detail
