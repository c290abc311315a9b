// Reading a sorted list in pages by offset while it changes: which part of a page is new, and where the next begins.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// Entries that come move what is behind them to later offsets, and would show again; those that go move it to earlier
/// ones, and would be missed. So each page begins before the end of the last one: what is not behind it is a repeat,
/// and when everything is new, something may have been missed and an earlier page has to be read.
class subject_pages {
public:
  static constexpr std::uint64_t overlap = 1'000;

  /// Where the next page begins.
  std::uint64_t offset() const noexcept { return offset_; }
  bool ended() const noexcept { return ended_; }

  /// A page came; `first` is its smallest subject, "" when it is empty. False: nothing of it may be used, go on with
  /// offset().
  bool on_page(std::string_view first, std::uint64_t count, std::uint64_t total) {
    if (offset_ > 0 && (count == 0 || first > last_) && !last_.empty()) {
      offset_ -= std::min(offset_, step_);
      step_ *= 2;
      return false;
    }
    step_ = overlap;
    auto const end = offset_ + count;
    ended_ = count == 0 || end >= total;
    offset_ = end - std::min(end, overlap);
    return true;
  }
  bool is_new(std::string_view subject) const noexcept { return last_.empty() || subject > last_; }
  /// The greatest subject of a page that was used.
  void reached(std::string_view last) {
    if (last > last_)
      last_ = last;
  }

private:
  std::uint64_t offset_ = 0;
  std::uint64_t step_ = overlap;
  std::string last_;
  bool ended_ = false;
};

} // namespace aether::nats::detail
