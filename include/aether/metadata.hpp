// What travels with an event besides its data: correlation, causation, user and trace.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace aether {

struct event;

/// String to string, in key order. Any key may be stored; those with a constant below are the
/// ones the library itself writes and reads. A value type: no two threads may use one object at
/// once unless both only read.
class metadata {
public:
  using map_type = std::map<std::string, std::string, std::less<>>;

  static constexpr std::string_view correlation_id_key = "correlationId";
  static constexpr std::string_view causation_id_key = "causationId";
  static constexpr std::string_view user_id_key = "userId";
  static constexpr std::string_view trace_id_key = "traceId";
  static constexpr std::string_view span_id_key = "spanId";
  static constexpr std::string_view trace_flags_key = "traceFlags";
  static constexpr std::string_view trace_state_key = "traceState";
  static constexpr std::string_view event_version_key = "eventVersion"; ///< of typed events; left out for 1

  metadata() = default;
  metadata(std::initializer_list<map_type::value_type> entries) : entries_(entries) {}

  /// The value of a key; an empty view when it is not there. The view lives as long as the entry.
  std::string_view get(std::string_view key) const noexcept;
  bool contains(std::string_view key) const noexcept { return entries_.find(key) != entries_.end(); }
  /// Sets a key, replacing what it held.
  metadata& set(std::string_view key, std::string value);
  /// Removes a key; true when it was there.
  bool erase(std::string_view key);

  std::string_view correlation_id() const noexcept { return get(correlation_id_key); }
  std::string_view causation_id() const noexcept { return get(causation_id_key); }
  std::string_view user_id() const noexcept { return get(user_id_key); }
  std::string_view trace_id() const noexcept { return get(trace_id_key); }
  std::string_view span_id() const noexcept { return get(span_id_key); }
  std::string_view trace_flags() const noexcept { return get(trace_flags_key); }
  std::string_view trace_state() const noexcept { return get(trace_state_key); }

  metadata& correlation_id(std::string value) { return set(correlation_id_key, std::move(value)); }
  metadata& causation_id(std::string value) { return set(causation_id_key, std::move(value)); }
  metadata& user_id(std::string value) { return set(user_id_key, std::move(value)); }
  metadata& trace_id(std::string value) { return set(trace_id_key, std::move(value)); }
  metadata& span_id(std::string value) { return set(span_id_key, std::move(value)); }
  metadata& trace_flags(std::string value) { return set(trace_flags_key, std::move(value)); }
  metadata& trace_state(std::string value) { return set(trace_state_key, std::move(value)); }

  /// Marks this as caused by `cause`: its correlation id is copied (its own id stands in when it has
  /// none), and its id becomes the causation id. A cause with a well-formed trace context (trace_of()) hands it on,
  /// with its trace state: its span becomes the parent. Without one the trace here stays what it is.
  metadata& caused_by(event const& cause);

  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  map_type const& entries() const noexcept { return entries_; }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }

  friend bool operator==(metadata const&, metadata const&) = default;

private:
  map_type entries_;
};

} // namespace aether
