// The answer to a publish: read, and sorted by what a save has to do about it.
#pragma once

#include "nats/api_answer.hpp"
#include "nats/save_machine.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aether::nats::detail {

struct publish_ack {
  std::string stream;
  std::uint64_t sequence = 0; ///< of the stored message, or of the one this is a duplicate of
  bool duplicate = false;
  std::string batch;          ///< of a batch's commit: its id
  std::uint64_t count = 0;    ///< of a batch's commit: its messages
  std::string domain;
  std::optional<api_error> error;
};

/// Reads an acknowledgement, into strings whose capacity is used again. False when it is not understood: nothing
/// is known about the message then. The empty text, which answers a batch's messages before the commit, is not
/// understood either: look for it first.
bool parse_publish_ack(std::string_view text, publish_ack& out);

struct publish_verdict {
  publish_answer answer = publish_answer::unanswered;
  std::uint64_t sequence = 0;      ///< of stored and duplicate
  boost::system::error_code error; ///< of rejected; of try_again and id_refused what it was, for messages
};

/// Sorts an acknowledgement that was parsed; `stream` is the one the message was for. Rejected is only what is
/// certainly not stored there.
publish_verdict classify(publish_ack const& ack, std::string_view stream);

/// Both at once; what is not understood counts as unanswered, with protocol_error.
publish_verdict classify(std::string_view text, std::string_view stream, publish_ack& ack);

} // namespace aether::nats::detail
