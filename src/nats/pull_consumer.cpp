// Reads a subject by a consumer made for the moment.
#include "nats/pull_consumer.hpp"

#include "detail/give_way.hpp"
#include "nats/direct_marks.hpp"
#include "nats/read_failure.hpp"
#include "nats/reading_consumer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

// So many are waited for and shown together, as waking up for each few, and destroying few, costs more than they do:
// see spent_messages. Never for more than half of what is under way, so that more is asked for in time.
constexpr std::uint64_t messages_at_once = 1024;

/// read_stop, or none when the connection was lost.
using consumer_end = std::optional<read_stop>;

struct created {
  consumer_end end; ///< of a failure; with `expected` none: the connection was lost
  std::optional<std::uint64_t> expected;
};

awaitable<created> create(std::shared_ptr<stream_access const> stream, std::shared_ptr<reading_consumer> consumer,
                          read_range const& range, steady_time deadline) {
  auto const until = std::min(deadline, std::chrono::steady_clock::now() + stream->config.request_timeout);
  consumer_request request;
  request.filters.push_back(range.subject);
  request.from = range.next;
  consumer->create(request, until);
  auto const answered = co_await reading_consumer::created(std::move(consumer), until);
  auto const result = answered.value_or(creation_result());
  created out;
  switch (result.end) {
  case creation_end::created:
    out.expected = result.num_pending;
    break;
  case creation_end::not_connected:
    break;
  case creation_end::no_answer:
  case creation_end::refused:
    out.end = read_stop::stuck;
    break;
  case creation_end::unavailable:
    out.end = read_stop::unavailable;
    break;
  }
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
  auto const consumer = std::make_shared<reading_consumer>(stream);
  auto const made = co_await create(stream, consumer, range, deadline);
  if (!made.expected)
    co_return made.end;
  pull_plan plan(*made.expected, stream->config.read_batch_bytes);
  consumer_order order(range.next);
  visitor.on_expected(*made.expected);
  while (!plan.done()) {
    while (auto const p = plan.next())
      consumer->pull_now(*p);
    auto const until = std::min(deadline, std::chrono::steady_clock::now() + stream->config.request_timeout);
    auto got = co_await wait_for(consumer->inbox(),
                                 std::min<std::uint64_t>((plan.under_way() + 1) / 2, messages_at_once), until);
    auto const goes_on = take_note(got, order, plan);
    while (auto const p = goes_on && !got.interrupted ? plan.next() : std::nullopt)
      consumer->pull_now(*p);
    std::size_t shown = 0;
    for (auto const& [message, where] : got.messages) {
      visitor.on_message(message_view(message.data(), where->stream_sequence));
      range.next = where->stream_sequence + 1;
      if (++shown % aether::detail::items_at_a_stretch == 0)
        co_await yield(deadline);
    }
    if (plan.done())
      break;
    if (got.closed)
      throw_unanswered(no_answer::closed, "reading from stream " + stream->stream());
    if (got.refused || got.may_not_pull)
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
