// Turns an actor's stored messages into its history.
#include "nats/history_builder.hpp"

#include <aether/error.hpp>

#include <algorithm>

namespace aether::nats::detail {

void history_builder::on_expected(std::uint64_t count) {
  auto const room = std::min<std::uint64_t>(count, limits_.events - std::min(limits_.events, result_.events.size()));
  // Once: what is already there would have to be moved. Capped, as it is the server that says how many come.
  if (result_.events.empty())
    result_.events.reserve(std::min<std::uint64_t>(room, 1'000'000));
}

bool history_builder::on_message(message_view const& message) {
  auto& read = result_.events.emplace_back();
  parse_error bad;
  if (!parse_stored_event(subjects_, actor_id_, message.data(), read, bad)) {
    result_.events.pop_back();
    if (bad.code == errc::actor_mismatch)
      throw error(bad.code, bad.reason);
    return on_malformed(message, bad.code, std::move(bad.reason));
  }
  if (read.version <= last_version_) {
    auto reason = R"(field "version": )" + std::to_string(read.version) + " stands behind version " +
                  std::to_string(last_version_);
    result_.events.pop_back();
    return on_malformed(message, errc::version_order, std::move(reason));
  }
  if (first_version_ == 0)
    first_version_ = read.version;
  last_version_ = read.version;
  if (read.version <= after_version_) {
    result_.events.pop_back();
    result_.errors.clear();
    bytes_ = 0;
    return true;
  }
  count(message.data().size());
  return true;
}

bool history_builder::on_malformed(message_view const& message, boost::system::error_code error, std::string reason) {
  if (log_)
    log_->malformed(message.sequence(), error);
  if (!keep_errors_) {
    ++skipped_;
    return true;
  }
  auto const sequence = message.sequence();
  if (sequence == 0)
    return false;
  auto& e = result_.errors.emplace_back();
  e.sequence = sequence;
  e.raw_data = message.data();
  e.error = error;
  e.reason = std::move(reason);
  count(message.data().size());
  return true;
}

void history_builder::count(std::size_t bytes) {
  bytes_ += bytes;
  auto const too_many = result_.events.size() + result_.errors.size() > limits_.events;
  if (!too_many && bytes_ <= limits_.bytes)
    return;
  auto const limit = too_many ? "max_history_events (" + std::to_string(limits_.events) + ")"
                              : "max_history_bytes (" + std::to_string(limits_.bytes) + ")";
  throw error(errc::history_too_long,
              "actor \"" + actor_id_ + "\" has more behind version " + std::to_string(after_version_) + " than " +
                  limit + " allows one call: read from a later version, as from a snapshot's, or raise the limit");
}

} // namespace aether::nats::detail
