// The dead letters of one group of an embedded store.
#include "memory_letters.hpp"

#include "memory_feeds.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

class letter_list final : public dead_letter_source, public std::enable_shared_from_this<letter_list> {
public:
  letter_list(std::shared_ptr<memory_log> log, std::shared_ptr<memory_letters> letters)
      : log_(std::move(log)), letters_(std::move(letters)) {}

  awaitable<std::optional<dead_letter>> next(call_options) override { return next_letter(shared_from_this()); }

private:
  static awaitable<std::optional<dead_letter>> next_letter(std::shared_ptr<letter_list> self) {
    self->log_->check_open();
    auto letter = self->letters_->after(self->last_);
    if (letter)
      self->last_ = letter->number;
    co_return letter;
  }

  std::shared_ptr<memory_log> const log_;
  std::shared_ptr<memory_letters> const letters_;
  std::uint64_t last_ = 0;
};

} // namespace

void memory_letters::add(stored_event const& e, dead_letter_note const& note) {
  dead_letter letter;
  letter.group = group_;
  letter.position = place_of(e, *stream_);
  letter.sequence = e.sequence;
  letter.stored = e.stored;
  letter.cause = note.cause;
  letter.reason = note.reason;
  letter.attempts = note.attempts;
  letter.bytes = to_json(e.value);
  letter.event = e.value;
  letter.given_up = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  std::lock_guard lock(mutex_);
  auto& number = numbers_[e.sequence];
  letters_.erase(number);
  number = ++last_number_;
  letter.number = number;
  letters_.emplace(number, std::move(letter));
}

std::optional<dead_letter> memory_letters::after(std::uint64_t number) const {
  std::optional<dead_letter> found;
  std::lock_guard lock(mutex_);
  if (auto const next = letters_.upper_bound(number); next != letters_.end())
    found = next->second;
  return found;
}

bool memory_letters::remove(dead_letter const& letter, bool retry) {
  std::lock_guard lock(mutex_);
  auto const found = numbers_.find(letter.sequence);
  if (found == numbers_.end())
    return false;
  letters_.erase(found->second);
  numbers_.erase(found);
  if (retry)
    retries_.push_back(letter.sequence);
  return true;
}

std::optional<std::uint64_t> memory_letters::take_retry() {
  std::optional<std::uint64_t> first;
  std::lock_guard lock(mutex_);
  if (!retries_.empty()) {
    first = retries_.front();
    retries_.pop_front();
  }
  return first;
}

void memory_letters::put_retry(std::uint64_t sequence) {
  std::lock_guard lock(mutex_);
  if (std::find(retries_.begin(), retries_.end(), sequence) == retries_.end())
    retries_.push_back(sequence);
}

bool memory_letters::has_retry() const {
  std::lock_guard lock(mutex_);
  return !retries_.empty();
}

std::shared_ptr<dead_letter_source> make_memory_letter_list(std::shared_ptr<memory_log> log,
                                                            std::shared_ptr<memory_letters> letters) {
  return std::make_shared<letter_list>(std::move(log), std::move(letters));
}

} // namespace aether::detail
