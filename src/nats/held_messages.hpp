// Messages that have come from a consumer and are taken one by one, freed many at once.
#pragma once

#include "nats/consumer_inbox.hpp"

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace aether::nats::detail {

/// What was taken last stays until the next one is taken.
class held_messages {
public:
  /// Of a message beside its data, as it counts here and at the server: subject, reply subject, headers.
  static constexpr std::size_t overhead = 400;
  static std::size_t size_of(delivered_message const& d) noexcept { return d.message.data().size() + overhead; }

  bool empty() const noexcept { return taken_ == messages_.size(); }
  std::size_t size() const noexcept { return messages_.size() - taken_; }
  delivered_message const& front() const noexcept { return messages_[taken_]; }

  /// The view of it lives until the next call that changes anything.
  delivered_message const& take() {
    auto const& d = messages_[taken_++];
    spent_bytes_ += size_of(d);
    if (taken_ - freed_ > freed_at_once || spent_bytes_ > freed_bytes_at_once) {
      for (; freed_ + 1 < taken_; ++freed_)
        messages_[freed_].message = {};
      spent_bytes_ = size_of(d);
    }
    return d;
  }
  void add(std::vector<delivered_message> come) {
    if (empty()) {
      clear();
      messages_ = std::move(come);
    } else {
      std::move(come.begin(), come.end(), std::back_inserter(messages_));
    }
  }
  void clear() noexcept {
    messages_.clear();
    taken_ = freed_ = spent_bytes_ = 0;
  }

private:
  // Freeing one alone costs more than all else that is done with it: see spent_messages.
  static constexpr std::size_t freed_at_once = 1024;
  static constexpr std::size_t freed_bytes_at_once = 1024 * 1024;

  std::vector<delivered_message> messages_;
  std::size_t taken_ = 0;
  std::size_t freed_ = 0;
  std::size_t spent_bytes_ = 0; // taken and not freed
};

} // namespace aether::nats::detail
