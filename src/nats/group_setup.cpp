// Joining a group: the stream of its dead letters, its consumer, which keeps its settings, and that of its retries.
#include "nats/group_setup.hpp"

#include "detail/utf8.hpp"
#include "group_settings.hpp"
#include "nats/group_config.hpp"
#include "nats/leader_question.hpp"
#include "nats/stream_start.hpp"
#include "nats/stream_state.hpp"

#include <aether/json.hpp>

#include <boost/json/serialize.hpp>

#include <optional>
#include <variant>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

[[noreturn]] void refuse(group_access const& group, std::string const& what, api_error const& refused) {
  throw_refused(refused, group.what() + ": " + what);
}

awaitable<answer_of<stream_answer>> ask_dead_stream(std::shared_ptr<group_access const> group, std::string verb,
                                                    std::string body, steady_time deadline) {
  auto const subject = group->dead->api + ".STREAM." + verb + '.' + group->dead->stream();
  co_return co_await ask_leader<stream_answer>(group->dead, subject, std::move(body), &parse_stream_answer, deadline);
}

awaitable<void> ensure_dead_stream(std::shared_ptr<group_access const> group, steady_time deadline) {
  auto const wanted = make_dead_stream(group->subjects, group->events->stream(), group->events->replicas);
  auto answer = co_await ask_dead_stream(group, "INFO", std::string(), deadline);
  if (auto const* refused = std::get_if<api_error>(&answer);
      refused && refused->err_code == js_code::stream_not_found && group->events->config.create)
    answer = co_await ask_dead_stream(group, "CREATE", boost::json::serialize(wanted), deadline);
  if (auto const* refused = std::get_if<api_error>(&answer); refused && may_be_there(*refused))
    answer = co_await ask_dead_stream(group, "INFO", std::string(), deadline); // another one was faster
  if (auto const* refused = std::get_if<api_error>(&answer))
    refuse(*group, "the stream of its dead letters, " + group->dead->stream(), *refused);
  auto const wrong = unusable_dead_stream(wanted, std::get<stream_answer>(answer).config);
  if (!wrong.empty())
    throw error(errc::stream_settings_differ,
                group->what() + ": stream " + group->dead->stream() + " cannot keep its dead letters: " + wrong);
}

awaitable<answer_of<consumer_answer>> ask_consumer(std::shared_ptr<group_access const> group, group_lane lane,
                                                   std::string verb, std::string body, steady_time deadline) {
  auto const stream = lane == group_lane::events ? group->events : group->dead;
  auto const subject = group->consumer_api(lane, verb);
  co_return co_await ask_leader<consumer_answer>(stream, subject, std::move(body), &parse_consumer_answer, deadline);
}

group_record record_of(group_access const& group, consumer_answer const& there) {
  auto record = read_group_record(there.config);
  if (!record)
    throw error(errc::group_settings_differ, group.what() + ": consumer " + there.name +
                                                 " was not made by this library: choose another name, or delete it");
  if (record->name != group.name)
    throw error(errc::group_settings_differ, group.what() + ": consumer " + there.name + " is that of group " +
                                                 aether::detail::quoted(record->name) + ": choose another name");
  return std::move(*record);
}

/// The group as it is there; none: it is not.
awaitable<std::optional<group_record>> find_group(std::shared_ptr<group_access const> group, steady_time deadline) {
  std::optional<group_record> found;
  auto const answer = co_await ask_consumer(group, group_lane::events, "INFO", std::string(), deadline);
  if (auto const* there = std::get_if<consumer_answer>(&answer))
    found = record_of(*group, *there);
  else if (std::get<api_error>(answer).err_code != js_code::consumer_not_found)
    refuse(*group, "its consumer", std::get<api_error>(answer));
  co_return found;
}

/// None: another member was faster, and what it made is to be looked at.
awaitable<std::optional<group_record>> make_group(std::shared_ptr<group_access const> group, group_options options,
                                                  steady_time deadline) {
  std::optional<group_record> made;
  std::uint64_t from = 0;
  if (options.start.what() != start_from::kind::beginning) {
    auto const start =
        co_await find_start(group->events, options.start, expired_start::refuse, group->filters, deadline);
    from = start.next;
  }
  auto const body = boost::json::serialize(make_group_consumer(*group->events, options, from, make_uuid()));
  auto const answer = co_await ask_consumer(group, group_lane::events, "DURABLE.CREATE", body, deadline);
  if (auto const* there = std::get_if<consumer_answer>(&answer)) {
    made = record_of(*group, *there);
    co_return made;
  }
  auto const& refused = std::get<api_error>(answer);
  if (refused.err_code != js_code::consumer_exists && refused.err_code != js_code::consumer_refused)
    refuse(*group, "making its consumer", refused);
  auto const there = co_await find_group(group, deadline);
  if (!there) // it was refused for another reason
    refuse(*group, "making its consumer", refused);
  co_return made;
}

awaitable<void> ensure_retry_consumer(std::shared_ptr<group_access const> group, group_options options,
                                      steady_time deadline) {
  auto const body = boost::json::serialize(make_retry_consumer(group->subjects, options));
  auto const answer = co_await ask_consumer(group, group_lane::retries, "DURABLE.CREATE", body, deadline);
  if (auto const* refused = std::get_if<api_error>(&answer))
    refuse(*group, "making the consumer of its retried dead letters", *refused);
}

/// False: it was not there.
awaitable<bool> delete_consumer(std::shared_ptr<group_access const> group, group_lane lane, steady_time deadline) {
  auto const stream = lane == group_lane::events ? group->events : group->dead;
  auto const subject = group->consumer_api(lane, "DELETE");
  auto const answer = co_await ask_leader<done_answer>(stream, subject, std::string(), &parse_done_answer, deadline);
  auto const* refused = std::get_if<api_error>(&answer);
  if (!refused)
    co_return true;
  auto const no_dead_stream = lane == group_lane::retries && refused->err_code == js_code::stream_not_found;
  if (refused->err_code != js_code::consumer_not_found && !no_dead_stream)
    refuse(*group, "deleting its consumer", *refused);
  co_return false;
}

} // namespace

awaitable<std::shared_ptr<group_access const>> set_up_group(std::shared_ptr<stream_access const> stream,
                                                            group_options options, steady_time deadline) {
  auto group = std::make_shared<group_access>(stream, options);
  auto const state = co_await read_stream_state(stream, deadline);
  group->identity = std::make_shared<stream_identity const>(stream->stream(), state.created);
  co_await ensure_dead_stream(group, deadline);
  auto found = co_await find_group(group, deadline);
  while (!found) {
    found = co_await make_group(group, options, deadline);
    if (!found)
      found = co_await find_group(group, deadline);
  }
  aether::detail::check_same_group(options.name, found->settings, wanted_group_settings(options));
  group->made = found->made;
  co_await ensure_retry_consumer(group, options, deadline);
  co_return group;
}

awaitable<bool> tear_down_group(std::shared_ptr<group_access const> group, steady_time deadline) {
  auto const events = co_await delete_consumer(group, group_lane::events, deadline);
  co_await delete_consumer(group, group_lane::retries, deadline);
  co_return events;
}

} // namespace aether::nats::detail
