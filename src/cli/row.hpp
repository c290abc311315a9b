// A row of what the inspector says: each field for people, for programs, or for both.
#pragma once

#include <aether/event.hpp>

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cli {

/// Text from outside as a terminal may get it: control characters, what turns the direction of writing around and bytes
/// that are no UTF-8 become `\x1B`. Quotes and backslashes stay.
std::string shown(std::string_view text);

/// How many columns it takes, each character counted as one.
std::size_t width_of(std::string_view text) noexcept;

/// `0 B`, `17.3 KB`: powers of 1,024.
std::string shown_bytes(std::uint64_t bytes);

/// To the second, `2026-01-31T12:00:00Z`; `-` for the epoch.
std::string shown_time(time_point t);

/// A JSON string. Bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);

/// A JSON array of strings.
std::string json_list(std::vector<std::string> const& names);

/// `a, b`
std::string joined(std::vector<std::string> const& names);

/// A JSON string of the time with all its digits; null for the epoch.
std::string json_time(time_point t);

/// The standard alphabet with padding.
std::string base64(std::string_view bytes);

struct field {
  std::string_view name; ///< of the member in JSON; empty: not there
  std::string json; ///< its value, as JSON text
  std::string_view title; ///< of the column for people; empty: not there
  std::string text; ///< what stands in it
  bool right = false; ///< aligned so
};

/// Made member by member: an order of fields, which is that of the columns and of the members.
class row {
public:
  row& number(std::string_view name, std::string_view title, std::int64_t n);
  row& count(std::string_view name, std::string_view title, std::uint64_t n);
  row& text(std::string_view name, std::string_view title, std::string_view value);
  /// Left out of the JSON, and `-` for people.
  row& nothing(std::string_view title);
  row& time(std::string_view name, std::string_view title, time_point t);
  /// Any JSON, for people as it is.
  row& json(std::string_view name, std::string_view title, std::string value);
  /// For programs only.
  row& member(std::string_view name, std::string value);
  /// For people only.
  row& cell(std::string_view title, std::string value, bool right = false);
  /// Something is wrong in this row.
  row& bad() {
    bad_ = true;
    return *this;
  }

  std::vector<field> const& fields() const noexcept { return fields_; }
  bool is_bad() const noexcept { return bad_; }
  /// One JSON object, without an end of line.
  std::string to_json() const;

private:
  row& add(std::string_view name, std::string json, std::string_view title, std::string text, bool right);

  std::vector<field> fields_;
  bool bad_ = false;
};

} // namespace aether::cli
