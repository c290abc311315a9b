// Reads a subject by a consumer made for the moment.
#include "nats/pull_consumer.hpp"

#include "nats/api_answer.hpp"
#include "nats/consumer_order.hpp"
#include "nats/direct_marks.hpp"
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

struct delivered_message {
  native_message message;
  std::optional<delivery> where; ///< none: a status message, or nothing that is understood

  delivered_message() = default;
  delivered_message(native_message m, std::optional<delivery> w) : message(std::move(m)), where(w) {}
};

// So many are waited for and shown together, as waking up for each few, and destroying few, costs more than they do:
// see spent_messages. Never for more than half of what is under way, so that more is asked for in time.
constexpr std::uint64_t messages_at_once = 1024;

/// What has come for a consumer since it was last asked.
struct arrived {
  std::vector<delivered_message> messages; ///< as they came
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
    auto const where = parse_delivery(message.reply());
    std::unique_lock lock(mutex_);
    // Behind a gap nothing is to be waited for.
    if (!where || where->consumer_sequence != ++last_)
      urgent_ = true;
    got_.messages.emplace_back(std::move(message), where);
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
  std::uint64_t last_ = 0; // consumer sequence
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

/// The answer to a consumer's creation. When nobody waits for it any more, the consumer is deleted once it is made:
/// servers may handle a deletion that follows at once before the creation.
class creation final : public reply_sink {
public:
  creation(std::shared_ptr<connection_core> core, std::string delete_subject)
      : core_(std::move(core)), delete_subject_(std::move(delete_subject)) {}

  bool on_reply(native_message reply) override {
    answer a;
    a.message = std::move(reply);
    end(std::move(a));
    return false;
  }
  void on_no_answer(no_answer why) override {
    answer a;
    a.why = why;
    end(std::move(a));
  }

  void wait(std::shared_ptr<wait_state<bool>> waiting) {
    {
      std::lock_guard lock(mutex_);
      if (!answer_) {
        waiting_ = std::move(waiting);
        return;
      }
    }
    waiting->complete(true);
  }
  answer take() {
    std::lock_guard lock(mutex_);
    waiting_.reset();
    return answer_ ? std::move(*answer_) : answer();
  }
  void give_up() {
    {
      std::lock_guard lock(mutex_);
      given_up_ = true;
      waiting_.reset();
      if (!answer_)
        return;
    }
    delete_consumer();
  }

private:
  void end(answer a) {
    std::unique_lock lock(mutex_);
    answer_.emplace(std::move(a));
    auto const given_up = given_up_;
    auto const waiting = std::move(waiting_);
    lock.unlock();
    if (given_up)
      delete_consumer();
    if (waiting)
      waiting->complete(true);
  }
  void delete_consumer() { core_->publish(native_message(delete_subject_, {}, {}), nullptr); }

  std::shared_ptr<connection_core> const core_;
  std::string const delete_subject_;
  std::mutex mutex_;
  std::optional<answer> answer_;
  bool given_up_ = false;
  std::shared_ptr<wait_state<bool>> waiting_;
};

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
    if (creation_)
      creation_->give_up();
  }

  std::shared_ptr<consumer_inbox> const& inbox() const noexcept { return inbox_; }

  /// Asks for it to be made; the answer is found in what is returned.
  std::shared_ptr<creation> create(read_range const& range, steady_time until) {
    auto const& core = stream_->connection;
    auto const token = core->next_token();
    native_message message(api("CREATE") + '.' + range.subject, core->reply_subject(token), config(range));
    creation_ = std::make_shared<creation>(core, api("DELETE"));
    core->request(std::move(message), token, creation_, until);
    return creation_;
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
  std::string config(read_range const& range) const {
    return R"({"stream_name":)" + quoted(stream_->stream()) + R"(,"config":{"name":)" + quoted(name_) +
           R"(,"deliver_policy":"by_start_sequence","opt_start_seq":)" + std::to_string(range.next) +
           R"(,"ack_policy":"none","replay_policy":"instant","filter_subject":)" + quoted(range.subject) +
           R"(,"inactive_threshold":30000000000,"num_replicas":1,"mem_storage":true}})";
  }

  std::shared_ptr<stream_access const> stream_;
  std::string name_;
  std::string reply_;
  std::shared_ptr<consumer_inbox> inbox_ = std::make_shared<consumer_inbox>();
  std::uint64_t subscription_;
  std::shared_ptr<creation> creation_;
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
  auto const asked = consumer.create(range, until);
  auto const waited = co_await wait_until<bool>(
      until, [&](std::shared_ptr<wait_state<bool>> waiting) { asked->wait(std::move(waiting)); });
  if (waited.end == wait_end::cancelled)
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  auto reply = asked->take();
  if (!reply && waited.end == wait_end::timed_out)
    reply.why = no_answer::timed_out;
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

/// Takes note of what came, before it is shown, as the next pulls depend on it. Drops what is not to be shown; false:
/// it does not go on behind the rest.
bool take_note(arrived& got, consumer_order& order, pull_plan& plan) {
  bool goes_on = !got.nobody && !got.silent;
  std::size_t kept = 0;
  for (auto& [message, where] : got.messages) {
    if (message.reply().empty()) {
      auto const status = plan.on_status(message.status(), number_header(message, "Nats-Pending-Messages"));
      if (status == pull_status::go_on)
        continue;
    }
    if (!where || !order.on_message(*where)) {
      goes_on = false;
      break;
    }
    plan.on_message(message.data().size());
    auto& place = got.messages[kept++];
    if (&place.message != &message)
      place = delivered_message(std::move(message), where);
  }
  got.messages.resize(kept);
  return goes_on;
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
    auto got = co_await wait_for(consumer.inbox(),
                                 std::min<std::uint64_t>((plan.under_way() + 1) / 2, messages_at_once), until);
    auto const goes_on = take_note(got, order, plan);
    while (auto const p = goes_on && !got.interrupted ? plan.next() : std::nullopt)
      consumer.ask_for(*p);
    std::size_t shown = 0;
    for (auto const& [message, where] : got.messages) {
      visitor.on_message(message_view(message.data(), where->stream_sequence));
      range.next = where->stream_sequence + 1;
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
    if (!goes_on)
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
