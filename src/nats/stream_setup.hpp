// Opening a stream: asks what the server can do, creates the stream or takes it as it is, refuses what does not fit.
#pragma once

#include "nats/stream_access.hpp"
#include "nats/stream_settings.hpp"

#include <aether/nats/jetstream_event_store.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::nats::detail {

struct opened_stream {
  std::shared_ptr<stream_access const> stream;
  std::vector<weakened_setting> weakened;

  opened_stream() = default;
};

/// Throws what jetstream_event_store::open() documents. `layout`: of one of several streams.
awaitable<opened_stream> open_stream(connection on, std::string stream_name, jetstream_config config,
                                     std::optional<stream_layout> layout);

struct recorded_stream {
  stream_record record;
  boost::json::object config; ///< as the server echoes it

  recorded_stream() = default;
};

/// A stream, which is not changed, and what is recorded of it; none: it is not there. Throws as open_stream() does; a
/// stream without a record, or with a broken one, is stream_settings_differ.
awaitable<std::optional<recorded_stream>> find_recorded_stream(connection on, std::string stream_name,
                                                               jetstream_config config);
/// Changes nothing but the record.
awaitable<void> update_stream_record(connection on, stream_record record, jetstream_config config);

} // namespace aether::nats::detail
