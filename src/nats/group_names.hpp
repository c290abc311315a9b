// What a group and its dead letters are called on the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// The durable consumer of a group: `group-` and the name, in which all but letters, digits, `-` and `_` become `=XX`.
/// Of a name that would be too long for a server the first part and a hash; the consumer's record has the whole one.
std::string group_consumer_name(std::string_view group);

/// The subjects of a stream's dead letters. Cheap to copy.
///
/// `{stream}_dead.letters.{group}.{sequence}-{made}` is a letter, and `….retry.…` one to be handed out again: the
/// event's sequence and when its stream was made, in nanoseconds, so that an event has one letter in each group.
class dead_subjects {
public:
  explicit dead_subjects(std::string_view stream) : stream_(std::string(stream) + "_dead") {}

  std::string const& stream() const noexcept { return stream_; } ///< `{stream}_dead`
  std::string all_letters() const { return stream_ + ".letters.>"; }
  std::string all_retries() const { return stream_ + ".retry.>"; }
  std::string letters_of(std::string_view group) const { return of("letters", group) + '*'; }
  std::string retries_of(std::string_view group) const { return of("retry", group) + '*'; }
  std::string letter(std::string_view group, std::uint64_t sequence, std::int64_t made) const;
  /// Where the letter on this subject is retried; none: it is no subject of a letter of the group.
  std::optional<std::string> retry_of(std::string_view group, std::string_view letter) const;

private:
  std::string of(std::string_view what, std::string_view group) const;

  std::string stream_;
};

} // namespace aether::nats::detail
