// Reads a subject by a consumer made for the moment.
#include "nats/pull_consumer.hpp"

#include "nats/api_answer.hpp"
#include "nats/batch_direct.hpp"
#include "nats/consumer_order.hpp"
#include "nats/json_fields.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include "detail/wait.hpp"

#include <boost/asio/error.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace aether::nats::detail {
namespace {

using aether::detail::wait_end;
using aether::detail::wait_state;
using aether::detail::wait_until;
using boost::asio::awaitable;

/// What has come for a consumer since it was last asked.
struct arrived {
  std::vector<native_message> messages; ///< stored ones and status messages, as they came
  bool interrupted = false;             ///< the connection was lost behind them
  bool closed = false;
  bool refused = false;                 ///< the server refused the subscription
  bool nobody = false;                  ///< a pull met no consumer
  bool silent = false;                  ///< nothing came for too long

  arrived() = default;
};

/// Collects on the connection's strand, for one coroutine.
class consumer_inbox final : public message_sink {
public:
  void on_message(native_message message) override {
    auto const is_status = message.reply().empty();
    std::unique_lock lock(mutex_);
    got_.messages.push_back(std::move(message));
    if (is_status)
      urgent_ = true;
    wake(std::move(lock));
  }
  void on_no_responders() override {
    std::unique_lock lock(mutex_);
    got_.nobody = urgent_ = true;
    wake(std::move(lock));
  }
  void on_refused() override {
    std::unique_lock lock(mutex_);
    got_.refused = urgent_ = true;
    wake(std::move(lock));
  }
  void on_interrupted(bool closed) override {
    std::unique_lock lock(mutex_);
    got_.interrupted = urgent_ = true;
    got_.closed = closed;
    wake(std::move(lock));
  }

  /// Completes `waiting` once so many messages are there, or something that cannot wait.
  void wait(std::uint64_t messages, std::shared_ptr<wait_state<bool>> waiting) {
    std::unique_lock lock(mutex_);
    wanted_ = messages;
    waiting_ = std::move(waiting);
    wake(std::move(lock));
  }

  arrived take() {
    std::lock_guard lock(mutex_);
    waiting_.reset();
    urgent_ = false;
    return std::exchange(got_, {});
  }

private:
  void wake(std::unique_lock<std::mutex> lock) {
    if (!waiting_ || (!urgent_ && got_.messages.size() < wanted_))
      return;
    auto const waiting = std::move(waiting_);
    lock.unlock();
    waiting->complete(true);
  }

