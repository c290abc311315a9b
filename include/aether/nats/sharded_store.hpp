// A sharded store over JetStream streams, on one server, a cluster, or several.
#pragma once

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_config.hpp>
#include <aether/sharded_event_store.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats {

/// Zero and empty mean the default, everywhere.
struct sharded_config {
  /// Of every stream. Its bounds (saves waiting, in flight and remembered, the version cache, strands) are those of the
  /// whole store and are divided among the streams, but none gets less than 1,024 waiting, 256 in flight, 1,024
  /// remembered, 1 MB of cache and one strand, or what is asked for if that is less: many streams together have more.
  /// max_stream_bytes is each stream's.
  jetstream_config stream;
  /// How many streams there are, 1 to 1,024: chosen for good when the store is made, so take more than today needs (16
  /// to 64). 0: as many as it was made with, and 16 of a new one.
  std::size_t stream_count = 0;
  /// Where a new stream is made: stream `i` takes the placement `i` modulo their number. Empty: as `stream` says.
  std::vector<stream_placement> placements;

  sharded_config() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  /// Throws invalid_argument.
  void validate() const;
};

/// The stream that holds part `index` of a sharded store, but for the namespace: `{store}-0007`.
std::string sharded_stream_name(std::string_view store, std::size_t index);

/// Opens the streams `{store}-0000`, `{store}-0001`, … (with a namespace `{name_space}_{store}-0000`), creating those
/// that are not there, as jetstream_event_store::open() does. Their number, the hash that says which actor is in which
/// and the layout's version stand in each stream's configuration: an opener who wants another number is refused, also
/// when two open at the same moment, as the first stream decides. Stream `i` is opened on the connection `i` modulo
/// their number; all connections lead to one cluster, or each to the servers of its streams: always give the same
/// number of them in the same order then.
///
/// Throws what jetstream_event_store::open() throws: stream_settings_differ for another number of streams and while
/// streams are being added (see add_streams()); invalid_argument for no connection. What was created stays.
awaitable<sharded_event_store> open_sharded_store(std::vector<connection> connections, std::string store,
                                                  sharded_config config = {});
awaitable<sharded_event_store> open_sharded_store(connection on, std::string store, sharded_config config = {});

} // namespace aether::nats
