// Making rows, and text that may be shown.
#include "cli/row.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace aether::cli {

std::string shown(std::string_view text) {
  std::string out;
  for (;;) {
    auto const at = text.find_first_of("\"\\");
    out += aether::detail::escaped(text.substr(0, at));
    if (at == std::string_view::npos)
      return out;
    out += text[at];
    text.remove_prefix(at + 1);
  }
}

std::size_t width_of(std::string_view text) noexcept {
  std::size_t width = 0;
  for (char const c : text)
    width += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u ? 1 : 0;
  return width;
}

std::string shown_bytes(std::uint64_t bytes) {
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  static constexpr std::array units{"KB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
  return text.data();
}

std::string shown_time(time_point t) {
  return t == time_point{} ? "-" : format_time(std::chrono::floor<std::chrono::seconds>(t));
}

std::string json_text(std::string_view text) {
  std::string valid;
  char const* p = text.data();
  char const* const end = p + text.size();
  while (p != end) {
    if (auto const length = aether::detail::utf8_sequence(p, end); length > 0) {
      valid.append(p, length);
      p += length;
    } else {
      valid += "\xEF\xBF\xBD";
      ++p;
    }
  }
  return boost::json::serialize(boost::json::string_view(valid.data(), valid.size()));
}

std::string json_list(std::vector<std::string> const& names) {
  std::string out = "[";
  for (auto const& n : names)
    out += (out.size() == 1 ? "" : ",") + json_text(n);
  return out + ']';
}

std::string joined(std::vector<std::string> const& names) {
  std::string out;
  for (auto const& n : names)
    out += (out.empty() ? "" : ", ") + n;
  return out;
}

std::string json_time(time_point t) { return t == time_point{} ? "null" : '"' + format_time(t) + '"'; }

std::string base64(std::string_view bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto const left = bytes.size() - i;
    auto const byte = [&](std::size_t k) { return k < left ? static_cast<unsigned char>(bytes[i + k]) : 0u; };
    unsigned const three = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += alphabet[three >> 18];
    out += alphabet[three >> 12 & 63];
    out += left > 1 ? alphabet[three >> 6 & 63] : '=';
    out += left > 2 ? alphabet[three & 63] : '=';
  }
  return out;
}

namespace {

/// What JSON allows in a string and a terminal should not get, as `\u007F`: outside of strings it does not occur.
std::string without_controls(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  auto const is_control = [&](std::size_t at, std::size_t length) {
    auto const character = text.substr(at, length);
    return !aether::detail::is_printable(character) && character != "\"" && character != "\\";
  };
  std::string out;
  char const* const end = text.data() + text.size();
  for (std::size_t at = 0; at < text.size();) {
    auto const length = std::max<std::size_t>(aether::detail::utf8_sequence(text.data() + at, end), 1);
    if (!is_control(at, length)) {
      out += text.substr(at, length);
    } else {
      auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
      unsigned const code = length == 1   ? byte(0)
                            : length == 2 ? (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu)
                                          : (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4)
        out += hex[code >> shift & 15];
    }
    at += length;
  }
  return out;
}

} // namespace

row& row::add(std::string_view name, std::string json, std::string_view title, std::string text, bool right) {
  field f;
  f.name = name;
  f.json = std::move(json);
  f.title = title;
  f.text = std::move(text);
  f.right = right;
  fields_.push_back(std::move(f));
  return *this;
}

row& row::number(std::string_view name, std::string_view title, std::int64_t n) {
  return add(name, std::to_string(n), title, std::to_string(n), true);
}

row& row::count(std::string_view name, std::string_view title, std::uint64_t n) {
  return add(name, std::to_string(n), title, std::to_string(n), true);
}

row& row::text(std::string_view name, std::string_view title, std::string_view value) {
  return add(name, json_text(value), title, value.empty() ? "-" : shown(value), false);
}

row& row::nothing(std::string_view title) { return add({}, {}, title, "-", false); }

row& row::time(std::string_view name, std::string_view title, time_point t) {
  return add(name, json_time(t), title, shown_time(t), false);
}

row& row::json(std::string_view name, std::string_view title, std::string value) {
  auto text = shown(value);
  return add(name, std::move(value), title, std::move(text), false);
}

row& row::member(std::string_view name, std::string value) { return add(name, std::move(value), {}, {}, false); }

row& row::cell(std::string_view title, std::string value, bool right) {
  return add({}, {}, title, value.empty() ? "-" : shown(value), right);
}

std::string row::to_json() const {
  std::string out = "{";
  for (auto const& f : fields_) {
    if (f.name.empty())
      continue;
    if (out.size() > 1)
      out += ',';
    out += json_text(f.name);
    out += ':';
    out += f.json;
  }
  out += '}';
  return without_controls(out);
}

} // namespace aether::cli
