// A snapshot is written behind the one it replaces, by the same expectation that events are: never an older one last.
#include "nats/store_snapshots.hpp"

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "detail/wait.hpp"
#include "nats/leader_reads.hpp"
#include "nats/publish_ack.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"
#include "nats/store_core.hpp"
#include "store_checks.hpp"

#include <aether/json.hpp>

#include <charconv>

namespace aether::nats::detail {

using aether::detail::quoted;
using clock = std::chrono::steady_clock;

namespace {

constexpr char const* sequence_header = "Aether-Event-Sequence";

struct stored_snapshot {
  std::uint64_t message_sequence = 0; ///< 0: there is none
  std::uint64_t event_sequence = 0;   ///< of the event of its version; 0: not told
  std::optional<actor_snapshot> value;
  std::string reason;                 ///< why there is no value

  stored_snapshot() = default;
};

awaitable<stored_snapshot> read_latest(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                       steady_time deadline) {
  stored_snapshot out;
  auto const message =
      co_await read_leader(stream, last_message_query(stream->subjects.snapshots_subject(actor_id)), deadline);
  if (!message)
    co_return out;
  out.message_sequence = message->sequence;
  auto const told = message->header(sequence_header);
  std::from_chars(told.data(), told.data() + told.size(), out.event_sequence);
  actor_snapshot value;
  parse_error wrong;
  if (!parse_snapshot(message->data, value, wrong))
    out.reason = wrong.reason;
  else if (value.actor_id != actor_id)
    throw error(errc::actor_mismatch, "actors " + quoted(actor_id) + " and " + quoted(value.actor_id) +
                                          " share a subject: use subject_encoding::percent");
  else
    out.value = std::move(value);
  co_return out;
}

/// The sequence of the actor's event of that version, when the cache knows it without asking; 0: it does not.
awaitable<std::uint64_t> known_sequence(std::shared_ptr<store_core> store, std::string actor_id, std::int64_t version,
                                        clock::time_point deadline) {
  using aether::detail::wait_state;
  auto const soon = std::min(deadline, clock::now() + std::chrono::seconds(1));
  auto known =
      co_await aether::detail::wait_until<std::uint64_t>(soon, [&](std::shared_ptr<wait_state<std::uint64_t>> waiting) {
        auto owner = store;
        auto& lane = owner->lane_of(actor_id);
        auto ask = [owner, &lane, actor_id = std::string(actor_id), version, waiting] {
          auto const state = lane.known(actor_id);
          waiting->complete(state && state->version == version ? state->event_sequence : 0);
        };
        lane.post(std::move(ask), [waiting] { waiting->close(); });
      });
  co_return known.value.value_or(0);
}

void check_size(store_core& store, std::string const& data, actor_snapshot const& s) {
  constexpr std::size_t most_header_bytes = 192;
  auto const most = store.link().max_payload();
  if (most > 0 && data.size() + most_header_bytes > static_cast<std::size_t>(most))
    throw error(errc::event_too_large, "the snapshot of actor " + quoted(s.actor_id) + " takes " +
                                           std::to_string(data.size()) + " bytes; the server's max_payload is " +
                                           std::to_string(most));
}

} // namespace

awaitable<void> keep_snapshot(std::shared_ptr<store_core> store, actor_snapshot s, call_options options) {
  if (!store)
    throw error(errc::not_open, "save_snapshot on a store that was not opened");
  store->check_open();
  aether::detail::check_snapshot(s, options);
  store_core::under_way running(store);
  auto const stream = store->stream();
  auto const deadline = aether::detail::deadline_after(options.timeout, stream->config.operation_timeout);
  if (s.timestamp == time_point{})
    s.timestamp = std::chrono::system_clock::now();
  auto const data = to_json(s);
  check_size(*store, data, s);
  auto const subject = stream->subjects.snapshots_subject(s.actor_id);
  auto const what = "saving the snapshot of actor " + quoted(s.actor_id);
  auto const event_sequence = co_await known_sequence(store, s.actor_id, s.version, deadline);

  for (bool sent = false;; sent = true) {
    auto const latest = co_await read_latest(stream, s.actor_id, deadline);
    if (latest.value && latest.value->version > s.version)
      co_return;
    if (sent && latest.value && *latest.value == s)
      co_return; // an attempt whose answer was lost
    auto const token = stream->connection->next_token();
    outgoing_message message(subject, stream->connection->reply_subject(token), data,
                             {{"Nats-Expected-Last-Subject-Sequence", std::to_string(latest.message_sequence)}});
    if (event_sequence > 0)
      message.add_header({sequence_header, std::to_string(event_sequence)});
    auto const until = std::min(deadline, clock::now() + stream->config.request_timeout);
    auto const got = co_await request_once(stream->connection, std::move(message), token, until);
    if (got) {
      publish_ack ack;
      auto const verdict = classify(got.message.data(), stream->stream(), ack);
      if (verdict.answer == publish_answer::stored)
        co_return;
      if (verdict.answer == publish_answer::rejected)
        throw error(verdict.error, what + (ack.error ? ": " + text_of(*ack.error) : std::string()));
    } else if (is_denied(got.why) || is_closed(got.why)) {
      throw_unanswered(got.why, what);
    }
    co_await wait_connected(stream->connection, deadline);
    if (clock::now() >= deadline)
      throw_unanswered(no_answer::timed_out, what);
    co_await pause_until(std::min(deadline, clock::now() + std::chrono::milliseconds(1)));
  }
}

awaitable<std::optional<actor_snapshot>> load_snapshot(std::shared_ptr<store_core> store, std::string actor_id,
                                                       call_options options) {
  if (!store)
    throw error(errc::not_open, "find_snapshot on a store that was not opened");
  store->check_open();
  aether::detail::check_actor(actor_id, options);
  store_core::under_way running(store);
  auto const deadline = aether::detail::deadline_after(options.timeout, store->stream()->config.operation_timeout);
  auto latest = co_await read_latest(store->stream(), actor_id, deadline);
  if (latest.message_sequence == 0)
    co_return std::nullopt;
  if (!latest.value)
    throw error(errc::malformed_snapshot, "the latest snapshot of actor " + quoted(actor_id) + " (sequence " +
                                              std::to_string(latest.message_sequence) + "): " + latest.reason);
  if (latest.event_sequence > 0)
    store->hints().put(actor_id, latest.value->version, latest.event_sequence);
  co_return std::move(latest.value);
}

} // namespace aether::nats::detail
