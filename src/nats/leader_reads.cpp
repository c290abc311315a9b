// Single questions to the stream's leader, and the two searches that are made of them.
#include "nats/leader_reads.hpp"

#include "nats/json_string.hpp"
#include "nats/leader_question.hpp"
#include "nats/previous_search.hpp"
#include "nats/subject_reader.hpp"
#include "nats/version_search.hpp"

#include <aether/json.hpp>

#include <algorithm>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

bool share_a_subject(subject_map const& subjects, std::string const& a, std::string_view b) {
  try {
    return subjects.events_subject(a) == subjects.events_subject(b);
  } catch (error const&) { // stored by somebody else: an id that this encoding cannot write
    return false;
  }
}

[[noreturn]] void throw_bad_message(read_event_result const& bad) { throw error(bad.error, bad.reason); }

/// Keeps the last well-formed event below a sequence.
class last_event_visitor final : public message_visitor {
public:
  last_event_visitor(subject_map const& subjects, std::string_view actor_id, std::uint64_t below)
      : subjects_(subjects), actor_id_(actor_id), below_(below) {}

  bool on_message(message_view const& message) override {
    parse_error bad;
    if (!parse_stored_event(subjects_, actor_id_, message.data(), read_, bad)) {
      if (bad.code == errc::actor_mismatch)
        throw error(bad.code, bad.reason);
      return true;
    }
    auto const sequence = message.sequence();
    if (sequence == 0)
      return false;
    if (sequence >= below_)
      return true;
    found_.sequence = sequence;
    found_.value = std::move(read_);
    return true;
  }
  found_event take() noexcept { return std::move(found_); }

private:
  subject_map const& subjects_;
  std::string_view actor_id_;
  std::uint64_t below_;
  event read_;
  found_event found_;
};

/// The actor's last well-formed event below `sequence`, where a malformed message or another event of it stands; its
/// sequence is 0 when there is none.
awaitable<found_event> last_well_formed_before(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                               std::uint64_t sequence, steady_time deadline) {
  auto const subject = stream->subjects.events_subject(actor_id);
  found_event found;
  auto below = sequence;
  for (int searches = 0; searches < 8; ++searches) {
    auto const message = co_await read_before(stream, subject, below, deadline);
    if (!message)
      co_return found;
    below = message->sequence;
    auto read = read_stored_event(*stream, actor_id, below, message->data);
    if (read.error == errc::actor_mismatch)
      throw_bad_message(read);
    if (!read.value)
      continue;
    found.sequence = below;
    found.value = std::move(*read.value);
    co_return found;
  }
  // A row of malformed messages: to read everything is cheaper than to search for each of them.
  last_event_visitor visitor(stream->subjects, actor_id, below);
  co_await read_subject(stream, read_range(subject, 1), visitor, deadline);
  co_return visitor.take();
}

/// The first well-formed event whose version is not smaller, `last` being the actor's last one and such.
awaitable<std::optional<found_event>> search_version(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                                     std::int64_t version, found_event last, steady_time deadline) {
  auto const subject = stream->subjects.events_subject(actor_id);
  version_search search(version, 1, last.sequence, last.value.version);
  std::optional<found_event> candidate(std::move(last)); // the lowest event seen whose version is not smaller
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

} // namespace

std::string last_message_query(std::string_view subject) { return R"({"last_by_subj":)" + json_string(subject) + '}'; }

