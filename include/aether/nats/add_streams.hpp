// Giving a sharded store more streams, while nobody writes.
#pragma once

#include <aether/nats/connection.hpp>
#include <aether/nats/sharded_store.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace aether::nats {

/// What was done so far.
struct added_streams {
  std::size_t streams = 0;          ///< that the store has in the end
  std::int64_t layout_version = 0;  ///< in the end
  std::uint64_t events_read = 0;    ///< of all actors
  std::uint64_t events_copied = 0;  ///< to an added stream
  std::uint64_t events_there = 0;   ///< found there, copied by an earlier call
  std::uint64_t snapshots_copied = 0;
  std::uint64_t actors_moved = 0;
  std::uint64_t malformed = 0; ///< messages that are no events, which stay where they are
  std::uint64_t stale = 0;     ///< events whose version was taken when they came: no read hands them out; they stay
};

/// Makes the streams that are wanted beyond those that are there, copies to them the events and the latest snapshots of
/// the actors that belong there from now on, checks that each of these actors ends there as it did, and then records
/// the new layout in every stream. With twice as many streams half of the actors move. Their old events stay where they
/// are (the server is told to refuse deletion), and are passed over from then on.
///
/// Every program that has the store open must be stopped before, and is to be started after it: a writer that knows the
/// old layout would go on writing an actor where the others do not look, so that each of its versions could be won
/// twice. From its begin to its end opening the store is refused. It can be ended at any point and called again with
/// the same number: it goes on, and reads what it copied before. Events that come while it runs tell that somebody
/// writes: it fails then (overloaded), at once when one comes between its actor's copy and the check of it, else when
/// they do not cease. The next call copies what is missing.
///
/// The copies are stored anew: their retention begins again, subscriptions that go on from a position taken before get
/// them once more, and while such a store catches up they come when they were copied.
///
/// `connections`, `config`: as open_sharded_store() wants them; what the configuration leaves open (retention,
/// replicas, bytes, the duplicate window) is as the first stream has it. `progress` is called now and then. Throws
/// stream_not_found, invalid_argument for fewer streams than there are, stream_settings_differ while they are being
/// added until there is another number, and what saves and reads throw.
awaitable<added_streams> add_streams(std::vector<connection> connections, std::string store, std::size_t stream_count,
                                     sharded_config config = {},
                                     std::function<void(added_streams const&)> progress = nullptr);

} // namespace aether::nats
