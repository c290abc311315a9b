// Who is shown the messages that a reader fetches, one by one and in order.
#pragma once

#include "nats/native_message.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aether::nats::detail {

/// A stored message as it came: lives only while it is shown.
class message_view {
public:
  message_view(std::string_view data, std::uint64_t sequence) noexcept : data_(data), sequence_(sequence) {}
  /// Of a direct get: the sequence stands in its headers, which cost more to read than all the rest.
  explicit message_view(native_message const& direct) noexcept : data_(direct.data()), direct_(&direct) {}

  std::string_view data() const noexcept { return data_; }
  /// 0: its headers, written by another client, cannot be read.
  std::uint64_t sequence() const noexcept;

private:
  std::string_view data_;
  std::uint64_t sequence_ = 0;
  native_message const* direct_ = nullptr;
};

class message_visitor {
public:
  /// About so many messages are still to come.
  virtual void on_expected(std::uint64_t) {}
  /// False: it needs the sequence and there is none, so this message is to be read in another way and shown again.
  /// What it throws ends the reading.
  virtual bool on_message(message_view const& message) = 0;

protected:
  ~message_visitor() = default;
};

} // namespace aether::nats::detail
