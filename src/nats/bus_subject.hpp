// From an event's type, actor and namespace to the subject of a bus across processes, and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// Tokens parted by single dots, 200 bytes at most, without wildcards, white space and control characters. Throws
/// invalid_argument.
void check_bus_prefix(std::string_view prefix);

/// Tokens as they stand in a subject, encoded; views into it.
struct bus_tokens {
  std::string_view type;
  std::string_view actor;
  std::string_view name_space; ///< empty: the empty one; else tokens parted by dots
};

/// `{prefix}.{type}.{actor}.ns.{tokens of the namespace}`: the empty namespace ends at `ns`. Cheap to copy, and may be
/// used from any thread.
class bus_subjects {
public:
  /// `prefix` has been checked.
  explicit bus_subjects(std::string const& prefix) : prefix_(prefix + '.') {}

  /// All three have been checked: ids, and a namespace of a bus.
  std::string subject_of(std::string_view type, std::string_view actor, std::string_view name_space) const;
  /// Where a bus tells how many messages it has published in a namespace: type and actor are `-`.
  std::string count_subject_of(std::string_view name_space) const { return subject_of("-", "-", name_space); }
  bool tells_counts(bus_tokens const& tokens) const noexcept { return tokens.type == "-" && tokens.actor == "-"; }
  /// Every event of the namespaces that a checked pattern chooses, and of no other.
  std::string filter_of(std::string_view pattern) const;

  /// Takes a subject apart, and decodes nothing. False: it is none of these.
  bool split(std::string_view subject, bus_tokens& out) const noexcept;

private:
  std::string prefix_; // with a dot
};

/// The namespace behind bus_tokens::name_space; none: no namespace is written so.
std::optional<std::string> bus_name_space_of(std::string_view encoded);

/// The id behind a token, which is `token` itself in most cases, else what is written to `room`; none: no id is written
/// so.
std::optional<std::string_view> bus_id_of(std::string_view token, std::string& room);

} // namespace aether::nats::detail
