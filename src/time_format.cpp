// Times as RFC 3339 text, and back.
#include <aether/json.hpp>

#include "detail/time_text.hpp"

namespace aether {
namespace detail {
namespace {

constexpr std::int64_t nanoseconds_of_a_second = 1'000'000'000;

char* put_digits(char* out, unsigned value, int count) noexcept {
  for (int i = count - 1; i >= 0; --i, value /= 10)
    out[i] = static_cast<char>('0' + value % 10);
  return out + count;
}

/// Reads the parts of a time from left to right; what does not fit makes it fail, and it stays failed.
class time_reader {
public:
  explicit time_reader(std::string_view text) noexcept : p_(text.data()), end_(p_ + text.size()) {}

  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return p_ == end_; }
  bool next_is(char c) const noexcept { return p_ != end_ && *p_ == c; }

  char any_of(std::string_view allowed) noexcept {
    if (p_ == end_ || allowed.find(*p_) == std::string_view::npos) {
      failed_ = true;
      return '\0';
    }
    return *p_++;
  }

  int digits(int count, int low, int high) noexcept {
    int value = 0;
    for (int i = 0; i < count; ++i)
      value = value * 10 + digit();
    failed_ = failed_ || value < low || value > high;
    return value;
  }

  /// One or more digits behind the point, as nanoseconds; those after the ninth are cut off.
  std::int64_t fraction() noexcept {
    std::int64_t value = digit();
    int count = 1;
    for (; p_ != end_ && *p_ >= '0' && *p_ <= '9'; ++p_)
      if (count < 9) {
        value = value * 10 + (*p_ - '0');
        ++count;
      }
    for (; count < 9; ++count)
      value *= 10;
    return value;
  }

private:
  int digit() noexcept {
    if (p_ == end_ || *p_ < '0' || *p_ > '9') {
      failed_ = true;
      return 0;
    }
    return *p_++ - '0';
  }

  char const* p_;
  char const* end_;
  bool failed_ = false;
};

/// Seconds and nanoseconds since the epoch as a time_point; what it cannot hold becomes its first or last.
time_point clamped(std::int64_t seconds, std::int64_t nanoseconds) noexcept {
  constexpr std::int64_t last = time_point::max().time_since_epoch().count();
  constexpr std::int64_t last_second = last / nanoseconds_of_a_second;
  constexpr std::int64_t last_rest = last % nanoseconds_of_a_second;
  constexpr std::int64_t first_second = -last_second - 1; // min() lies last_rest + 1 before -last_second
  if (seconds > last_second || (seconds == last_second && nanoseconds > last_rest))
    return time_point::max();
  if (seconds < first_second || (seconds == first_second && nanoseconds < nanoseconds_of_a_second - last_rest - 1))
    return time_point::min();
  if (seconds < 0) // from above, so that the product stays in range
    return time_point(
        std::chrono::nanoseconds((seconds + 1) * nanoseconds_of_a_second + (nanoseconds - nanoseconds_of_a_second)));
  return time_point(std::chrono::nanoseconds(seconds * nanoseconds_of_a_second + nanoseconds));
}

} // namespace

std::size_t write_time(time_text& text, time_point t) noexcept {
  std::int64_t const count = t.time_since_epoch().count();
  std::int64_t seconds = count / nanoseconds_of_a_second;
  std::int64_t nanoseconds = count % nanoseconds_of_a_second;
  if (nanoseconds < 0) {
    nanoseconds += nanoseconds_of_a_second;
    --seconds;
  }
  std::chrono::sys_seconds const second{std::chrono::seconds(seconds)};
  auto const day = std::chrono::floor<std::chrono::days>(second);
  std::chrono::year_month_day const date{day};
  auto const of_day = static_cast<unsigned>((second - day).count());

  char* p = put_digits(text.data(), static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *p++ = '-';
  p = put_digits(p, static_cast<unsigned>(date.month()), 2);
  *p++ = '-';
  p = put_digits(p, static_cast<unsigned>(date.day()), 2);
  *p++ = 'T';
  p = put_digits(p, of_day / 3600, 2);
  *p++ = ':';
  p = put_digits(p, of_day / 60 % 60, 2);
  *p++ = ':';
  p = put_digits(p, of_day % 60, 2);
  if (nanoseconds != 0) {
    *p++ = '.';
    p = put_digits(p, static_cast<unsigned>(nanoseconds), 9);
    while (p[-1] == '0')
      --p;
  }
  *p++ = 'Z';
  return static_cast<std::size_t>(p - text.data());
}

} // namespace detail

std::string format_time(time_point t) {
  detail::time_text text;
  std::size_t const length = detail::write_time(text, t);
  return std::string(text.data(), length);
}

bool parse_time(std::string_view text, time_point& out) noexcept {
  detail::time_reader in(text);
  int const year = in.digits(4, 0, 9999);
  in.any_of("-");
  int const month = in.digits(2, 1, 12);
  in.any_of("-");
  int const day = in.digits(2, 1, 31);
  in.any_of("Tt");
  int const hour = in.digits(2, 0, 23);
  in.any_of(":");
  int const minute = in.digits(2, 0, 59);
  in.any_of(":");
  int const second = in.digits(2, 0, 60);
  std::int64_t nanoseconds = 0;
  if (in.next_is('.')) {
    in.any_of(".");
    nanoseconds = in.fraction();
  }
  int offset_minutes = 0;
  if (char const zone = in.any_of("Zz+-"); zone == '+' || zone == '-') {
    int const hours = in.digits(2, 0, 23);
    in.any_of(":");
    offset_minutes = hours * 60 + in.digits(2, 0, 59);
    if (zone == '-')
      offset_minutes = -offset_minutes;
  }
  if (in.failed() || !in.at_end())
    return false;

  std::chrono::year_month_day const date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok())
    return false;
  std::int64_t const minutes =
      std::int64_t(std::chrono::sys_days(date).time_since_epoch().count()) * 1440 + hour * 60 + minute - offset_minutes;
  // A leap second ends a UTC day and nothing else; it reads as the second after it, which is where clocks that
  // have none stand by then.
  if (second == 60 && (minutes % 1440 + 1440) % 1440 != 1439)
    return false;
  out = detail::clamped(minutes * 60 + second, nanoseconds);
  return true;
}

} // namespace aether
