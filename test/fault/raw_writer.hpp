// Small writers by the protocol alone, right and wrong ones: the harness has to tell them apart.
#pragma once

#include "fault/history_file.hpp"
#include "fault/wire_client.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aether::fault {

enum class mistake {
  none,
  trusts_duplicate,               ///< takes "duplicate" for "my event is stored"
  takes_a_timeout_for_a_failure,  ///< no answer: not stored
  expects_nothing_of_a_new_actor, ///< leaves the expectation out for the first event
  knows_only_10071,               ///< any other error answer: failed, though the server said "not now"
  looks_only_at_the_last_message, ///< to learn what has become of an unanswered one, which others may follow
  sends_what_was_not_sent,        ///< as cnats does when it reconnects: what was told to have failed goes out then
};

class raw_writer {
public:
  raw_writer(std::uint16_t port, std::string stream, history_writer& log, mistake m)
      : port_(port), stream_(std::move(stream)), log_(log), mistake_(m) {}

  /// Saves an event of the given id behind the message at `last` (0: the actor is new to this writer) and logs how it
  /// ended. Waits for each answer for `patience` at most, then, if it is right, finds out what has become of it.
  operation save(std::string const& actor_id, std::int64_t version, std::string const& id, std::uint64_t last,
                 std::chrono::milliseconds patience = std::chrono::seconds(2));

private:
  void publish(operation& o, std::string const& data, std::uint64_t last, std::chrono::milliseconds patience);
  void resolve(operation& o, std::string const& data, std::uint64_t& last);
  bool is_stored_at(std::uint64_t sequence, std::string const& data);
  std::string subject_of(std::string const& actor_id) const { return stream_ + ".events." + actor_id; }

  std::uint16_t const port_;
  std::string const stream_;
  history_writer& log_;
  mistake const mistake_;
  std::vector<std::pair<operation, std::string>> not_sent_; // with the data
};

} // namespace aether::fault
