// What is risky about a stream: its settings, its state and the servers that keep it, as a list with advice.
#pragma once

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::nats {

enum class severity {
  info,     ///< worth knowing; nothing has to be done
  warning,  ///< events can be lost, or saves refused, when something else goes wrong too
  critical, ///< events are lost, or saves refused, in ordinary operation: now or soon
};

std::string_view to_string(severity level) noexcept;

/// One thing that is risky, or worth knowing, or could not be found out.
struct finding {
  severity level = severity::info;
  std::string check;  ///< what was looked at, a stable name; of a stream's setting that setting's own: `max_age`
  bool known = true;  ///< false: it could not be found out, and `found` says why
  std::string found;  ///< for people, as `advice` is
  std::string advice; ///< what to do; empty: nothing

  finding() = default;
  finding(severity l, std::string c, std::string f, std::string a)
      : level(l), check(std::move(c)), found(std::move(f)), advice(std::move(a)) {}
};

/// Zero and empty mean the default.
struct doctor_options {
  std::string name_space; ///< as of jetstream_config, like the two below
  std::string api_prefix;
  std::string domain;
  /// `http://host:8222` of the servers that keep the stream, if these have a monitoring port: how often they sync,
  /// their versions, and how full they are. Without TLS, which is refused.
  std::vector<std::string> monitoring_urls;
  connection system_account; ///< of a user of the system account, which is told the same by every server
  std::chrono::nanoseconds operation_timeout{}; ///< of the stores on this stream; 0: 10 s
  std::chrono::nanoseconds timeout{}; ///< of the examination as a whole; 0: the connection's operation_timeout

  doctor_options() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  /// Throws aether::error(invalid_argument), naming the option and its value.
  void validate() const;
};

/// Looks at a stream of this library, or of another that one would adopt, and changes nothing: a reader's permissions
/// are enough. Returns what it found, the gravest first; what is well is not told. What it could not find out is a
/// finding too, but for the stream itself: throws stream_not_found, jetstream_not_available, permission_denied,
/// invalid_id, invalid_argument, timed_out, connection_lost, closed, not_open. Cancelling: terminal only. Any thread.
awaitable<std::vector<finding>> examine(connection on, std::string stream_name, doctor_options options = {});

/// The same for an open store, whose names and operation_timeout stand in the place of those in `options`.
awaitable<std::vector<finding>> examine(jetstream_event_store store, doctor_options options = {});

} // namespace aether::nats
