// From actors to subjects and back: token encodings, stream names, and the subjects of one stream.
#pragma once

#include <aether/nats/jetstream_config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// Appends `raw` as one token, one to one: bytes that no token can hold (space, `.`, `*`, `>`, control and non-ASCII
/// bytes) and `%` become `%XX`, in upper case. Nothing gives nothing, which is no token.
void append_percent(std::string& out, std::string_view raw);

/// What a token stands for; none when append_percent would not have written it so.
std::optional<std::string> percent_decoded(std::string_view token);

/// Appends `raw` with space, `.`, `*` and `>` as `_`. False, with `out` as it was, when `raw` holds a control
/// character, which this encoding cannot write.
bool append_underscore(std::string& out, std::string_view raw);

inline constexpr std::size_t max_name_bytes = 200;

/// A namespace's or stream's name: 1 to 200 letters, digits, `-` and `_`.
bool valid_name(std::string_view name) noexcept;

/// `{name_space}_{stream_name}`, or the stream's name alone without a namespace. Throws aether::error(invalid_id) when
/// one of them is no valid name, or both together are longer than one.
std::string full_stream_name(std::string_view name_space, std::string_view stream_name);

/// The subjects of one stream. Cheap to copy, and may be used from any thread.
class subject_map {
public:
  /// `stream` comes from full_stream_name().
  subject_map(std::string stream, subject_encoding encoding);

  std::string const& stream() const noexcept { return stream_; }
  subject_encoding encoding() const noexcept { return encoding_; }

  /// `{stream}.events.{type}.{actor_id}`. Throws aether::error(invalid_id) when the id is empty, longer than 255
  /// bytes, or holds what the encoding cannot write.
  std::string events_subject(std::string_view actor_id) const;
  std::string snapshots_subject(std::string_view actor_id) const;
  /// The same, appended to `out`, whose capacity is used again.
  void append_events_subject(std::string& out, std::string_view actor_id) const;
  void append_snapshots_subject(std::string& out, std::string_view actor_id) const;

  /// Whether this is events_subject(actor_id); false too for an id that has none.
  bool is_events_subject(std::string_view subject, std::string_view actor_id) const;
  /// Every actor of one type. Throws aether::error(invalid_id) as events_subject() does.
  std::string events_filter_of(std::string_view type) const;
  std::string events_filter() const { return events_ + '>'; }       ///< `{stream}.events.>`
  std::string snapshots_filter() const { return snapshots_ + '>'; } ///< `{stream}.snapshots.>`

  /// The actor whose events or snapshots are on this subject; none when no id leads to it. The underscore encoding
  /// cannot be read back: none.
  std::optional<std::string> actor_id_of(std::string_view subject) const;

private:
  void append(std::string& out, std::string const& prefix, std::string_view actor_id) const;

  std::string stream_;
  std::string events_;    // `{stream}.events.`
  std::string snapshots_; // `{stream}.snapshots.`
  subject_encoding encoding_;
};

} // namespace aether::nats::detail
