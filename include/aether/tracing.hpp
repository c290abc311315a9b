// Distributed tracing without a library for it: W3C trace context in event metadata, and hooks around operations.
#pragma once

#include <aether/metadata.hpp>

#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aether {

/// Who a span is, as W3C Trace Context has it (https://www.w3.org/TR/trace-context/). Trivially destructible.
struct trace_context {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{}; ///< `parent-id` where it is read, the own span's where it is written
  std::uint8_t flags = 0;                ///< bit 0: sampled

  /// Neither id is all zeros.
  bool is_valid() const noexcept;
  bool is_sampled() const noexcept { return (flags & 1u) != 0; }
  friend bool operator==(trace_context const&, trace_context const&) = default;
};

/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: the header of HTTP requests. Of a later version than 00
/// what it has in common is taken. None: it is not well-formed, or invalid.
std::optional<trace_context> parse_traceparent(std::string_view text) noexcept;
/// As version 00: flags that it reserves are written as zero.
std::string to_traceparent(trace_context const& context);

/// What an event's metadata tells: `traceId` and `spanId` in lower-case hex, `traceFlags` as two hex digits (absent:
/// 0). None: there is no well-formed context.
std::optional<trace_context> trace_of(metadata const& m) noexcept;
/// Writes it there (an invalid one takes away what is there), and leaves `traceState` as it is.
void set_trace(metadata& m, trace_context const& context);

enum class store_operation {
  save_event,
  save_events,
  get_events,
  latest_version,
  find_event,
  find_latest_event,
  save_snapshot,
  find_snapshot,
  read_events, ///< until the reader is at its end or destroyed
  list_actors, ///< likewise
  subscribe,
  join_group,
  delete_group,
  remove_dead_letter,
  close,
};

std::string_view to_string(store_operation what) noexcept;

/// The views live until begin() returns.
struct operation_begin {
  store_operation what = store_operation::save_event;
  std::string_view name_space;
  std::string_view store; ///< the stream's name; empty: in memory
  std::string_view actor_id;
  std::string_view event_type; ///< of a save, a batch's first
  std::int64_t version = 0;    ///< of a save (a batch's first), the one to find, or the one to read behind
  std::size_t events = 0;      ///< of a save
  /// The span to which this one belongs: of a save the event's own metadata, else what call_options::trace says.
  std::optional<trace_context> parent;
  std::string_view trace_state;
};

struct operation_end {
  boost::system::error_code error; ///< empty: it ended well; a conflict is version_conflict
  std::size_t events = 0;          ///< stored or read
  bool already_saved = false;
};

/// What begin() hands out and end() gets back.
struct operation_span {
  std::shared_ptr<void> token;
  /// The new span: of a save it replaces the event's trace context before the event is written, and so goes on to
  /// whoever reads it. None: the event keeps what it has.
  std::optional<trace_context> context;

  operation_span() = default;
};

/// Derive from it and hand it to a store. Both functions are called on the thread that runs the operation at that
/// moment, and not necessarily the same one: everything a span needs is in its token. Each begin() is followed by one
/// end(), also of a cancelled operation and of one whose coroutine is destroyed. Thread-safe, throws nothing.
class tracer {
public:
  virtual ~tracer() = default;

  virtual operation_span begin(operation_begin const& what) noexcept = 0;
  virtual void end(operation_span span, operation_end const& how) noexcept = 0;

protected:
  tracer() = default;
  tracer(tracer const&) = delete;
  tracer& operator=(tracer const&) = delete;
};

} // namespace aether
