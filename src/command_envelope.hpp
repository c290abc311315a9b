// A command on its way to another node, and the answer to it, as JSON: version 1 of both. See docs/interoperability.md.
#pragma once

#include <aether/actor_options.hpp>
#include <aether/placement.hpp>

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace aether::detail {

struct command_envelope {
  std::string type, actor_id, command_id;
  boost::json::object data;
  aether::metadata metadata;
  bool maybe_repeated = false;
  std::chrono::milliseconds timeout{}; ///< from when it is received; 0: the receiver's own
  std::int64_t hop = 0; ///< nodes that had it before, and named the next one
  lease_stamp stamp; ///< of the receiver, as the sender knows it
  std::string from; ///< the sender's node; for people

  command_envelope() = default;
};

/// Throws invalid_argument when the data holds what JSON cannot, data_too_deep.
std::string to_text(command_envelope const& e);

enum class envelope_fault { none, malformed, other_version };
/// `why` is filled when there is a fault; it holds nothing of what the command carries.
envelope_fault parse_envelope(std::string_view text, command_envelope& out, std::string& why);

struct command_answer {
  enum class end {
    done,
    rejected,
    failed, ///< nothing is stored, but for outcome_unknown
    moved, ///< it is another node's, and nothing was done here
  };
  end how = end::failed;
  command_result result;
  rejection reason;
  errc error = errc::protocol_error;
  std::string text; ///< of failed
  std::string owner; ///< of moved; empty: not known

  command_answer() = default;
};

std::string to_text(command_answer const& a);
/// False: it is not understood, and so nothing is known of the command.
bool parse_answer(std::string_view text, command_answer& out, std::string& why);

} // namespace aether::detail
