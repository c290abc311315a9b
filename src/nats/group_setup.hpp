// Joining a group on the server, and deleting it.
#pragma once

#include "nats/group_access.hpp"

#include <aether/event_group.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace aether::nats::detail {

/// Makes what of the group is not there. `options`: checked, with their defaults filled in. Throws what join_group()
/// documents.
boost::asio::awaitable<std::shared_ptr<group_access const>> set_up_group(std::shared_ptr<stream_access const> stream,
                                                                         group_options options, steady_time deadline);

/// Deletes its consumers. False: there was none. Throws stream_not_found and what a read throws.
boost::asio::awaitable<bool> tear_down_group(std::shared_ptr<group_access const> group, steady_time deadline);

} // namespace aether::nats::detail
