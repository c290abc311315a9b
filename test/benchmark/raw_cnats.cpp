// Thin calls of cnats.
#include "benchmark/raw_cnats.hpp"

#include <boost/json/parse.hpp>

#include <stdexcept>

namespace aether::benchmark {
namespace {

constexpr std::int64_t milliseconds_to_wait = 30'000;

void set_headers(jsPubOptions& options, encoded_event const& e, std::uint64_t expected_sequence) {
  jsPubOptions_Init(&options);
  options.MsgId = e.id.c_str();
  options.ExpectLastSubjectSeq = expected_sequence;
  options.ExpectNoMessage = expected_sequence == 0;
}

} // namespace

raw_cnats::raw_cnats(std::string const& url, bool send_at_once) : link_(url, send_at_once) {
  jsOptions js_options;
  jsOptions_Init(&js_options);
  js_options.PublishAsync.MaxPending = 4096;
  js_options.PublishAsync.StallWait = milliseconds_to_wait;
  js_options.PublishAsync.ErrHandler = &raw_cnats::on_refused;
  js_options.PublishAsync.ErrHandlerClosure = this;
  check_cnats(natsConnection_JetStream(&js_, link_.connection, &js_options), "natsConnection_JetStream");
}

raw_cnats::~raw_cnats() { jsCtx_Destroy(js_); }

void raw_cnats::on_refused(jsCtx*, jsPubAckErr*, void* self) { ++static_cast<raw_cnats*>(self)->refused_; }

std::uint64_t raw_cnats::save(encoded_event const& e, std::uint64_t expected_sequence) {
  jsPubOptions options;
  set_headers(options, e, expected_sequence);
  jsPubAck* ack = nullptr;
  jsErrCode error{};
  check_cnats(
      js_Publish(&ack, js_, e.subject.c_str(), e.json.data(), static_cast<int>(e.json.size()), &options, &error),
      "js_Publish");
  auto const sequence = ack->Sequence;
  jsPubAck_Destroy(ack);
  return sequence;
}

void raw_cnats::save_all(workload const& w, std::span<encoded_event const> events) {
  refused_ = 0;
  jsPubOptions options;
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto const& e = events[i];
    set_headers(options, e, w.expected_sequence(i));
    natsMsg* message = nullptr;
    check_cnats(natsMsg_Create(&message, e.subject.c_str(), nullptr, e.json.data(), static_cast<int>(e.json.size())),
                "natsMsg_Create");
    check_cnats(js_PublishMsgAsync(js_, &message, &options), "js_PublishMsgAsync");
  }
  jsPubOptions_Init(&options);
  options.MaxWait = milliseconds_to_wait;
  check_cnats(js_PublishAsyncComplete(js_, &options), "js_PublishAsyncComplete");
  if (refused_ > 0)
    throw std::runtime_error(std::to_string(refused_) + " messages of js_PublishMsgAsync were refused");
}

std::uint64_t raw_cnats::last_message(std::string const& stream, std::string const& subject) {
  natsMsg* message = nullptr;
  jsErrCode error{};
  check_cnats(js_GetLastMsg(&message, js_, stream.c_str(), subject.c_str(), nullptr, &error), "js_GetLastMsg");
  auto const sequence = natsMsg_GetSequence(message);
  natsMsg_Destroy(message);
  return sequence;
}

std::size_t raw_cnats::read_all(std::string const& stream, std::string const& subject, std::size_t count, reading how) {
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = stream.c_str();
  options.Ordered = true;
  natsSubscription* subscription = nullptr;
  jsErrCode error{};
  check_cnats(js_SubscribeSync(&subscription, js_, subject.c_str(), nullptr, &options, &error), "js_SubscribeSync");
  std::size_t bytes = 0;
  auto status = natsSubscription_SetPendingLimits(subscription, -1, -1);
  for (std::size_t i = 0; i < count && status == NATS_OK; ++i) {
    natsMsg* message = nullptr;
    status = natsSubscription_NextMsg(&message, subscription, milliseconds_to_wait);
    if (status == NATS_OK) {
      auto const length = static_cast<std::size_t>(natsMsg_GetDataLength(message));
      bytes += length;
      if (how == reading::json && !boost::json::parse({natsMsg_GetData(message), length}).is_object())
        status = NATS_ERR;
    }
    natsMsg_Destroy(message);
  }
  if (status == NATS_OK)
    status =
        natsSubscription_Unsubscribe(subscription); // removes the consumer, which the server would keep for a while
  natsSubscription_Destroy(subscription);
  check_cnats(status, "natsSubscription_NextMsg");
  return bytes;
}

std::uint64_t raw_cnats::messages_out() const {
  natsStatistics* statistics = nullptr;
  std::uint64_t out = 0;
  check_cnats(natsStatistics_Create(&statistics), "natsStatistics_Create");
  auto status = natsConnection_GetStats(link_.connection, statistics);
  if (status == NATS_OK)
    status = natsStatistics_GetCounts(statistics, nullptr, nullptr, &out, nullptr, nullptr);
  natsStatistics_Destroy(statistics);
  check_cnats(status, "natsConnection_GetStats");
  return out;
}

} // namespace aether::benchmark
