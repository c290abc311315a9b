// Implementation of raw_stream.
#include "raw_stream.hpp"

#include "nats/request.hpp"
#include "nats/stream_setup.hpp"

#include <aether/json.hpp>

#include <support/run.hpp>

#include <boost/json/parse.hpp>

#include <stdexcept>
#include <utility>

namespace aether::test {

std::string event_text(std::string const& actor_id, std::int64_t version, std::size_t padding) {
  boost::json::object data;
  data["amount"] = version * 3;
  data["text"] = std::string(padding, 'x');
  auto e = make_event("order_placed", actor_id, version, std::move(data));
  return to_json(e);
}

std::chrono::steady_clock::time_point in(std::chrono::seconds time) {
  return std::chrono::steady_clock::now() + scaled(time);
}

awaitable<raw_stream> raw_stream::open(std::string url, nats::jetstream_config config,
                                       std::function<void(nats::detail::stream_access&)> change) {
  raw_stream out;
  out.connection_ = co_await nats::connection::connect(std::move(url));
  auto opened = co_await nats::detail::open_stream(out.connection_, "S", std::move(config), std::nullopt);
  auto copy = std::make_shared<nats::detail::stream_access>(*opened.stream);
  if (change)
    change(*copy);
  out.stream_ = std::move(copy);
  co_return out;
}

awaitable<std::uint64_t> raw_stream::store(std::string actor_id, std::string data, nats::header_list headers) {
  nats::message m(stream_->subjects.events_subject(actor_id), std::move(data));
  m.headers = std::move(headers);
  auto const answer = co_await connection_.request(std::move(m));
  auto const ack = boost::json::parse(answer.data);
  if (ack.as_object().contains("error"))
    throw std::runtime_error("not stored: " + answer.data);
  co_return ack.at("seq").to_number<std::uint64_t>();
}

awaitable<void> raw_stream::publish_all(std::function<std::pair<std::string, std::string>(std::size_t)> make,
                                        std::size_t count) {
  // A request now and then, so that the server is not flooded; it answers when all before is stored.
  for (std::size_t i = 0; i < count; ++i) {
    auto [actor_id, data] = make(i);
    if (i % 1000 == 999 || i + 1 == count) {
      co_await store(std::move(actor_id), std::move(data));
    } else {
      nats::message m(stream_->subjects.events_subject(actor_id), std::move(data));
      co_await connection_.publish(std::move(m));
    }
  }
}

awaitable<void> raw_stream::store_events(std::string actor_id, std::int64_t first, std::int64_t last,
                                         std::size_t padding) {
  std::function<std::pair<std::string, std::string>(std::size_t)> make = [&](std::size_t i) {
    return std::pair(actor_id, event_text(actor_id, first + static_cast<std::int64_t>(i), padding));
  };
  co_await publish_all(make, static_cast<std::size_t>(last - first + 1));
}

awaitable<void> raw_stream::store_others(std::size_t count) {
  std::function<std::pair<std::string, std::string>(std::size_t)> make = [](std::size_t i) {
    auto actor_id = "other-" + std::to_string(i);
    auto text = event_text(actor_id, 1);
    return std::pair(std::move(actor_id), std::move(text));
  };
  co_await publish_all(make, count);
}

awaitable<std::string> raw_stream::api(std::string what, std::string body) {
  auto const answer = co_await connection_.request(nats::message(stream_->api + '.' + what, std::move(body)));
  co_return answer.data;
}

} // namespace aether::test
