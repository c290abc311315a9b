// What a stream is and how far it reaches.
#include "nats/stream_state.hpp"

#include "nats/leader_question.hpp"

#include <aether/json.hpp>

#include <algorithm>

namespace aether::nats::detail {

using boost::asio::awaitable;

stream_state state_of(stream_answer const& answer) {
  stream_state state;
  if (!parse_time(answer.created, state.created))
    throw error(errc::protocol_error, "the stream's time of creation is not understood: " + answer.created);
  state.last = answer.last_sequence;
  state.first = answer.messages == 0 ? state.last + 1 : std::max<std::uint64_t>(answer.first_sequence, 1);
  if (answer.messages == 0 || !parse_time(answer.first_time, state.first_time))
    state.first_time = {};
  return state;
}

std::string stream_info_subject(stream_access const& stream) { return stream.api + ".STREAM.INFO." + stream.stream(); }

awaitable<stream_state> read_stream_state(std::shared_ptr<stream_access const> stream, steady_time deadline) {
  auto const subject = stream_info_subject(*stream);
  auto const answer = co_await ask_leader(stream, subject, {}, &parse_stream_answer, deadline);
  if (auto const* refused = std::get_if<api_error>(&answer))
    throw_refused(*refused, "reading the state of stream " + stream->stream());
  co_return state_of(std::get<stream_answer>(answer));
}

continuity judge(stream_state const& now, time_point created, std::uint64_t next) noexcept {
  if (now.created != created)
    return continuity::another_stream;
  if (next > now.last + 1)
    return continuity::shorter;
  return next < now.first ? continuity::expired : continuity::goes_on;
}

void throw_broken(continuity why, stream_access const& stream, stream_state const& now, std::uint64_t next) {
  switch (why) {
  case continuity::another_stream:
    throw error(errc::position_invalid, "stream " + stream.stream() + " was deleted and made again at " +
                                            format_time(now.created) + ", after the position was taken");
  case continuity::shorter:
    throw error(errc::position_invalid, "stream " + stream.stream() + " ends at sequence " + std::to_string(now.last) +
                                            ", and the position is at " + std::to_string(next - 1));
  case continuity::expired:
  case continuity::goes_on:
    break;
  }
  throw error(errc::start_expired, "stream " + stream.stream() + " begins at sequence " + std::to_string(now.first) +
                                       " by now, and was read up to " + std::to_string(next - 1) +
                                       ": what was between them is gone");
}

} // namespace aether::nats::detail
