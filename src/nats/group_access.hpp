// What the members of a group on the server need, and its messages beyond them.
#pragma once

#include "nats/group_names.hpp"
#include "nats/stream_access.hpp"

#include <aether/recorded_event.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace aether::nats::detail {

/// The two consumers that a member pulls from.
enum class group_lane { events, retries };

/// Set once when the group is joined, then only read: any thread.
struct group_access {
  std::shared_ptr<stream_access const> events;
  std::shared_ptr<stream_access const> dead; ///< the same for the stream of dead letters
  dead_subjects subjects;
  std::string name;
  std::string consumer; ///< its name, the same in both streams
  std::string made;     ///< which group of that name
  event_filter filter;
  std::vector<std::string> filters; ///< subjects
  std::shared_ptr<stream_identity const> identity;

  group_access(std::shared_ptr<stream_access const> stream, group_options const& options);

  stream_access const& stream_of(group_lane lane) const noexcept {
    return lane == group_lane::events ? *events : *dead;
  }
  std::string consumer_api(group_lane lane, std::string_view what) const;
  std::string what() const; ///< for the texts of errors
};

/// The same connection and settings, another stream.
std::shared_ptr<stream_access const> access_to_dead(stream_access const& events);

enum class consumer_there {
  yes,
  no,
  unknown, ///< it was not told
};
/// Reads the answer of CONSUMER.INFO. A group that was made anew is not there. Throws stream_not_found and other errors
/// that are not temporary.
consumer_there read_consumer_info(group_access const& group, group_lane lane, std::string_view answer);
[[noreturn]] void throw_group_gone(group_access const& group);

/// Asks the leader whether the group is still there. Throws group_not_found, stream_not_found when it is not.
boost::asio::awaitable<void> check_group(std::shared_ptr<group_access const> group, group_lane lane,
                                         steady_time deadline);

} // namespace aether::nats::detail
