// How the streams of a sharded store are found, told apart and opened.
#pragma once

#include "nats/stream_settings.hpp"

#include <aether/nats/sharded_store.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::nats::detail {

inline constexpr std::size_t standard_stream_count = 16;
inline constexpr std::size_t max_stream_count = 1024;

/// The layout of one stream of a store as it is asked for.
stream_layout layout_of(std::string const& store, std::size_t streams, std::size_t index, std::int64_t version);

/// What the first stream's record says of the whole store, checked; throws stream_settings_differ where it is no such
/// store, where its hash is not known here, or `wanted` (0: any) is another number of streams. While streams are being
/// added it is returned all the same: see stream_layout::adding.
stream_layout recorded_layout(std::string const& store, stream_record const& first, std::size_t wanted);

/// The options of one of so many streams: the store's bounds divided, and its own placement.
jetstream_config config_of_stream(sharded_config const& config, std::size_t index, std::size_t streams);

struct sharded_place {
  std::vector<connection> connections;
  std::string store;
  sharded_config config;

  sharded_place() = default;

  connection const& connection_of(std::size_t index) const { return connections[index % connections.size()]; }
};

/// Opens (and creates, as the options say) the streams from `first` up to `end`, each with this layout.
awaitable<std::vector<std::shared_ptr<event_store>>>
open_streams(std::shared_ptr<sharded_place const> place, stream_layout layout, std::size_t first, std::size_t end);

} // namespace aether::nats::detail
