// What a retry decides after a failed attempt: whether there is another one, and after which pause. Pure.
#pragma once

#include <aether/retry.hpp>

#include <optional>

namespace aether::detail {

/// How an attempt failed.
struct attempt_failure {
  boost::system::error_code code;           ///< none: an outcome that is to be tried again
  std::optional<version_conflict> conflict; ///< with code version_conflict
  std::chrono::nanoseconds not_before{};    ///< trying again sooner is known to be in vain

  attempt_failure() = default;
};

struct retry_verdict {
  std::optional<retry_end> end;     ///< none: it is tried again
  std::chrono::nanoseconds pause{}; ///< before that
};

class retry_machine {
public:
  /// Of options without zeros, which live as long as this does.
  explicit retry_machine(retry_options const& options) : options_(&options) {}

  /// The next attempt begins, that long after the first.
  retry_attempt const& begin_attempt(std::chrono::nanoseconds elapsed);
  /// The attempt failed. `random` is for jitter, from [0, 1).
  retry_verdict on_failure(attempt_failure failure, std::chrono::nanoseconds elapsed, double random);

  int attempts() const noexcept { return attempt_.number; }

private:
  void count_conflict(version_conflict const& conflict);
  std::optional<retry_end> usual_end(attempt_failure const& failure) const;
  std::chrono::nanoseconds usual_pause(attempt_failure const& failure, double random) const;

  retry_options const* options_;
  retry_attempt attempt_ = first();
  int conflicts_at_version_ = 0;
  std::int64_t conflict_version_ = 0;

  static retry_attempt first() {
    retry_attempt none;
    none.number = 0;
    return none;
  }
};

} // namespace aether::detail
