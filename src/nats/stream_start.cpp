// Where reading begins.
#include "nats/stream_start.hpp"

#include "detail/utf8.hpp"
#include "nats/leader_reads.hpp"
#include "nats/request.hpp"
#include "nats/time_search.hpp"

#include <aether/json.hpp>

#include <algorithm>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

/// What stands at a sequence.
struct place_taken {
  std::string event_id; ///< empty: no event
  time_point stored{};  ///< the epoch: nothing

  place_taken() = default;
};

awaitable<place_taken> look_at(std::shared_ptr<stream_access const> stream, std::uint64_t sequence,
                               steady_time deadline) {
  place_taken out;
  auto const message = co_await read_leader(stream, message_at_query(sequence), deadline);
  if (!message)
    co_return out;
  out.stored = message->time;
  auto const events = stream->subjects.events_filter();
  if (!message->subject.starts_with(std::string_view(events).substr(0, events.size() - 1)))
    co_return out;
  event e;
  parse_error bad;
  if (parse_event(message->data, e, bad))
    out.event_id = std::move(e.id);
  co_return out;
}

/// The last sequence on any of the subjects.
awaitable<std::uint64_t> last_of(std::shared_ptr<stream_access const> stream, std::vector<std::string> filters,
                                 steady_time deadline) {
  std::uint64_t last = 0;
  for (auto const& filter : filters) {
    auto const found = co_await find_last_sequence(stream, filter, deadline);
    last = std::max(last, found);
  }
  co_return last;
}

awaitable<std::uint64_t> first_stored_at(std::shared_ptr<stream_access const> stream, time_point when,
                                         stream_state state, expired_start on_expired, steady_time deadline) {
  auto const any = stream->subjects.stream() + ".>";
  time_search search(when, state.first, state.last);
  while (auto const from = search.probe()) {
    auto const message = co_await read_leader(stream, next_message_query(any, *from), deadline);
    search.on_probe(message ? message->sequence : 0, message ? message->time : time_point());
  }
  // Nothing before it is left: what was stored since then may be gone, unless it is too young for that.
  auto const is_young = stream->max_age.count() != 0 && std::chrono::system_clock::now() - when <= stream->max_age;
  if (search.found() == state.first && state.first > 1 && !is_young && on_expired == expired_start::refuse)
    throw error(errc::start_expired, "stream " + stream->stream() + " begins at sequence " +
                                         std::to_string(state.first) + " by now, stored after " + format_time(when));
  co_return search.found();
}

stream_place const& place_of(position const& p, stream_access const& stream) {
  auto const& places = p.places();
  if (places.size() != 1)
    throw error(errc::position_invalid,
                "the position is one of " + std::to_string(places.size()) + " streams, and this store has one");
  if (places.front().stream != stream.stream())
    throw error(errc::position_invalid, "the position is one of stream " +
                                            aether::detail::quoted(places.front().stream) +
                                            ", and this store reads stream " + stream.stream());
  return places.front();
}

/// Throws position_invalid unless the stream is the same, reaches so far, and has that event there. Returns the time
/// since when everything behind it was stored; the epoch: not known.
awaitable<time_point> verify(std::shared_ptr<stream_access const> stream, stream_place place, expired_start on_expired,
                             stream_state& state, steady_time deadline) {
  auto const patient_until = std::chrono::steady_clock::now() + stale_leader;
  auto verdict = judge(state, place.created, place.sequence + 1);
  while (verdict == continuity::shorter && stream->may_have_copies) {
    auto const again = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    if (again >= std::min(deadline, patient_until))
      break;
    co_await pause_until(again);
    state = co_await read_stream_state(stream, deadline);
    verdict = judge(state, place.created, place.sequence + 1);
  }
  if (verdict == continuity::expired && on_expired == expired_start::first)
    co_return state.first_time;
  if (verdict != continuity::goes_on)
    throw_broken(verdict, *stream, state, place.sequence + 1);
  if (place.sequence < state.first) // it expired, and nothing behind it has
    co_return state.first_time;
  auto const there = co_await look_at(stream, place.sequence, deadline);
  auto const& id = there.event_id;
  if (id != place.event_id)
    throw error(errc::position_invalid,
                "stream " + stream->stream() + " has " +
                    (id.empty() ? std::string("no event") : "event " + aether::detail::quoted(id)) + " at sequence " +
                    std::to_string(place.sequence) + ", and the position names " +
                    (place.event_id.empty() ? std::string("none") : aether::detail::quoted(place.event_id)));
  co_return there.stored;
}

} // namespace

awaitable<stream_start> find_start(std::shared_ptr<stream_access const> stream, start_from start,
                                   expired_start on_expired, std::vector<std::string> filters, steady_time deadline) {
  auto const asked = std::chrono::system_clock::now();
  auto state = co_await read_stream_state(stream, deadline);
  stream_start out;
  out.stream = std::make_shared<stream_identity>(stream->stream(), state.created);
  out.next = state.first;
  switch (start.what()) {
  case start_from::kind::beginning:
    break;
  case start_from::kind::latest_of_each_actor:
    out.last_per_subject = true;
    break;
  case start_from::kind::now:
    out.next = state.last + 1;
    out.not_before = asked;
    break;
  case start_from::kind::time:
    out.next = co_await first_stored_at(stream, start.when(), state, on_expired, deadline);
    out.not_before = std::max(start.when(), state.first_time);
    break;
  case start_from::kind::position: {
    auto const place = place_of(start.where(), *stream);
    out.not_before = co_await verify(stream, place, on_expired, state, deadline);
    out.next = std::max(place.sequence + 1, state.first);
    if (out.next == place.sequence + 1)
      out.event_id = place.event_id;
    break;
  }
  }
  auto const chosen_here = start.what() == start_from::kind::now || start.what() == start_from::kind::time;
  if (chosen_here && out.next > state.first) {
    auto const before = co_await look_at(stream, out.next - 1, deadline);
    out.event_id = before.event_id;
  }
  if (out.next <= state.last)
    out.target = co_await last_of(stream, std::move(filters), deadline);
  if (out.target < out.next)
    out.target = 0;
  co_return out;
}

} // namespace aether::nats::detail
