// The consumers and the stream that a group is made of on the server, and reading them back.
#pragma once

#include "nats/group_names.hpp"
#include "nats/stream_access.hpp"

#include <aether/event_group.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aether::nats::detail {

/// What the consumer's description keeps of a group: `{"aether":1,"group":"billing","made":"…","settings":{…}}`.
struct group_record {
  std::string name;
  std::string made; ///< an id of this very group: one that is deleted and made again has another
  boost::json::object settings;

  group_record() = default;
};

/// The settings of a group as its consumer has them: those it would lack are not compared.
boost::json::object wanted_group_settings(group_options const& options);

/// The body of CONSUMER.DURABLE.CREATE: it makes the group's consumer, and does not change one that is there. It
/// begins with the first message, or at sequence `from` when that is not 0. `made` is new. Throws invalid_argument when
/// the filter is too long to be kept.
boost::json::object make_group_consumer(stream_access const& stream, group_options const& options, std::uint64_t from,
                                        std::string const& made);
/// The same for the consumer of the group's retried letters, which is made or made so.
boost::json::object make_retry_consumer(dead_subjects const& dead, group_options const& options);

/// What a consumer's configuration, as the server echoes it, says of its group; none: it is no group's.
std::optional<group_record> read_group_record(boost::json::object const& config);

/// STREAM.CREATE's body for the dead letters.
boost::json::object make_dead_stream(dead_subjects const& dead, std::string const& stream, int replicas);
/// For people, why an existing stream cannot keep the dead letters; empty: it can.
std::string unusable_dead_stream(boost::json::object const& wanted, boost::json::object const& actual);

} // namespace aether::nats::detail
