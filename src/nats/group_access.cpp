// What the members of a group on the server need, and whether it is still there.
#include "nats/group_access.hpp"

#include "detail/utf8.hpp"
#include "nats/api_answer.hpp"
#include "nats/filter_subjects.hpp"
#include "nats/group_config.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace aether::nats::detail {

std::shared_ptr<stream_access const> access_to_dead(stream_access const& events) {
  auto dead = std::make_shared<stream_access>(events);
  dead->subjects = subject_map(dead_subjects(events.stream()).stream(), events.subjects.encoding());
  dead->direct_get = dead->batch_direct_get = dead->atomic_batches = false;
  return dead;
}

group_access::group_access(std::shared_ptr<stream_access const> stream, group_options const& options)
    : events(std::move(stream)), dead(access_to_dead(*events)), subjects(events->stream()), name(options.name),
      consumer(group_consumer_name(options.name)), filter(options.filter),
      filters(filter_subjects(events->subjects, options.filter)) {}

std::string group_access::consumer_api(group_lane lane, std::string_view what) const {
  auto const& stream = stream_of(lane);
  return stream.api + ".CONSUMER." + std::string(what) + '.' + stream.stream() + '.' + consumer;
}

std::string group_access::what() const {
  return "group " + aether::detail::quoted(name) + " of stream " + events->stream();
}

void throw_group_gone(group_access const& group) {
  throw error(errc::group_not_found, group.what() + " was deleted: its consumer is not there any more");
}

consumer_there read_consumer_info(group_access const& group, group_lane lane, std::string_view answer) {
  auto const parsed = parse_consumer_answer(answer);
  if (auto const* refused = std::get_if<api_error>(&parsed)) {
    if (refused->err_code == js_code::consumer_not_found)
      return consumer_there::no;
    if (refused->err_code != js_code::stream_not_found && (refused->code == 0 || is_temporary(*refused)))
      return consumer_there::unknown;
    throw_refused(*refused, group.what() + ", stream " + group.stream_of(lane).stream());
  }
  if (lane == group_lane::retries)
    return consumer_there::yes;
  auto const record = read_group_record(std::get<consumer_answer>(parsed).config);
  return record && record->made == group.made ? consumer_there::yes : consumer_there::no;
}

boost::asio::awaitable<void> check_group(std::shared_ptr<group_access const> group, group_lane lane,
                                         steady_time deadline) {
  auto const until = std::min(deadline, std::chrono::steady_clock::now() + group->events->config.request_timeout);
  auto const reply =
      co_await request_once(group->events->connection, group->consumer_api(lane, "INFO"), std::string(), until);
  if (reply && read_consumer_info(*group, lane, reply.message.data()) == consumer_there::no)
    throw_group_gone(*group);
}

} // namespace aether::nats::detail
