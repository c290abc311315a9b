// What the library tells whoever operates it: a level, a message, and fields.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace aether {

enum class log_level {
  trace,   ///< each step: for whoever looks for a defect
  debug,
  info,    ///< what happens a few times a day: connected, opened, closed
  warning, ///< it goes on by itself, and somebody should know: reconnecting, an unknown save, a malformed message
  error,   ///< it does not go on by itself
  off,     ///< as a logger's least level: nothing
};

std::string_view to_string(log_level level) noexcept;

/// One named value. Names are literals; a text lives as long as the call that hands it out.
struct log_field {
  using value_type = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  std::string_view name;
  value_type value;

  log_field(std::string_view n, std::string_view text) noexcept : name(n), value(text) {}
  log_field(std::string_view n, char const* text) noexcept : name(n), value(std::string_view(text)) {}
  log_field(std::string_view n, std::string const& text) noexcept : name(n), value(std::string_view(text)) {}
  log_field(std::string_view n, bool b) noexcept : name(n), value(b) {}
  log_field(std::string_view n, double d) noexcept : name(n), value(d) {}
  template <std::signed_integral Number>
  log_field(std::string_view n, Number number) noexcept : name(n), value(static_cast<std::int64_t>(number)) {}
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  log_field(std::string_view n, Number number) noexcept : name(n), value(static_cast<std::uint64_t>(number)) {}
};

/// Derive from it and hand it to a connection, a store or a bus. What stands in texts from outside (ids, a server's
/// words) reaches write() with control characters, backslashes and bytes that are no UTF-8 escaped; no payload and no
/// secret is ever logged.
///
/// Thread-safe: write() is called from any thread, from several at once, and on the threads that do the work: be quick,
/// throw nothing, and do not call the object that logs. A logger lives as long as anything that was given it.
class logger {
public:
  explicit logger(log_level least = log_level::info) noexcept : least_(least) {}
  virtual ~logger() = default;

  /// Below this nothing is formatted and write() is not called.
  log_level least() const noexcept { return least_.load(std::memory_order_relaxed); }
  void set_least(log_level level) noexcept { least_.store(level, std::memory_order_relaxed); }
  bool takes(log_level level) const noexcept { return level >= least() && level != log_level::off; }

  /// Hands on what the level lets pass. At most 16 fields; further ones are left out.
  void log(log_level level, std::string_view message, std::initializer_list<log_field> fields = {}) noexcept;

protected:
  logger(logger const&) = delete;
  logger& operator=(logger const&) = delete;

private:
  /// The message is a literal of this library, a sentence without values. The texts live until it returns.
  virtual void write(log_level level, std::string_view message, std::span<log_field const> fields) noexcept = 0;

  std::atomic<log_level> least_;
};

/// `message name=value name="text"`, as most log files have it.
std::string to_line(std::string_view message, std::span<log_field const> fields);

} // namespace aether
