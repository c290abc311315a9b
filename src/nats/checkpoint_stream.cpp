// Opening the stream of checkpoints: creates it, or refuses one that would lose them.
#include "nats/checkpoint_stream.hpp"

#include "nats/api_answer.hpp"
#include "nats/json_fields.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {

namespace {

namespace json = boost::json;
using clock = std::chrono::steady_clock;

/// Asks until the answer is not "not now".
boost::asio::awaitable<answer_of<stream_answer>> ask_stream(std::shared_ptr<connection_core> link, std::string subject,
                                                            std::string body, steady_time deadline,
                                                            std::chrono::nanoseconds attempt) {
  for (;;) {
    auto const reply = co_await ask(link, subject, body, deadline, attempt);
    if (!reply)
      throw_unanswered(reply.why, "opening the stream of checkpoints (" + subject + ")");
    auto answer = parse_stream_answer(reply.message.data());
    auto const* refused = std::get_if<api_error>(&answer);
    auto const again = clock::now() + std::chrono::milliseconds(20);
    if (!refused || !is_temporary(*refused) || again >= deadline)
      co_return answer;
    co_await pause_until(again);
  }
}

} // namespace

std::string checkpoint_stream_name(std::string const& events_stream) {
  auto name = events_stream + "_checkpoints";
  if (!valid_name(name))
    throw error(errc::invalid_id, "the stream of checkpoints would be named " + name +
                                      ", which is longer than 200 bytes: give the events' stream a shorter name");
  return name;
}

json::object checkpoint_stream_config(std::string const& events_stream, int replicas) {
  auto const name = checkpoint_stream_name(events_stream);
  json::object config;
  config["name"] = name;
  config["description"] = json::serialize(json::object{{"aether", 1}, {"checkpoints", events_stream}});
  config["subjects"] = json::array{json::value(name + ".*")};
  config["retention"] = "limits";
  config["storage"] = "file";
  config["max_age"] = 0;
  config["max_msgs"] = -1;
  config["max_bytes"] = -1;
  config["max_msgs_per_subject"] = 1;
  config["discard"] = "old"; // the one before goes: nothing else can
  config["num_replicas"] = replicas;
  return config;
}

std::string checkpoint_stream_differences(json::object const& wanted, json::object const& actual) {
  std::string list;
  for (auto const& [key, want] : wanted) {
    auto const* found = actual.if_contains(key);
    bool const unlimited = want == json::value(-1) && (!found || *found == json::value(0));
    bool const zero = want == json::value(0) && !found;
    if (unlimited || zero || (found && *found == want))
      continue;
    list += list.empty() ? "" : "; ";
    list +=
        std::string(key) + " is " + (found ? json::serialize(*found) : "missing") + ", wanted " + json::serialize(want);
  }
  return list;
}

boost::asio::awaitable<std::shared_ptr<stream_access const>>
open_checkpoint_stream(std::shared_ptr<connection_core> link, std::string events_stream, jetstream_config config,
                       steady_time deadline) {
  auto const name = checkpoint_stream_name(events_stream);
  auto const wanted = checkpoint_stream_config(events_stream, config.replica_count);
  answer_of<stream_answer> answer = api_error();
  bool ask_what_there_is = !config.create;
  if (config.create) {
    auto const subject = config.api_prefix + ".STREAM.CREATE." + name;
    answer = co_await ask_stream(link, subject, json::serialize(wanted), deadline, config.request_timeout);
    auto const* refused = std::get_if<api_error>(&answer);
    ask_what_there_is = refused && may_be_there(*refused);
  }
  if (ask_what_there_is) {
    auto const subject = config.api_prefix + ".STREAM.INFO." + name;
    answer = co_await ask_stream(link, subject, std::string(), deadline, config.request_timeout);
  }
  if (auto const* refused = std::get_if<api_error>(&answer))
    throw_refused(*refused, "opening the stream of checkpoints " + name);
  auto const differences = checkpoint_stream_differences(wanted, std::get<stream_answer>(answer).config);
  if (!differences.empty())
    throw error(errc::stream_settings_differ,
                "the stream of checkpoints " + name + " has other settings: " + differences +
                    ". Ways out: change the stream with the nats tool, or ask for what it "
                    "has");
  co_return std::make_shared<stream_access const>(stream_access{
      .connection = std::move(link),
      .subjects = subject_map(name, subject_encoding::percent),
      .api = config.api_prefix,
      .config = config,
      .replicas = config.replica_count,
      .direct_get = false,
      .batch_direct_get = false,
      .atomic_batches = false,
      .max_age = {},
  });
}

} // namespace aether::nats::detail
