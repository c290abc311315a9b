// What stands beside a store and needs of it its connection, its options and its name.
#pragma once

#include "nats/stream_access.hpp"

#include <aether/nats/connection.hpp>

#include <memory>
#include <string>

namespace aether::nats::detail {

/// As if the store's stream were open, of which nothing is asked; for stores of several streams, which have no stream
/// of that name. Throws not_open, invalid_argument, invalid_id.
std::shared_ptr<stream_access const> access_by_name(connection const& on, std::string const& store,
                                                    jetstream_config config);

} // namespace aether::nats::detail
