// The way from the library to a logger: levels, and texts from outside made safe.
#include <aether/logging.hpp>

#include "detail/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <vector>

namespace aether {
namespace {

constexpr std::size_t most_fields = 16;

std::string text_of(log_field::value_type const& value) {
  if (auto const* text = std::get_if<std::string_view>(&value))
    return '"' + std::string(*text) + '"'; // write() was handed it escaped
  if (auto const* yes = std::get_if<bool>(&value))
    return *yes ? "true" : "false";
  char digits[32];
  auto const end = std::visit(
      [&](auto number) -> char* {
        if constexpr (std::is_arithmetic_v<decltype(number)> && !std::is_same_v<decltype(number), bool>)
          return std::to_chars(digits, digits + sizeof digits, number).ptr;
        else
          return digits;
      },
      value);
  return std::string(digits, end);
}

} // namespace

std::string_view to_string(log_level level) noexcept {
  switch (level) {
  case log_level::trace:
    return "trace";
  case log_level::debug:
    return "debug";
  case log_level::info:
    return "info";
  case log_level::warning:
    return "warning";
  case log_level::error:
    return "error";
  case log_level::off:
    break;
  }
  return "off";
}

void logger::log(log_level level, std::string_view message, std::initializer_list<log_field> fields) noexcept {
  if (!takes(level))
    return;
  try {
    std::vector<log_field> safe(fields.begin(), fields.begin() + std::min(fields.size(), most_fields));
    std::deque<std::string> escaped;
    for (auto& field : safe)
      if (auto* text = std::get_if<std::string_view>(&field.value); text && !detail::is_printable(*text))
        field.value = std::string_view(escaped.emplace_back(detail::escaped(*text)));
    write(level, message, safe);
  } catch (...) { // no memory: the record is lost
  }
}

std::string to_line(std::string_view message, std::span<log_field const> fields) {
  std::string line(message);
  for (auto const& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    line += text_of(field.value);
  }
  return line;
}

} // namespace aether
