// Which way to read a subject, and what closes the gaps that a way leaves.
#include "nats/subject_reader.hpp"

#include "nats/direct_batch.hpp"
#include "nats/leader_reads.hpp"
#include "nats/pull_consumer.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include "detail/give_way.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;
using namespace std::chrono_literals;

constexpr unsigned patience = 3; // attempts of one kind in a row that bring nothing

/// Shows the next message as the leader has it; false: there is none.
awaitable<bool> read_one_from_leader(std::shared_ptr<stream_access const> stream, read_range& range,
                                     message_visitor& visitor, steady_time deadline) {
  auto query = next_message_query(range.subject, range.next);
  auto const message = co_await read_leader(std::move(stream), std::move(query), deadline);
  if (!message || message->sequence < range.next)
    co_return false;
  visitor.on_message(message_view(message->data, message->sequence));
  range.next = message->sequence + 1;
  co_return true;
}

enum class read_way { direct_batches, consumer, leader };

} // namespace

awaitable<void> yield(steady_time deadline) {
  co_await aether::detail::give_way();
  if (std::chrono::steady_clock::now() >= deadline)
    throw_unanswered(no_answer::timed_out, "reading a history");
}

awaitable<void> reconnected(std::shared_ptr<stream_access const> stream, steady_time deadline) {
  co_await pause_until(std::min(deadline, std::chrono::steady_clock::now() + 1ms));
  auto const connected = co_await wait_connected(stream->connection, deadline);
  if (connected && std::chrono::steady_clock::now() < deadline)
    co_return;
  auto const closed = stream->connection->state() == connection_state::closed;
  throw_unanswered(closed ? no_answer::closed : no_answer::connection_lost, "reading from stream " + stream->stream());
}

awaitable<void> read_subject(std::shared_ptr<stream_access const> stream, read_range range, message_visitor& visitor,
                             steady_time deadline) {
  // Where a replica may know less than the leader, the leader says how far to read. One copy knows everything.
  std::optional<std::uint64_t> target;
  if (stream->may_have_copies)
    target = co_await find_last_sequence(stream, range.subject, deadline);
  auto batches = stream->direct_get && stream->batch_direct_get;
  auto consumers = true;
  auto way = batches ? read_way::direct_batches : read_way::consumer;
  unsigned fruitless = 0;
  while (!target || range.next <= *target) {
    auto const from = range.next;
    auto stop = read_stop::stuck;
    if (way == read_way::direct_batches)
      stop = co_await read_by_direct_batches(stream, range, visitor, consumers, deadline);
    else if (way == read_way::consumer)
      stop = co_await read_by_consumer(stream, range, visitor, deadline);
    if (stop == read_stop::at_end && (!target || range.next > *target))
      co_return;
    if (stop == read_stop::many_more) {
      way = read_way::consumer;
      continue;
    }
    if (stop == read_stop::unavailable && way == read_way::consumer && batches && consumers) {
      consumers = false;
      way = read_way::direct_batches;
      continue;
    }
    fruitless = range.next > from ? 0 : fruitless + 1;
    if (stop == read_stop::at_end && fruitless < patience) { // the replica lags: what it lacks comes soon
      co_await pause_until(std::min(deadline, std::chrono::steady_clock::now() + 2ms * (1 << fruitless)));
      continue;
    }
    if (stop == read_stop::unavailable && way == read_way::direct_batches) {
      batches = false;
      way = read_way::consumer;
    } else if (stop == read_stop::unavailable || fruitless >= patience) {
      way = read_way::leader;
    }
    if (way == read_way::leader && !target) // one by one a reader may never catch up with a busy writer
      target = co_await find_last_sequence(stream, range.subject, deadline);
    auto const more = co_await read_one_from_leader(stream, range, visitor, deadline);
    if (!more)
      co_return;
  }
}

} // namespace aether::nats::detail
