// What an examination of a stream has to go by, read from the answers of servers.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/server_version.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::nats::detail {

/// A copy of the stream beside the leader's, as the leader sees it.
struct copy_facts {
  std::string server;
  bool current = false; ///< was heard of lately, and has caught up
  bool offline = false;
  std::uint64_t lag = 0; ///< operations
  std::chrono::nanoseconds silent{}; ///< since it was last heard of

  copy_facts() = default;
};

/// The answer of STREAM.INFO.
struct stream_facts {
  std::string name;
  boost::json::object config;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t deleted = 0; ///< sequences between the first and the last without a message
  std::uint64_t lost = 0;    ///< messages that the server's files no longer had
  std::uint64_t consumers = 0;
  std::optional<std::uint64_t> subjects; ///< none: it does not tell
  time_point first_time{}; ///< the epoch: there is no message
  bool tells_copies = false; ///< it knows of leaders
  std::string cluster;     ///< the leader's; empty: a server on its own
  std::string leader;      ///< a server's name; empty: there is none
  std::vector<copy_facts> copies;
  bool is_moving = false;  ///< to other servers, or to more or fewer; only nats-server 2.15 and later tell
  std::string waits_for;   ///< what a move waits for in the server's words, if it tells

  stream_facts() = default;
};
answer_of<stream_facts> parse_stream_facts(std::string_view text);

/// How full something is.
struct storage_use {
  std::uint64_t used = 0;
  std::int64_t limit = 0; ///< 0 or less: none
};

/// The answer of $JS.API.INFO: of the account, or of its tier for streams with so many replicas.
struct account_facts {
  int api_level = 0; ///< 0: before 2.11
  storage_use file;
  storage_use memory;
};
answer_of<account_facts> parse_account_facts(std::string_view text, std::int64_t replicas);

/// What one server says of itself, on its page `/varz` or to the system account.
struct server_report {
  std::string name;
  std::string version;
  bool has_jetstream = false;
  bool syncs_always = false;
  std::optional<std::chrono::nanoseconds> sync_interval; ///< none: it does not tell
  storage_use file;

  server_report() = default;
};
/// None: it is no such report.
std::optional<server_report> parse_server_report(std::string_view text);

struct doctor_facts {
  stream_facts stream;
  std::optional<account_facts> account;
  std::string no_account; ///< why there is none
  std::string version;    ///< of the server that is connected to; empty: not told
  std::vector<server_report> servers;
  std::vector<std::pair<std::string, std::string>> silent; ///< who was to report and did not, and why
  std::chrono::nanoseconds operation_timeout = std::chrono::seconds(10);
  time_point now{};

  doctor_facts() = default;
};

} // namespace aether::nats::detail
