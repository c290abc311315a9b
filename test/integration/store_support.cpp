// Implementation of what the tests of the JetStream store share.
#include <integration/store_support.hpp>

#include "nats/base64.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <atomic>
#include <stdexcept>

namespace aether::test {

namespace json = boost::json;

nats_server& shared_server() {
  static nats_server server;
  return server;
}

std::string new_stream() {
  static std::atomic<int> count = 0;
  return "store-" + std::to_string(++count);
}

awaitable<nats::jetstream_event_store> open_store(std::string url, std::string stream_name,
                                                  nats::jetstream_config config) {
  nats::connection_options options;
  options.servers.push_back(std::move(url));
  options.reconnect_wait = std::chrono::milliseconds(5);
  options.reconnect_wait_max = std::chrono::milliseconds(50);
  auto on = co_await nats::connection::connect(std::move(options));
  auto store = co_await nats::jetstream_event_store::open(std::move(on), std::move(stream_name), std::move(config));
  co_return store;
}

awaitable<nats::jetstream_event_store> open_store(std::string stream_name, nats::jetstream_config config) {
  return open_store(shared_server().url(), std::move(stream_name), std::move(config));
}

void with_new_store(std::function<awaitable<void>(nats::jetstream_event_store)> body, run_options options) {
  run(
      [&](boost::asio::io_context&) -> awaitable<void> {
        auto store = co_await open_store(new_stream());
        co_await body(std::move(store));
      },
      options);
}

run_options on(int threads, std::chrono::seconds limit) {
  run_options options;
  options.threads = threads;
  options.limit = limit;
  return options;
}

awaitable<raw_client> raw_client::connect(std::string url) {
  raw_client client;
  client.connection_ = co_await nats::connection::connect(std::move(url));
  co_return client;
}

awaitable<raw_client> raw_client::connect() { return connect(shared_server().url()); }

awaitable<json::object> raw_client::api(std::string what, json::object body) {
  auto text = body.empty() ? std::string() : json::serialize(body);
  nats::message question("$JS.API." + what, std::move(text));
  auto on = connection_;
  auto const answer = co_await on.request(std::move(question));
  auto parsed = json::parse(answer.data);
  co_return std::move(parsed.as_object());
}

awaitable<std::int64_t> raw_client::api_error(std::string what, json::object body) {
  auto const answer = co_await api(std::move(what), std::move(body));
  auto const* error = answer.if_contains("error");
  co_return error ? error->at("err_code").to_number<std::int64_t>() : 0;
}

awaitable<json::object> raw_client::stream_config(std::string stream) {
  auto answer = co_await api("STREAM.INFO." + stream);
  co_return std::move(answer.at("config").as_object());
}

awaitable<std::int64_t> raw_client::count(std::string stream, std::string subjects) {
  json::object filter;
  filter["subjects_filter"] = subjects;
  auto const answer = co_await api("STREAM.INFO." + stream, std::move(filter));
  std::int64_t messages = 0;
  if (auto const* found = answer.at("state").as_object().if_contains("subjects"); found && found->is_object())
    for (auto const& subject : found->get_object())
      messages += subject.value().to_number<std::int64_t>();
  co_return messages;
}

awaitable<json::object> raw_client::last_message(std::string stream, std::string subject) {
  json::object question;
  question["last_by_subj"] = subject;
  auto answer = co_await api("STREAM.MSG.GET." + stream, std::move(question));
  if (answer.contains("error"))
    throw std::runtime_error(json::serialize(answer));
  auto message = answer.at("message").as_object();
  for (auto const* name : {"data", "hdrs"})
    if (auto* value = message.if_contains(name)) {
      std::string decoded;
      if (!nats::detail::decode_base64(std::string_view(value->as_string()), decoded))
        throw std::runtime_error("not base64: " + json::serialize(*value));
      *value = decoded;
    }
  co_return message;
}

awaitable<std::uint64_t> raw_client::publish(std::string subject, std::string data, nats::header_list headers) {
  nats::message m(std::move(subject), std::move(data));
  m.headers = std::move(headers);
  auto on = connection_;
  auto const answer = co_await on.request(std::move(m));
  if (answer.status != 0)
    throw std::runtime_error("not stored: status " + std::to_string(answer.status));
  auto const ack = json::parse(answer.data);
  if (ack.as_object().contains("error"))
    throw std::runtime_error("not stored: " + answer.data);
  co_return ack.at("seq").to_number<std::uint64_t>();
}

nats::jetstream_config short_lived() {
  nats::jetstream_config config;
  config.stream_retention = std::chrono::seconds(2);
  config.duplicate_window = std::chrono::seconds(1);
  config.operation_timeout = std::chrono::seconds(1);
  config.request_timeout = std::chrono::milliseconds(200); // heartbeats every 100 ms
  return config;
}

awaitable<void> until_expired(raw_client client, std::string stream) {
  for (std::int64_t left = 1; left > 0;) {
    left = co_await client.count(stream, stream + ".events.>");
    co_await pause(std::chrono::milliseconds(20));
  }
}

json::object go_stream_config(std::string const& stream) {
  json::object config;
  config["name"] = stream;
  config["subjects"] = json::array{json::value(stream + ".events.>"), json::value(stream + ".snapshots.>")};
  config["retention"] = "limits";
  config["storage"] = "file";
  config["max_age"] = std::int64_t{365} * 24 * 3600 * 1'000'000'000;
  config["num_replicas"] = 1;
  config["max_consumers"] = -1;
  config["max_msgs"] = -1;
  config["max_bytes"] = -1;
  config["discard"] = "old";
  return config;
}

std::string go_event(std::string const& id, std::string const& actor_id, std::int64_t version,
                     std::string const& data) {
  return R"({"id":")" + id + R"(","eventType":"AmountChanged","actorId":")" + actor_id + R"(","version":)" +
         std::to_string(version) + R"(,"data":)" + data + R"(,"timestamp":"2024-05-06T07:08:09.123456789+02:00"})";
}

} // namespace aether::test
