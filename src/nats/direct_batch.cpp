// Reads a subject by batches of direct gets.
#include "nats/direct_batch.hpp"

#include "nats/direct_marks.hpp"
#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include "detail/wait.hpp"

#include <boost/asio/error.hpp>

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

/// What came of one batch.
struct fetched {
  std::vector<native_message> messages;
  std::optional<native_message> end; ///< the status message that ended it
  std::optional<no_answer> why;      ///< or why it ended without one
  bool single = false;               ///< an older server answered with one message

  fetched() = default;
};

/// Collects a batch on the connection's strand, for one coroutine that waits until it is complete.
class batch_sink final : public reply_sink {
public:
  bool on_reply(native_message reply) override {
    auto const is_end = reply.data().empty() && is_direct_end(reply);
    std::unique_lock lock(mutex_);
    if (is_end) {
      got_.end.emplace(std::move(reply));
      return end(std::move(lock));
    }
    got_.messages.push_back(std::move(reply));
    if (got_.messages.size() > 1 || number_header(got_.messages.front(), "Nats-Num-Pending"))
      return true;
    got_.single = true;
    return end(std::move(lock));
  }

  void on_no_answer(no_answer why) override {
    std::unique_lock lock(mutex_);
    got_.why = why;
    end(std::move(lock));
  }

  void wait(std::shared_ptr<wait_state<bool>> waiting) {
    {
      std::lock_guard lock(mutex_);
      if (!ended_) {
        waiting_ = std::move(waiting);
        return;
      }
    }
    waiting->complete(true);
  }

  std::size_t count() {
    std::lock_guard lock(mutex_);
    return got_.messages.size();
  }
  /// What came so far; what comes later is dropped.
  fetched take() {
    std::lock_guard lock(mutex_);
    waiting_.reset();
    return std::exchange(got_, {});
  }

private:
  /// Always false: no more answers are wanted.
  bool end(std::unique_lock<std::mutex> lock) {
    ended_ = true;
    auto const waiting = std::move(waiting_);
    lock.unlock();
    if (waiting)
      waiting->complete(true);
    return false;
  }

  std::mutex mutex_;
  fetched got_;
  bool ended_ = false;
  std::shared_ptr<wait_state<bool>> waiting_;
};

/// A batch asked for; forgotten when this goes.
class batch_request {
public:
  batch_request(stream_access const& stream, read_range const& range, std::size_t bytes, steady_time deadline)
      : core_(stream.connection), token_(core_->next_token()) {
    // The server counts neither the headers it adds nor what a message costs here: their number is bounded too.
    auto const count = std::clamp<std::size_t>(bytes / 128, 1, 1'000'000);
    auto body = next_message_query(range.subject, range.next);
    body.back() = ',';
    body += R"("batch":)" + std::to_string(count) + R"(,"max_bytes":)" + std::to_string(bytes) + '}';
    native_message message(stream.api + ".DIRECT.GET." + stream.stream(), core_->reply_subject(token_), body);
    core_->request(std::move(message), token_, sink_, deadline);
  }
  batch_request(batch_request const&) = delete;
  batch_request& operator=(batch_request const&) = delete;
  ~batch_request() { core_->abandon(token_); }

  std::shared_ptr<batch_sink> const& sink() const noexcept { return sink_; }

private:
  std::shared_ptr<connection_core> core_;
  std::uint64_t token_;
  std::shared_ptr<batch_sink> sink_ = std::make_shared<batch_sink>();
};

/// As long as something comes: on a slow link a batch takes its time.
awaitable<fetched> wait_for(std::shared_ptr<batch_sink> sink, std::chrono::nanoseconds patience, steady_time deadline) {
  for (std::size_t seen = 0;;) {
    auto const until = std::min(deadline, std::chrono::steady_clock::now() + patience);
    auto const waited = co_await wait_until<bool>(
        until, [&](std::shared_ptr<wait_state<bool>> waiting) { sink->wait(std::move(waiting)); });
    if (waited.end == wait_end::cancelled)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    auto const come = sink->count();
    if (waited.end == wait_end::timed_out && come > std::exchange(seen, come) && until < deadline)
      continue;
    auto got = sink->take();
    if (!got.end && !got.why && !got.single)
      got.why = waited.end == wait_end::closed ? no_answer::closed : no_answer::timed_out;
    co_return got;
  }
}

