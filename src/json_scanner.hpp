// A strict scanner of JSON text (RFC 8259) that hands out what it reads piece by piece and keeps no tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aether::detail {

enum class json_type : std::uint8_t { null, boolean, integer, real, string, array, object };

/// With its article: "an integer".
char const* name_of(json_type type) noexcept;

/// A number as it stands in the text. Only integers that fit have a value here: to_double reads all others.
struct json_number {
  enum class form : std::uint8_t { int64, uint64, other };

  std::string_view text;
  std::uint64_t magnitude = 0; ///< of int64 (with `negative`) and uint64
  bool negative = false;
  form kind = form::other;
  json_type type = json_type::real; ///< integer when written without fraction and exponent

  std::int64_t as_int64() const noexcept { return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude); }
};

/// The nearest double, 0 when the number is too small for one; false when it is too large.
bool to_double(json_number const& number, double& out) noexcept;

/// Reads one text from its start to its end. A function that returns false has met a fault; the scanner is of no
/// further use then but for reason(). Views handed out live until the next string of the same use is read.
class json_scanner {
public:
  explicit json_scanner(std::string_view text) noexcept : begin_(text.data()), p_(begin_), end_(begin_ + text.size()) {}

  char peek() const noexcept { return p_ != end_ ? *p_ : '\0'; }
  void skip_space() noexcept {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t'))
      ++p_;
  }
  /// What the value that begins here is, by its first character; a number counts as an integer.
  bool type(json_type& out);

  bool string(std::string_view& out) { return scan_string(out, scratch_); }
  bool number(json_number& out);

  /// Reads the object that begins here, calling `on_member(name)` with the scanner in front of each member's value,
  /// which it must read (and return false if it cannot). The name lives until another object is read.
  template <class OnMember> bool object(OnMember&& on_member);

  /// Reads the value that begins here into `sink`, nested at most `levels` levels.
  template <class Sink> bool value(Sink& sink, int levels);

  /// Reads the value that begins here and forgets it.
  bool skip_value(int levels);

  /// True when nothing but white space follows.
  bool finish();

  bool fail(char const* what) noexcept {
    fault_ = what;
    return false;
  }
  /// `not valid JSON at byte 17: expected a colon`
  std::string reason() const;

private:
  bool scan_string(std::string_view& out, std::string& scratch);
  bool scan_escaped(char const* start, std::string_view& out, std::string& scratch);
  bool escape(std::string& scratch);
  bool code_unit(unsigned& out);
  bool literal(std::string_view word);
  template <class Sink> bool array(Sink& sink, int levels);
  template <class Sink> bool nested_object(Sink& sink, int levels);

  char const* begin_;
  char const* p_;
  char const* end_;
  char const* fault_ = nullptr;
  std::string scratch_;
  std::string name_scratch_;
};

template <class OnMember> bool json_scanner::object(OnMember&& on_member) {
  if (peek() != '{')
    return fail("expected an object");
  ++p_;
  skip_space();
  if (peek() == '}') {
    ++p_;
    return true;
  }
  for (;;) {
    if (peek() != '"')
      return fail("expected a name in double quotes");
    std::string_view name;
    if (!scan_string(name, name_scratch_))
      return false;
    skip_space();
    if (peek() != ':')
      return fail("expected a colon");
    ++p_;
    skip_space();
    if (!on_member(name))
      return false;
    skip_space();
    char const c = peek();
    if (c != ',' && c != '}')
      return fail("expected a comma or a closing brace");
    ++p_;
    if (c == '}')
      return true;
    skip_space();
  }
}

template <class Sink> bool json_scanner::array(Sink& sink, int levels) {
  ++p_;
  std::size_t count = 0;
  skip_space();
  if (peek() == ']') {
    ++p_;
    sink.array(count);
    return true;
  }
  for (;;) {
    if (!value(sink, levels))
      return false;
    ++count;
    skip_space();
    char const c = peek();
    if (c != ',' && c != ']')
      return fail("expected a comma or a closing bracket");
    ++p_;
    if (c == ']')
      break;
    skip_space();
  }
  sink.array(count);
  return true;
}

template <class Sink> bool json_scanner::nested_object(Sink& sink, int levels) {
  std::size_t count = 0;
  bool const ok = object([&](std::string_view name) {
    sink.name(name);
    ++count;
    return value(sink, levels);
  });
  if (ok)
    sink.object(count);
  return ok;
}

template <class Sink> bool json_scanner::value(Sink& sink, int levels) {
  switch (peek()) {
  case '"': {
    std::string_view text;
    if (!string(text))
      return false;
    sink.string(text);
    return true;
  }
  case '{':
    return levels > 0 ? nested_object(sink, levels - 1) : fail("nested deeper than 32 levels");
  case '[':
    return levels > 0 ? array(sink, levels - 1) : fail("nested deeper than 32 levels");
  case 't':
    if (!literal("true"))
      return false;
    sink.boolean(true);
    return true;
  case 'f':
    if (!literal("false"))
      return false;
    sink.boolean(false);
    return true;
  case 'n':
    if (!literal("null"))
      return false;
    sink.null();
    return true;
  default: {
    json_number n;
    if (!number(n))
      return false;
    sink.number(n);
    return true;
  }
  }
}

} // namespace aether::detail
