// The inspector's connection and the stream it looks at, opened so that nothing is made or changed.
#pragma once

#include "cli/options.hpp"
#include "nats/stream_listing.hpp"
#include "nats/subjects.hpp"

#include <aether/error.hpp>
#include <aether/logging.hpp>
#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

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

/// When the name is a sharded store's, throws stream_not_found with its streams, and with the actor's if there is one.
awaitable<void> name_parts(nats::connection on, std::string name, std::string actor);

/// A call about the stream that the options name; if that is not there, as name_parts().
template <class T> awaitable<T> or_parts(awaitable<T> call, nats::connection on, options given) {
  std::optional<T> result;
  std::exception_ptr failed;
  try {
    result = co_await std::move(call);
  } catch (error const& e) {
    if (e.code() != errc::stream_not_found)
      throw;
    failed = std::current_exception();
  }
  if (failed) {
    co_await name_parts(on, nats::detail::full_stream_name(given.name_space, given.stream), given.actor);
    std::rethrow_exception(failed);
  }
  co_return std::move(*result);
}

/// Connects, and opens the stream as it is. Throws stream_not_found, stream_settings_differ.
awaitable<session> open_session(options given, std::shared_ptr<logger> log = {});

} // namespace aether::cli