std::string next_message_query(std::string_view subject, std::uint64_t sequence) {
  return R"({"seq":)" + std::to_string(sequence) + R"(,"next_by_subj":)" + json_string(subject) + '}';
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

bool parse_stored_event(subject_map const& subjects, std::string_view actor_id, std::string_view data, event& out,
                        parse_error& bad) {
  if (!parse_event(data, out, bad))
    return false;
  if (out.actor_id == actor_id)
    return true;
  if (subjects.encoding() == subject_encoding::underscore && share_a_subject(subjects, out.actor_id, actor_id)) {
    bad.code = errc::actor_mismatch;
    bad.reason = "actors " + json_string(actor_id) + " and " + json_string(out.actor_id) +
                 " meet on one subject: with the underscore encoding they cannot share a stream";
  } else {
    bad.code = errc::malformed_event;
    bad.reason = R"(field "actorId": )" + json_string(out.actor_id) + " on the subject of " + json_string(actor_id);
  }
  return false;
}

read_event_result read_stored_event(stream_access const& stream, std::string_view actor_id, std::uint64_t sequence,
                                    std::string_view data) {
  read_event_result out;
  out.sequence = sequence;
  parse_error bad;
  if (parse_stored_event(stream.subjects, actor_id, data, out.value.emplace(), bad))
    return out;
  out.value.reset();
  out.error = bad.code;
  out.reason = std::move(bad.reason);
  if (stream.log && bad.code != errc::actor_mismatch)
    stream.log->malformed(sequence, bad.code);
  return out;
}

awaitable<std::optional<stored_message>> read_leader(std::shared_ptr<stream_access const> stream, std::string query,
                                                     steady_time deadline) {
  auto const subject = leader_read_subject(*stream);
  auto answer = co_await ask_leader(stream, subject, std::move(query), &parse_stored_message, deadline);
  std::optional<stored_message> message;
  if (auto* found = std::get_if<stored_message>(&answer))
    message = std::move(*found);
  else if (auto const& refused = std::get<api_error>(answer); !is_no_message(refused))
    throw_refused(refused, "reading from stream " + stream->stream());
  co_return message;
}

awaitable<std::optional<stored_message>> read_before(std::shared_ptr<stream_access const> stream, std::string subject,
                                                     std::uint64_t sequence, steady_time deadline) {
  previous_search search(sequence);
  std::optional<stored_message> nearest;
  while (auto const from = search.probe()) {
    auto message = co_await read_leader(stream, next_message_query(subject, *from), deadline);
    search.on_probe(message ? std::optional(message->sequence) : std::nullopt);
    if (message && message->sequence == search.found())
      nearest = std::move(message);
  }
  co_return nearest;
}

awaitable<std::uint64_t> find_last_sequence(std::shared_ptr<stream_access const> stream, std::string subject,
                                            steady_time deadline) {
  auto query = last_message_query(subject);
  auto const last = co_await read_leader(std::move(stream), std::move(query), deadline);
  co_return last ? last->sequence : 0;
}

awaitable<current_state> read_current(std::shared_ptr<stream_access const> stream, std::string actor_id,
                                      steady_time deadline) {
  current_state out;
  auto const subject = stream->subjects.events_subject(actor_id);
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
  auto found = co_await last_well_formed_before(std::move(stream), std::move(actor_id), out.last_sequence, deadline);
  if (found.sequence == 0)
    co_return out;
  out.latest = std::move(found.value);
  out.latest_sequence = found.sequence;
  co_return out;
}

awaitable<std::optional<found_event>> find_from_version(std::shared_ptr<stream_access const> stream,
                                                        std::string actor_id, std::int64_t version,
                                                        steady_time deadline) {
  auto current = co_await read_current(stream, actor_id, deadline);
  std::optional<found_event> none;
  if (!current.latest || current.latest->version < version)
    co_return none;
  found_event last;
  last.sequence = current.latest_sequence;
  last.value = std::move(*current.latest);
  co_return co_await search_version(std::move(stream), std::move(actor_id), version, std::move(last), deadline);
}

awaitable<std::optional<std::uint64_t>> find_start_after(std::shared_ptr<stream_access const> stream,
                                                         std::string actor_id, std::int64_t after_version,
                                                         bool keep_errors, steady_time deadline) {
  std::optional<std::uint64_t> start;
  auto current = co_await read_current(stream, actor_id, deadline);
  if (!current.latest || current.latest->version <= after_version) {
    if (keep_errors && current.last_sequence > current.latest_sequence)
      start = current.latest_sequence + 1;
    co_return start;
  }
  found_event last;
  last.sequence = current.latest_sequence;
  last.value = std::move(*current.latest);
  auto const found = co_await search_version(stream, actor_id, after_version, std::move(last), deadline);
  if (!found)
    start = 1; // what was there expired while it was searched for
  else if (found->value.version == after_version)
    start = found->sequence + 1;
  else
    start = found->sequence;
  if (found && keep_errors && found->value.version > after_version) {
    auto const before = co_await last_well_formed_before(stream, actor_id, found->sequence, deadline);
    start = before.sequence + 1;
  }
  co_return start;
}

} // namespace aether::nats::detail
