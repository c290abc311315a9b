// Single questions to the stream's leader, and the two searches that are made of them.
#include "nats/leader_reads.hpp"

#include "nats/previous_search.hpp"
#include "nats/read_failure.hpp"
#include "nats/version_search.hpp"

#include "detail/wait.hpp"

#include <aether/json.hpp>

#include <boost/asio/error.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

bool share_a_subject(subject_map const& subjects, std::string const& a, std::string_view b) {
  try {
    return subjects.events_subject(a) == subjects.events_subject(b);
  } catch (error const&) { // stored by somebody else: an id that this encoding cannot write
    return false;
  }
}

[[noreturn]] void throw_bad_message(read_event_result const& bad) { throw error(bad.error, bad.reason); }

/// The actor's last well-formed event below `sequence`, which is that of a malformed message on its subject.
awaitable<found_event> last_well_formed_before(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                               std::string subject, std::uint64_t sequence, steady_time deadline) {
  found_event found;
  while (sequence != 0) {
    previous_search search(sequence);
    std::optional<stored_message> nearest;
    while (auto const from = search.probe()) {
      auto query = next_message_query(subject, *from);
      auto message = co_await read_leader(stream, std::move(query), deadline);
      search.on_probe(message ? std::optional(message->sequence) : std::nullopt);
      if (message && message->sequence == search.found())
        nearest = std::move(message);
    }
    sequence = search.found();
    if (sequence == 0)
      break;
    auto read = read_stored_event(*stream, actor_id, sequence, nearest->data);
    if (read.error == errc::actor_mismatch)
      throw_bad_message(read);
    if (!read.value)
      continue;
    found.sequence = sequence;
    found.value = std::move(*read.value);
    break;
  }
  co_return found;
}

} // namespace

std::string last_message_query(std::string_view subject) { return R"({"last_by_subj":)" + quoted(subject) + '}'; }

std::string next_message_query(std::string_view subject, std::uint64_t sequence) {
  return R"({"seq":)" + std::to_string(sequence) + R"(,"next_by_subj":)" + quoted(subject) + '}';
}

std::string message_at_query(std::uint64_t sequence) { return R"({"seq":)" + std::to_string(sequence) + '}'; }

std::string leader_read_subject(stream_access const& stream) {
  return stream.api + ".STREAM.MSG.GET." + stream.stream();
}

leader_answer parse_leader_answer(native_message const& answer) {
  leader_answer out;
  auto parsed = parse_stored_message(answer.data());
  if (auto* message = std::get_if<stored_message>(&parsed)) {
    out.message = std::move(*message);
  } else if (auto const& refused = std::get<api_error>(parsed); !is_no_message(refused)) {
    out.error = to_errc(refused);
    out.text = text_of(refused);
    out.temporary = is_temporary(refused);
  }
  return out;
}

read_event_result read_stored_event(stream_access const& stream, std::string_view actor_id, std::uint64_t sequence,
                                    std::string_view data) {
  read_event_result out;
  out.sequence = sequence;
  parse_error bad;
  if (!parse_event(data, out.value.emplace(), bad)) {
    out.value.reset();
    out.error = bad.code;
    out.reason = std::move(bad.reason);
  } else if (auto const& actual = out.value->actor_id; actual != actor_id) {
    auto const met = stream.subjects.encoding() == subject_encoding::underscore &&
                     share_a_subject(stream.subjects, actual, actor_id);
    out.error = met ? errc::actor_mismatch : errc::malformed_event;
    out.reason = met ? "actors " + quoted(actor_id) + " and " + quoted(actual) +
                           " meet on one subject: they cannot share a stream with the underscore encoding"
                     : R"(field "actorId": the subject is that of )" + quoted(actor_id) + ", not of " + quoted(actual);
    out.value.reset();
  }
  return out;
}

awaitable<std::optional<stored_message>> read_leader(std::shared_ptr<stream_access const> stream, std::string query,
                                                     steady_time deadline) {
  using aether::detail::wait_state;
  using aether::detail::wait_until;
  auto const subject = leader_read_subject(*stream);
  std::chrono::nanoseconds pause = std::chrono::milliseconds(1);
  for (;;) {
    auto reply = co_await ask(stream->connection, subject, query, deadline, stream->config.request_timeout);
    if (!reply)
      throw_unanswered(reply.why, "reading from stream " + stream->stream());
    auto answer = parse_leader_answer(reply.message);
    if (!answer.error)
      co_return std::move(answer.message);
    auto const until = std::chrono::steady_clock::now() + pause;
    if (!answer.temporary || until >= deadline)
      throw error(answer.error, "reading from stream " + stream->stream() + ": " + answer.text);
    auto rest = co_await wait_until<bool>(until, [](std::shared_ptr<wait_state<bool>>) {});
    if (rest.end == aether::detail::wait_end::cancelled)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    pause = std::min<std::chrono::nanoseconds>(pause * 2, std::chrono::milliseconds(100));
  }
}

awaitable<current_state> read_current(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                      steady_time deadline) {
  current_state out;
  auto subject = stream->subjects.events_subject(actor_id);
  auto last = co_await read_leader(stream, last_message_query(subject), deadline);
  if (!last)
    co_return out;
  out.last_sequence = last->sequence;
  out.last_time = last->time;
  auto read = read_stored_event(*stream, actor_id, last->sequence, last->data);
  if (read.error == errc::actor_mismatch)
    throw_bad_message(read);
  if (read.value) {
    out.latest = std::move(read.value);
    out.latest_sequence = out.last_sequence;
    co_return out;
  }
  auto found =
      co_await last_well_formed_before(stream, std::move(actor_id), std::move(subject), out.last_sequence, deadline);
  if (found.sequence == 0)
    co_return out;
  out.latest = std::move(found.value);
  out.latest_sequence = found.sequence;
  co_return out;
}

awaitable<std::optional<found_event>> find_from_version(std::shared_ptr<stream_access const> stream,
                                                        std::string actor_id, std::int64_t version,
                                                        steady_time deadline) {
  auto const subject = stream->subjects.events_subject(actor_id);
  auto current = co_await read_current(stream, actor_id, deadline);
  std::optional<found_event> candidate; // the lowest event seen whose version is not smaller
  if (!current.latest || current.latest->version < version)
    co_return candidate;
  version_search search(version, 1, current.latest_sequence, current.latest->version);
  candidate.emplace();
  candidate->sequence = current.latest_sequence;
  candidate->value = std::move(*current.latest);
  auto step = search.start();
  while (step.what == search_do::probe) {
    auto message = co_await read_leader(stream, next_message_query(subject, step.sequence), deadline);
    std::optional<probed_message> seen;
    if (message) {
      auto read = read_stored_event(*stream, actor_id, message->sequence, message->data);
      if (read.error == errc::actor_mismatch)
        throw_bad_message(read);
      seen = probed_message{read.sequence, read.value ? std::optional(read.value->version) : std::nullopt};
      if (read.value && read.value->version >= version && read.sequence < candidate->sequence) {
        candidate->sequence = read.sequence;
        candidate->value = std::move(*read.value);
      }
    }
    step = search.on_probe(seen);
  }
  // Another sequence, or none: what was the candidate expired meanwhile, and with it everything before it.
  if (step.what == search_do::none || step.sequence != candidate->sequence)
    candidate.reset();
  co_return candidate;
}

} // namespace aether::nats::detail
