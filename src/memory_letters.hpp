// The dead letters of one group of an embedded store, and those that wait to be handed out again.
#pragma once

#include "memory_log.hpp"

#include <aether/group_source.hpp>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace aether::detail {

/// Outlives its group. Thread-safe.
class memory_letters {
public:
  memory_letters(std::string group, std::shared_ptr<stream_identity const> stream)
      : group_(std::move(group)), stream_(std::move(stream)) {}

  /// A letter of the same event is replaced.
  void add(stored_event const& e, dead_letter_note const& note);
  /// The first letter behind this number.
  std::optional<dead_letter> after(std::uint64_t number) const;
  /// Removes it; retried, its event waits to be handed out again. False: it is not there.
  bool remove(dead_letter const& letter, bool retry);

  std::optional<std::uint64_t> take_retry();
  void put_retry(std::uint64_t sequence);
  bool has_retry() const;

private:
  std::string const group_;
  std::shared_ptr<stream_identity const> const stream_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, dead_letter> letters_; // by their numbers
  std::map<std::uint64_t, std::uint64_t> numbers_; // by the events' sequences
  std::uint64_t last_number_ = 0;
  std::deque<std::uint64_t> retries_;
};

/// One that is at its end when the group never had a letter.
std::shared_ptr<dead_letter_source> make_memory_letter_list(std::shared_ptr<memory_log> log,
                                                            std::shared_ptr<memory_letters> letters);

} // namespace aether::detail
