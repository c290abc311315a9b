// Reading everything an actor has.
#include "nats/history.hpp"

#include "nats/history_builder.hpp"
#include "nats/leader_reads.hpp"
#include "nats/subject_reader.hpp"

#include <optional>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

constexpr std::int64_t read_and_dropped = 512; // fewer events than this are read and dropped rather than searched past

replay_result taken_from(history_builder& builder, stream_access const& stream) {
  if (stream.watch)
    stream.watch->count().malformed.add(builder.skipped());
  return builder.take();
}

// The events after `told_version` can all stand behind `from_sequence` only when one not above it stands there.
awaitable<std::optional<replay_result>> read_where_told(std::shared_ptr<stream_access const> stream,
                                                        history_request const& request, steady_time deadline) {
  history_builder builder(stream->subjects, request.actor_id, request.after_version, request.keep_errors,
                          {stream->config.max_history_events, stream->config.max_history_bytes}, stream->log.get());
  auto range = read_range(stream->subjects.events_subject(request.actor_id), request.from_sequence);
  co_await read_subject(stream, std::move(range), builder, deadline);
  if (builder.first_version() == 0 || builder.first_version() > request.told_version)
    co_return std::nullopt;
  co_return taken_from(builder, *stream);
}

} // namespace

awaitable<replay_result> read_history(std::shared_ptr<stream_access const> stream, history_request request,
                                      steady_time deadline) {
  if (request.told_version > 0) {
    auto told = co_await read_where_told(stream, request, deadline);
    if (told)
      co_return std::move(*told);
    request.from_sequence = 1;
  }
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
                          {stream->config.max_history_events, stream->config.max_history_bytes}, stream->log.get());
  co_await read_subject(stream, std::move(range), builder, deadline);
  co_return taken_from(builder, *stream);
}

} // namespace aether::nats::detail
