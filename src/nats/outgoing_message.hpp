// A message to be sent: checked and copied once, where it is made, and written from there.
#pragma once

#include <aether/nats/message.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// Views of one. Behind `subject` and `reply` stands a NUL, as cnats wants it. `headers` is the whole block, from
/// `NATS/1.0` to its empty line, or empty.
struct outgoing_parts {
  std::string_view subject, reply, headers, data;

  /// What the server holds against its max_payload.
  std::size_t size() const noexcept { return headers.size() + data.size(); }
};

struct outgoing_header {
  std::string_view name, value;
};

/// A plain value, one allocation: it belongs to no connection and no thread.
class outgoing_message {
public:
  outgoing_message() = default;
  /// Throws invalid_argument when a subject holds what would break the protocol, event_too_large beyond 1 GB. The
  /// headers are ours: a name that is one, and a value in which a line break becomes a space.
  outgoing_message(std::string_view subject, std::string_view reply, std::string_view data,
                   std::initializer_list<outgoing_header> headers = {});
  explicit outgoing_message(outgoing_parts const& parts);
  /// A user's: headers that would break the protocol are refused.
  outgoing_message(message const& m, std::string_view reply);

  /// Behind those that are there.
  void add_header(outgoing_header header);

  std::string_view subject() const noexcept { return std::string_view(text_).substr(0, subject_); }
  outgoing_parts parts() const noexcept;

private:
  std::string text_; // subject NUL reply NUL headers data
  std::size_t subject_ = 0, reply_ = 0, headers_ = 0;
};

/// Appends a whole block.
void append_headers(std::string& out, std::initializer_list<outgoing_header> headers);

/// Appends the message as the protocol has it.
void append_wire(std::string& out, outgoing_parts const& m);

/// A subject that can be published to: not empty, below 4,096 bytes, no white space or control bytes.
bool is_safe_subject(std::string_view subject) noexcept;

/// One that can be subscribed to: safe, no token empty, wildcards alone in their token, `>` only at the end. What is
/// not so makes the server complain, and cnats end the connection.
bool is_safe_filter(std::string_view subject) noexcept;

/// What a subject, a reply subject and a queue name may have in all: they go into one line, and a server ends a
/// connection that sends one of more than 4,096 bytes.
inline constexpr std::size_t max_subject_bytes = 4032;

} // namespace aether::nats::detail