/// A message of a batch costs the server some 7 us, one of a consumer less than 2, making a consumer 400.
constexpr std::uint64_t worth_a_consumer = 1'000;

/// What is to be done after a batch, decided before it is shown so that the next one can be asked for.
struct verdict {
  std::size_t usable = 0; ///< messages from the first on that may be shown
  std::uint64_t next = 0; ///< behind them
  std::optional<read_stop> stop;
  bool reconnect = false;
};

verdict judge(fetched const& got, std::uint64_t from) {
  verdict v;
  v.next = from;
  v.usable = got.single ? got.messages.size()
                        : unbroken(got.messages.size(), [&](std::size_t i) { return marks_of(got.messages[i]); });
  if (v.usable > 0)
    v.next = marks_of(got.messages[v.usable - 1]).sequence + 1;
  auto const whole = v.usable == got.messages.size();
  if (got.why == no_answer::connection_lost || got.why == no_answer::not_handed_over) {
    v.reconnect = true;
  } else if (got.single || got.why == no_answer::permission_denied) {
    v.stop = read_stop::unavailable;
  } else if (got.end) {
    auto const end = end_of(*got.end);
    if (end.status == 404 && got.messages.empty())
      v.stop = read_stop::at_end;
    else if (end.status != 204)
      v.stop = read_stop::stuck;
    else if (whole && end.pending == 0u && end.sequence.value_or(0) + 1 == v.next)
      v.stop = read_stop::at_end;
  }
  if (!v.stop && !v.reconnect && v.usable == 0)
    v.stop = read_stop::stuck;
  return v;
}

} // namespace

awaitable<read_stop> read_by_direct_batches(std::shared_ptr<stream_access const> stream, read_range& range,
                                            message_visitor& visitor, bool until_many, steady_time deadline) {
  std::optional<std::uint64_t> expected; // messages that were there when this began and have not come
  std::optional<std::uint64_t> last;     // once more have come: how far to read, or a busy writer would never let go
  // The first one is shorter, so that there is something to show while the next is on its way.
  auto const bytes = stream->config.read_batch_bytes;
  auto const first = std::max(bytes / 8, std::min<std::size_t>(bytes, 256 * 1024));
  auto asked = std::make_unique<batch_request>(*stream, range, first, deadline);
  for (;;) {
    auto got = co_await wait_for(asked->sink(), stream->config.request_timeout, deadline);
    if (got.why == no_answer::closed)
      throw_unanswered(*got.why, "reading from stream " + stream->stream());
    auto v = judge(got, range.next);
    if (!expected && v.usable > 0) {
      expected = marks_of(got.messages.front()).pending.value_or(0) + 1;
      visitor.on_expected(*expected);
    }
    if (expected)
      *expected -= std::min<std::uint64_t>(*expected, v.usable);
    if (until_many && !v.stop && !v.reconnect && expected > worth_a_consumer)
      v.stop = read_stop::many_more;
    if (expected == 0u && !v.stop && !last)
      last = co_await find_last_sequence(stream, range.subject, deadline);
    if (last && !v.stop && v.next > *last)
      v.stop = read_stop::at_end;
    if (!v.stop && !v.reconnect)
      asked = std::make_unique<batch_request>(*stream, read_range(range.subject, v.next), bytes, deadline);
    for (std::size_t i = 0, spent = 0; i < v.usable; ++i) {
      if (!visitor.on_message(message_view(got.messages[i]))) {
        if (i > 0)
          range.next = marks_of(got.messages[i - 1]).sequence + 1;
        co_return read_stop::stuck;
      }
      if ((i + 1) % messages_at_a_stretch == 0) {
        for (; spent < i; ++spent) // in one go: see spent_messages
          got.messages[spent] = {};
        co_await yield(deadline);
      }
    }
    range.next = v.next;
    if (v.stop)
      co_return *v.stop;
    if (!v.reconnect)
      continue;
    co_await reconnected(stream, deadline);
    asked = std::make_unique<batch_request>(*stream, range, bytes, deadline);
  }
}

} // namespace aether::nats::detail
