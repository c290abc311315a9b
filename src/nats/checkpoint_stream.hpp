// Opening the stream of checkpoints: creates it, or refuses one that would lose them.
#pragma once

#include "nats/stream_access.hpp"

#include <boost/json/object.hpp>

#include <memory>
#include <string>

namespace aether::nats::detail {

/// `{stream}_checkpoints`; throws invalid_id when that is too long for a name.
std::string checkpoint_stream_name(std::string const& events_stream);

/// What STREAM.CREATE is asked for.
boost::json::object checkpoint_stream_config(std::string const& events_stream, int replicas);

/// Every setting that differs and matters, with both values; empty: none.
std::string checkpoint_stream_differences(boost::json::object const& wanted, boost::json::object const& actual);

/// `config` with its defaults filled in. Throws what nats::checkpoint_store::open() says.
boost::asio::awaitable<std::shared_ptr<stream_access const>>
open_checkpoint_stream(std::shared_ptr<connection_core> link, std::string events_stream, jetstream_config config,
                       steady_time deadline);

} // namespace aether::nats::detail
