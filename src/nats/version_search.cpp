// Finds the first event of an actor whose version is not smaller than a given one, by asking for few messages.
#include "nats/version_search.hpp"

#include <algorithm>
#include <limits>

namespace aether::nats::detail {
namespace {

std::uint64_t after(std::uint64_t sequence) noexcept {
  return sequence != std::numeric_limits<std::uint64_t>::max() ? sequence + 1 : sequence;
}

} // namespace

version_search::version_search(std::int64_t version, std::uint64_t first_sequence, std::uint64_t last_sequence,
                               std::int64_t last_version) noexcept
    : wanted_(version), begin_(std::max<std::uint64_t>(first_sequence, 1)), end_(last_sequence) {
  if (last_version >= version && last_sequence != 0)
    candidate_ = probed_message{last_sequence, last_version};
  else
    end_ = begin_; // nothing to look for
}

search_step version_search::on_probe(std::optional<probed_message> message) noexcept {
  if (message && candidate_ && message->sequence >= end_ && message->sequence <= candidate_->sequence) {
    end_ = pivot_; // nothing stands between the pivot and what is known
    return next();
  }
  if (message && !message->version) {
    std::uint64_t const following = after(std::max(message->sequence, asked_));
    if (candidate_ && message->sequence < end_ && following >= end_) {
      end_ = pivot_; // nothing but malformed messages stands there
      return next();
    }
    if (following > message->sequence)
      return probe(following); // the next message speaks for the pivot
  }
  if (message && message->version && *message->version < wanted_) {
    begin_ = after(std::max(message->sequence, pivot_));
    version_below_ = *message->version;
  } else {
    end_ = pivot_;
    candidate_ = message && message->version ? message : std::nullopt; // what was known there before is gone
  }
  return next();
}

search_step version_search::next() noexcept {
  bool const exact = candidate_ && candidate_->version == wanted_;
  if (begin_ < end_ && !exact) {
    pivot_ = guess();
    halve_ = !halve_;
    return probe(pivot_);
  }
  if (!candidate_)
    return {};
  return {search_do::found, candidate_->sequence, *candidate_->version};
}

search_step version_search::probe(std::uint64_t sequence) noexcept {
  asked_ = sequence;
  return {search_do::probe, sequence, 0};
}

std::uint64_t version_search::guess() const noexcept {
  if (wanted_ - version_below_ == 1)
    return begin_; // the next event is the one
  std::uint64_t const length = end_ - begin_;
  if (halve_ || !candidate_)
    return begin_ + length / 2;
  // Half a version early: the probe goes on from there to the next message.
  double const share = (static_cast<double>(wanted_ - version_below_) - 0.5) /
                       (static_cast<double>(*candidate_->version) - static_cast<double>(version_below_));
  double const offset = share * static_cast<double>(length);
  if (offset >= static_cast<double>(length - 1)) // also of a length that no double holds
    return end_ - 1;
  return begin_ + static_cast<std::uint64_t>(std::max(offset, 0.0));
}

} // namespace aether::nats::detail
