// How a JetStream store keeps its stream and how much it may hold in memory.
#pragma once

#include <aether/event_broadcaster.hpp>
#include <aether/event_store.hpp>
#include <aether/logging.hpp>
#include <aether/tracing.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace aether::nats {

namespace retention {
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max(); ///< nothing ever expires
} // namespace retention

/// What is done about an existing stream whose settings are not the ones asked for.
enum class existing_stream {
  require, ///< opening fails and names every setting that differs
  adopt,   ///< it is taken as it is: what can be set is set, and what stays weaker is told
};

/// How actor ids become subjects. All stores of a stream must use the same one.
enum class subject_encoding {
  percent,    ///< one to one: what a subject cannot hold becomes %XX
  underscore, ///< as the Go library does: space, `.`, `*` and `>` become `_`. Two ids can meet; that is an error
};

/// On which servers a new stream is made. Of an existing one it is not looked at.
struct stream_placement {
  std::string cluster;           ///< the cluster's name; empty: that of the connection
  std::vector<std::string> tags; ///< only servers that have all of these

  stream_placement() = default;
  bool empty() const noexcept { return cluster.empty() && tags.empty(); }

  /// Throws aether::error(invalid_argument).
  void validate() const;
};

/// Zero and empty mean the default, everywhere. Nonsense is refused by validate(), naming the option.
struct jetstream_config {
  // The stream.

  /// How long events and snapshots are kept; 0: 365 days. See retention::forever. At least 100 ms, and not below
  /// operation_timeout and duplicate_window.
  std::chrono::nanoseconds stream_retention{};
  int replica_count = 0; ///< servers that keep a copy of each event, 1 to 5; 0: 1. More than 1 needs server 2.10.20
  /// Isolates tenants: the stream's name becomes `{name_space}_{stream_name}`. Letters, digits, `-` and `_`.
  std::string name_space;
  existing_stream on_existing = existing_stream::require;
  bool create = true; ///< false: the stream must be there, and no permission to create or change it is needed
  /// Bytes the stream may hold on the server; 0: no limit. A full stream refuses saves with storage_full; it never
  /// drops an event to make room.
  std::size_t max_stream_bytes = 0;
  /// For how long the server recognises a repeated event id; 0: 2 minutes, less when the retention is. At least
  /// 100 ms. Longer costs the server memory; no promise rests on it.
  std::chrono::nanoseconds duplicate_window{};
  stream_placement placement; ///< in a cluster; empty: wherever there is room

  // The way to it.

  std::string api_prefix; ///< of JetStream's API, when an account imports it under another name; empty: `$JS.API`
  std::string domain;     ///< a JetStream domain: the prefix is `$JS.{domain}.API`. Not together with api_prefix

  // What is written.

  aether::version_policy version_policy = aether::version_policy::increasing;
  nats::subject_encoding subject_encoding = nats::subject_encoding::percent;

  // Time.

  std::chrono::nanoseconds operation_timeout{}; ///< of a call as a whole unless it says otherwise; 0: 10 s
  /// After this a request counts as unanswered and is resolved or asked again, within the call's timeout;
  /// 0: 2 s, less when operation_timeout is. Not above operation_timeout.
  std::chrono::nanoseconds request_timeout{};

  // Bounds. Beyond each the store goes on, slower or with the error named; it does not grow.

  std::size_t max_waiting_saves = 0;    ///< begun and not ended, in all; beyond it `overloaded`. 0: 65,536
  std::size_t max_saves_in_flight = 0;  ///< handed to the server at once; others wait. 0: 4,096
  std::size_t version_cache_bytes = 0;  ///< of what is known about actors; beyond it the server is asked. 0: 64 MB
  std::size_t max_remembered_saves = 0; ///< whose outcome is unknown; beyond it conflicts cost one read. 0: 65,536
  std::size_t max_history_events = 0;   ///< of one get_events; beyond it history_too_long. 0: 1,000,000
  std::size_t max_history_bytes = 0;    ///< the same, of the messages as stored. 0: 256 MB
  std::size_t read_batch_bytes = 0; ///< asked of the server at once by a reader; a larger event still comes. 0: 4 MB
  std::size_t strands = 0; ///< that decide about actors side by side, at most 1,024; 0: 8

  // Who is told.

  /// Hears of each save: see event_stored. Empty: nobody does.
  std::shared_ptr<event_broadcaster> announce_to;
  std::shared_ptr<aether::tracer> tracer;
  std::shared_ptr<logger> log; ///< told what whoever operates the store should know; empty: the connection's

  jetstream_config() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  /// Throws aether::error(invalid_argument), naming the option and its value.
  void validate() const;
};

/// A setting of an adopted stream that is not what this library asks for.
struct weakened_setting {
  std::string setting; ///< the stream configuration's own name for it: `max_age`
  std::string wanted;
  std::string actual;

  weakened_setting() = default;
  weakened_setting(std::string s, std::string w, std::string a)
      : setting(std::move(s)), wanted(std::move(w)), actual(std::move(a)) {}
  friend bool operator==(weakened_setting const&, weakened_setting const&) = default;
};

} // namespace aether::nats
