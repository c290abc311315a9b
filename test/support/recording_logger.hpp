// A logger that keeps all it is told, for tests that ask what was.
#pragma once

#include <aether/logging.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aether::test {

class recording_logger final : public logger {
public:
  struct record {
    log_level level = log_level::off;
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields; ///< texts in quotes, as to_line() has them

    record() = default;
    /// Empty: there is no such field.
    std::string operator[](std::string_view name) const {
      auto const found = std::find_if(fields.begin(), fields.end(), [&](auto const& f) { return f.first == name; });
      return found == fields.end() ? std::string() : found->second;
    }
  };

  explicit recording_logger(log_level least = log_level::trace) : logger(least) {}

  std::vector<record> records() const {
    std::lock_guard lock(mutex_);
    return records_;
  }
  std::vector<record> records(std::string_view message) const {
    auto all = records();
    std::erase_if(all, [&](record const& r) { return r.message != message; });
    return all;
  }
  std::size_t count(std::string_view message) const { return records(message).size(); }
  /// Everything, a line for each record.
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

private:
  void write(log_level level, std::string_view message, std::span<log_field const> fields) noexcept override {
    record r;
    r.level = level;
    r.message = message;
    for (auto const& f : fields)
      r.fields.emplace_back(f.name, to_line({}, {&f, 1}).substr(f.name.size() + 2));
    auto line = std::string(to_string(level)) + ' ' + to_line(message, fields) + '\n';
    std::lock_guard lock(mutex_);
    records_.push_back(std::move(r));
    text_ += line;
  }

  mutable std::mutex mutex_;
  std::vector<record> records_;
  std::string text_;
};

} // namespace aether::test
