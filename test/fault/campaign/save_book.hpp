// What callers were told of their saves, held against the stream as the protocol alone reads it, and against what a
// fresh store says when it saves the same events again.
#pragma once

#include <aether/event_store.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether::fault {

struct told_save {
  std::vector<event> batch; ///< or one event
  save_options options{};
  std::optional<save_outcome> outcome; ///< none: it failed, or its caller is gone
  boost::system::error_code error;     ///< none and no outcome: its caller is gone
  bool may_conflict = false;           ///< another writer has its version

  told_save() = default;
  bool is_saved() const { return outcome && std::holds_alternative<saved>(*outcome); }
  bool is_not_stored() const;
};

/// Thread-safe but for check().
class save_book {
public:
  void add(told_save told);
  std::size_t size() const;
  void clear();
  /// What is wrong, in words; empty when nothing is.
  std::vector<std::string> check(std::uint16_t port, std::string const& stream) const;

private:
  mutable std::mutex mutex_;
  std::vector<told_save> list_;
};

} // namespace aether::fault
