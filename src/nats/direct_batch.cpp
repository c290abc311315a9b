// Reads a subject by batches of direct gets.
#include "nats/direct_batch.hpp"

#include "detail/give_way.hpp"
#include "nats/direct_marks.hpp"
#include "nats/direct_request.hpp"
#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include "detail/wait.hpp"

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

/// As long as something comes: on a slow link a batch takes its time.
awaitable<fetched_batch> wait_for(std::shared_ptr<batch_sink> sink, std::chrono::nanoseconds patience,
                                  steady_time deadline) {
  for (std::size_t seen = 0;;) {
    auto const until = std::min(deadline, std::chrono::steady_clock::now() + patience);
    auto const waited = co_await wait_until<bool>(
        until, [&](std::shared_ptr<wait_state<bool>> waiting) { sink->wait(std::move(waiting)); });
    aether::detail::throw_if_cancelled(waited);
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

} // namespace

awaitable<read_stop> read_by_direct_batches(std::shared_ptr<stream_access const> stream, read_range& range,
                                            message_visitor& visitor, bool until_many, steady_time deadline) {
  std::optional<std::uint64_t> expected; // messages that were there when this began and have not come
  std::optional<std::uint64_t> last;     // once more have come: how far to read, or a busy writer would never let go
  // The first one is shorter, so that there is something to show while the next is on its way.
  auto const bytes = stream->config.read_batch_bytes;
  auto const first = std::max(bytes / 8, std::min<std::size_t>(bytes, 256 * 1024));
  auto asked = std::make_unique<batch_request>(*stream, range, first, messages_in(first), deadline);
  for (;;) {
    auto got = co_await wait_for(asked->sink(), stream->config.request_timeout, deadline);
    if (got.why && is_closed(*got.why))
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
      asked = std::make_unique<batch_request>(*stream, read_range(range.subject, v.next), bytes, messages_in(bytes),
                                              deadline);
    for (std::size_t i = 0, spent = 0; i < v.usable; ++i) {
      if (!visitor.on_message(message_view(got.messages[i]))) {
        if (i > 0)
          range.next = marks_of(got.messages[i - 1]).sequence + 1;
        co_return read_stop::stuck;
      }
      if ((i + 1) % aether::detail::items_at_a_stretch == 0) {
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
    asked = std::make_unique<batch_request>(*stream, range, bytes, messages_in(bytes), deadline);
  }
}

} // namespace aether::nats::detail
