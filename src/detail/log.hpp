// Logging inside the library: of a record that nobody takes nothing is made.
#pragma once

#include <aether/logging.hpp>

#include <initializer_list>
#include <memory>
#include <string_view>

namespace aether::detail {

/// `if (log_at const log{to, log_level::warning}) log("what happened", {{"stream", name}});`: the fields are made only
/// when the logger, if there is one, takes the level. Lives no longer than what it was made of.
class log_at {
public:
  log_at(std::shared_ptr<logger> const& to, log_level level) noexcept
      : to_(to && to->takes(level) ? to.get() : nullptr), level_(level) {}

  explicit operator bool() const noexcept { return to_ != nullptr; }
  void operator()(std::string_view message, std::initializer_list<log_field> fields = {}) const noexcept {
    if (to_)
      to_->log(level_, message, fields);
  }

private:
  logger* to_;
  log_level level_;
};

} // namespace aether::detail
