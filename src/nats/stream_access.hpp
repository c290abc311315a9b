// What every operation on one opened stream needs: the connection, the names, and what the server can do.
#pragma once

#include "nats/connection_core.hpp"
#include "nats/store_log.hpp"
#include "nats/subjects.hpp"
#include "store_watch.hpp"

#include <aether/event.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace aether::nats::detail {

class kept_questions;

/// Set once when the stream is opened, then only read: any thread.
struct stream_access {
  std::shared_ptr<connection_core> connection;
  subject_map subjects;
  std::string api;                 ///< `$JS.API`, or what a domain or an import makes of it
  jetstream_config config;         ///< with its defaults filled in
  int replicas = 1;
  /// Several servers may answer for it, of which some know less: with replicas, and in a cluster, where a stream of one
  /// replica has copies while it moves.
  bool may_have_copies = true;
  bool direct_get = false; ///< the stream allows it
  bool batch_direct_get = false; ///< and the server answers it in batches (2.11)
  bool atomic_batches = false; ///< the stream echoes allow_atomic
  std::chrono::nanoseconds max_age{}; ///< of the stream; 0: for ever
  time_point created{}; ///< with the name the stream's identity
  std::shared_ptr<store_log> log{}; ///< none: there is no logger
  std::shared_ptr<aether::detail::store_watch> watch{}; ///< the store's
  std::shared_ptr<kept_questions> questions{}; ///< of one reader's own copy; else none

  std::string const& stream() const noexcept { return subjects.stream(); }
};

} // namespace aether::nats::detail
