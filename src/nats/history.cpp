// Reading everything an actor has.
#include "nats/history.hpp"

#include "nats/history_builder.hpp"
#include "nats/leader_reads.hpp"
#include "nats/subject_reader.hpp"

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

constexpr std::int64_t read_and_dropped = 512; // fewer events than this are read and dropped rather than searched past

} // namespace

awaitable<replay_result> read_history(std::shared_ptr<stream_access const> stream, history_request request,
                                      steady_time deadline) {
  auto range =
      read_range(stream->subjects.events_subject(request.actor_id), std::max<std::uint64_t>(request.from_sequence, 1));
  if (request.after_version >= read_and_dropped && range.next == 1) {
    auto const start =
        co_await find_start_after(stream, request.actor_id, request.after_version, request.keep_errors, deadline);
    if (!start)
      co_return replay_result();
    range.next = *start;
  }
  history_builder builder(stream->subjects, std::move(request.actor_id), request.after_version, request.keep_errors,
                          {stream->config.max_history_events, stream->config.max_history_bytes});
  co_await read_subject(stream, std::move(range), builder, deadline);
  co_return builder.take();
}

} // namespace aether::nats::detail
