// Turns an actor's stored messages into its history: parsed, in version order, within limits, faults set aside.
#pragma once

#include "nats/leader_reads.hpp"
#include "nats/message_visitor.hpp"
#include "nats/store_log.hpp"

#include <aether/replay.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace aether::nats::detail {

struct history_limits {
  std::size_t events = 0;
  std::size_t bytes = 0; ///< of the messages as stored
};

/// An event whose version is not greater than the one before it is an error too (version_order): versions increase
/// along a subject, and nothing else may be taken for the history. Malformed messages are reported from the last event
/// not wanted on. Throws history_too_long and actor_mismatch.
class history_builder final : public message_visitor {
public:
  history_builder(subject_map const& subjects, std::string actor_id, std::int64_t after_version, bool keep_errors,
                  history_limits limits, store_log* log = nullptr)
      : subjects_(subjects), actor_id_(std::move(actor_id)), after_version_(after_version), keep_errors_(keep_errors),
        limits_(limits), log_(log) {}

  void on_expected(std::uint64_t count) override;
  bool on_message(message_view const& message) override;

  std::int64_t first_version() const noexcept { return first_version_; } ///< of all events seen, 0: there was none
  std::uint64_t skipped() const noexcept { return skipped_; } ///< malformed ones that are not in the result
  replay_result take() noexcept { return std::move(result_); }

private:
  bool on_malformed(message_view const& message, boost::system::error_code error, std::string reason);
  void count(std::size_t bytes);

  subject_map const& subjects_;
  std::string const actor_id_;
  std::int64_t const after_version_;
  bool const keep_errors_;
  history_limits const limits_;
  store_log* const log_;
  replay_result result_;
  std::uint64_t skipped_ = 0;
  std::int64_t first_version_ = 0;
  std::int64_t last_version_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace aether::nats::detail
