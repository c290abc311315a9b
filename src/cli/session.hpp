// The inspector's connection and the stream it looks at, opened so that nothing is made or changed.
#pragma once

#include "cli/options.hpp"
#include "nats/stream_listing.hpp"

#include <aether/logging.hpp>
#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <memory>
#include <string>

namespace aether::cli {

/// `log` is told of a connection that is lost and found again. Throws std::runtime_error when a file of secrets cannot
/// be read; else as connection::connect().
awaitable<nats::connection> connect(options given, std::shared_ptr<logger> log = {});

struct session {
  nats::connection connection;
  nats::detail::listed_stream stream;
  nats::subject_encoding encoding = nats::subject_encoding::percent;
  std::shared_ptr<nats::jetstream_event_store> store;

  session() = default;
};

/// One stream, by its name on the server. Throws stream_not_found, which names the streams when it is a sharded store.
awaitable<nats::detail::listed_stream> find_stream(nats::connection on, std::string name, std::string actor = {});

/// Connects, and opens the stream as it is. Throws stream_not_found, stream_settings_differ.
awaitable<session> open_session(options given, std::shared_ptr<logger> log = {});

} // namespace aether::cli