  std::mutex mutex_;
  arrived got_;
  bool urgent_ = false;
  std::uint64_t wanted_ = 0;
  std::shared_ptr<wait_state<bool>> waiting_;
};

awaitable<arrived> wait_for(std::shared_ptr<consumer_inbox> inbox, std::uint64_t messages, steady_time until) {
  auto const waited = co_await wait_until<bool>(
      until, [&](std::shared_ptr<wait_state<bool>> waiting) { inbox->wait(messages, std::move(waiting)); });
  if (waited.end == wait_end::cancelled)
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  auto got = inbox->take();
  got.silent = waited.end != wait_end::completed && got.messages.empty();
  co_return got;
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

/// A consumer's name and inbox; both are given up when this goes, without waiting.
class short_lived_consumer {
public:
  explicit short_lived_consumer(std::shared_ptr<stream_access const> stream)
      : stream_(std::move(stream)), name_("read-" + make_uuid()), reply_(stream_->connection->unique_inbox()),
        subscription_(stream_->connection->subscribe(reply_, {}, inbox_, nullptr)) {}
  short_lived_consumer(short_lived_consumer const&) = delete;
  short_lived_consumer& operator=(short_lived_consumer const&) = delete;
  ~short_lived_consumer() {
    stream_->connection->unsubscribe(subscription_);
    if (!may_exist_)
      return;
    stream_->connection->publish(native_message(api("DELETE"), {}, {}), nullptr);
  }

  std::shared_ptr<consumer_inbox> const& inbox() const noexcept { return inbox_; }
  std::string create_subject(read_range const& range) {
    may_exist_ = true;
    return api("CREATE") + '.' + range.subject;
  }
  std::string create_body(read_range const& range) const {
    return R"({"stream_name":)" + quoted(stream_->stream()) + R"(,"config":{"name":)" + quoted(name_) +
           R"(,"deliver_policy":"by_start_sequence","opt_start_seq":)" + std::to_string(range.next) +
           R"(,"ack_policy":"none","replay_policy":"instant","filter_subject":)" + quoted(range.subject) +
           R"(,"inactive_threshold":30000000000,"num_replicas":1,"mem_storage":true}})";
  }
  void ask_for(pull const& p) const {
    auto body = R"({"no_wait":true,"batch":)" + std::to_string(p.batch);
    if (p.max_bytes != 0)
      body += R"(,"max_bytes":)" + std::to_string(p.max_bytes);
    stream_->connection->publish(native_message(api("MSG.NEXT"), reply_, body + '}'), nullptr);
  }

private:
  std::string api(std::string_view what) const {
    return stream_->api + ".CONSUMER." + std::string(what) + '.' + stream_->stream() + '.' + name_;
  }

  std::shared_ptr<stream_access const> stream_;
  std::string name_;
  std::string reply_;
  std::shared_ptr<consumer_inbox> inbox_ = std::make_shared<consumer_inbox>();
  std::uint64_t subscription_;
  bool may_exist_ = false;
};

/// read_stop, or none when the connection was lost.
using consumer_end = std::optional<read_stop>;

struct created {
  consumer_end end; ///< of a failure; with `expected` none: the connection was lost
  std::optional<std::uint64_t> expected;
};

awaitable<created> create(std::shared_ptr<stream_access const> stream, short_lived_consumer& consumer,
                          read_range const& range, steady_time deadline) {
  auto const until = std::min(deadline, std::chrono::steady_clock::now() + stream->config.request_timeout);
  auto const reply =
      co_await request_once(stream->connection, consumer.create_subject(range), consumer.create_body(range), until);
  created out;
  if (!reply) {
    if (reply.why == no_answer::closed)
      throw_unanswered(reply.why, "reading from stream " + stream->stream());
    if (reply.why == no_answer::permission_denied)
      out.end = read_stop::unavailable;
    else if (reply.why == no_answer::timed_out || reply.why == no_answer::no_responders)
      out.end = read_stop::stuck;
    co_return out;
  }
  auto const parsed = parse_consumer_answer(reply.message.data());
  if (auto const* made = std::get_if<consumer_answer>(&parsed)) {
    if (string_at(made->config, "filter_subject") == range.subject)
      out.expected = made->num_pending;
    else
      out.end = read_stop::unavailable;
    co_return out;
  }
  auto const& refused = std::get<api_error>(parsed);
  if (refused.err_code == js_code::stream_not_found)
    throw_refused(refused, "reading from stream " + stream->stream());
  out.end = is_temporary(refused) ? read_stop::stuck : read_stop::unavailable;
  co_return out;
}

/// Takes note of what came, before it is shown: the next pulls depend on it. Returns how many messages are in order.
struct noted {
  std::vector<std::pair<std::size_t, std::uint64_t>> in_order; ///< index and stream sequence
  bool stuck = false;
};

noted take_note(arrived const& got, consumer_order& order, pull_plan& plan) {
  noted out;
  out.in_order.reserve(got.messages.size());
  for (std::size_t i = 0; i < got.messages.size() && !out.stuck; ++i) {
    auto const& message = got.messages[i];
    if (message.reply().empty()) {
      out.stuck =
          plan.on_status(message.status(), number_header(message, "Nats-Pending-Messages")) == pull_status::give_up;
    } else if (auto const d = parse_delivery(message.reply()); d && order.on_message(*d)) {
      plan.on_message(message.data().size());
      out.in_order.emplace_back(i, d->stream_sequence);
    } else {
      out.stuck = true;
    }
  }
  out.stuck = out.stuck || got.nobody || got.silent;
  return out;
}

awaitable<consumer_end> read_by_one(std::shared_ptr<stream_access const> stream, read_range& range,
                                    message_visitor& visitor, steady_time deadline) {
  short_lived_consumer consumer(stream);
  auto const made = co_await create(stream, consumer, range, deadline);
  if (!made.expected)
    co_return made.end;
  pull_plan plan(*made.expected, stream->config.read_batch_bytes);
  consumer_order order(range.next);
  visitor.on_expected(*made.expected);
  while (!plan.done()) {
    while (auto const p = plan.next())
      consumer.ask_for(*p);
    auto const until = std::min(deadline, std::chrono::steady_clock::now() + stream->config.request_timeout);
    auto got = co_await wait_for(consumer.inbox(), std::min<std::uint64_t>(plan.under_way(), 128), until);
    auto const now = take_note(got, order, plan);
    while (auto const p = now.stuck || got.interrupted ? std::nullopt : plan.next())
      consumer.ask_for(*p);
    std::size_t shown = 0;
    for (auto const& [index, sequence] : now.in_order) {
      visitor.on_message(message_view(got.messages[index].data(), sequence));
      range.next = sequence + 1;
      got.messages[index] = {}; // while it is warm: all at the end would cost more
      if (++shown % messages_at_a_stretch == 0)
        co_await yield(deadline);
    }
    if (plan.done())
      break;
    if (got.closed)
      throw_unanswered(no_answer::closed, "reading from stream " + stream->stream());
    if (got.refused)
      co_return read_stop::unavailable;
    if (got.interrupted)
      co_return consumer_end();
    if (now.stuck)
      co_return read_stop::stuck;
  }
  co_return read_stop::at_end;
}

} // namespace

awaitable<read_stop> read_by_consumer(std::shared_ptr<stream_access const> stream, read_range& range,
                                      message_visitor& visitor, steady_time deadline) {
  for (;;) {
    auto const end = co_await read_by_one(stream, range, visitor, deadline);
    if (end)
      co_return *end;
    co_await reconnected(stream, deadline);
  }
}

} // namespace aether::nats::detail
