// Scanning JSON: strings, numbers, literals, and what is wrong with them.
#include "json_scanner.hpp"

#include "detail/json_text.hpp"
#include "detail/utf8.hpp"

#include <charconv>
#include <limits>

namespace aether::detail {
namespace {

struct discard {
  void null() noexcept {}
  void boolean(bool) noexcept {}
  void number(json_number const&) noexcept {}
  void string(std::string_view) noexcept {}
  void name(std::string_view) noexcept {}
  void array(std::size_t) noexcept {}
  void object(std::size_t) noexcept {}
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

void append_code_point(std::string& out, unsigned code) {
  auto const put = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Whether a number other than zero is 1 or greater, by its digits alone.
bool is_large(std::string_view text) noexcept {
  std::size_t i = text.front() == '-' ? 1 : 0;
  std::int64_t exponent = 0; // of the first digit that is not 0
  bool found = text[i] != '0';
  for (++i; i < text.size() && is_digit(text[i]); ++i)
    ++exponent;
  if (i < text.size() && text[i] == '.') {
    for (++i; i < text.size() && is_digit(text[i]); ++i) {
      if (found)
        continue;
      --exponent;
      found = text[i] != '0';
    }
  }
  if (i == text.size())
    return exponent >= 0;
  ++i; // the e
  bool const negative = text[i] == '-';
  if (text[i] == '-' || text[i] == '+')
    ++i;
  std::int64_t written = 0;
  auto const [end, failure] = std::from_chars(text.data() + i, text.data() + text.size(), written);
  if (failure != std::errc())
    return !negative;
  return (negative ? -written : written) + exponent >= 0;
}

} // namespace

char const* name_of(json_type type) noexcept {
  switch (type) {
  case json_type::null:
    return "null";
  case json_type::boolean:
    return "a boolean";
  case json_type::integer:
    return "an integer";
  case json_type::real:
    return "a number with a fraction or an exponent";
  case json_type::string:
    return "a string";
  case json_type::array:
    return "an array";
  case json_type::object:
    return "an object";
  }
  return "nothing";
}

bool to_double(json_number const& number, double& out) noexcept {
  out = 0;
  auto const [end, failure] = std::from_chars(number.text.data(), number.text.data() + number.text.size(), out);
  if (failure == std::errc())
    return out >= std::numeric_limits<double>::lowest() && out <= std::numeric_limits<double>::max();
  out = number.negative ? -0.0 : 0.0;
  return !is_large(number.text);
}

bool json_scanner::type(json_type& out) {
  switch (char const c = peek()) {
  case '"':
    out = json_type::string;
    return true;
  case '{':
    out = json_type::object;
    return true;
  case '[':
    out = json_type::array;
    return true;
  case 't':
  case 'f':
    out = json_type::boolean;
    return true;
  case 'n':
    out = json_type::null;
    return true;
  default:
    out = json_type::integer;
    return c == '-' || is_digit(c) || fail("expected a value");
  }
}

bool json_scanner::scan_string(std::string_view& out, std::string& scratch) {
  char const* const start = ++p_;
  for (;;) {
    p_ += plain_run(p_, end_);
    if (p_ == end_)
      return fail("the string has no end");
    auto const byte = static_cast<unsigned char>(*p_);
    if (byte == '"') {
      out = std::string_view(start, static_cast<std::size_t>(p_ - start));
      ++p_;
      return true;
    }
    if (byte == '\\')
      return scan_escaped(start, out, scratch);
    if (byte < 0x20)
      return fail("a control character must be escaped");
    std::size_t const length = utf8_sequence(p_, end_);
    if (length == 0)
      return fail("not valid UTF-8");
    p_ += length;
  }
}

// From the first backslash on, with what stands before it.
bool json_scanner::scan_escaped(char const* start, std::string_view& out, std::string& scratch) {
  scratch.assign(start, p_);
  for (;;) {
    std::size_t const run = plain_run(p_, end_);
    scratch.append(p_, run);
    p_ += run;
    if (p_ == end_)
      return fail("the string has no end");
    auto const byte = static_cast<unsigned char>(*p_);
    if (byte == '"') {
      ++p_;
      out = scratch;
      return true;
    }
    if (byte == '\\') {
      if (!escape(scratch))
        return false;
      continue;
    }
    if (byte < 0x20)
      return fail("a control character must be escaped");
    std::size_t const length = utf8_sequence(p_, end_);
    if (length == 0)
      return fail("not valid UTF-8");
    scratch.append(p_, length);
    p_ += length;
  }
}

bool json_scanner::escape(std::string& scratch) {
  ++p_;
  char const c = peek();
  if (c != 'u') {
    static constexpr std::string_view written = "\"\\/bfnrt";
    static constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    std::size_t const i = c == '\0' ? std::string_view::npos : written.find(c);
    if (i == std::string_view::npos)
      return fail("not an escape of JSON");
    ++p_;
    scratch += meant[i];
    return true;
  }
  unsigned code = 0;
  if (!code_unit(code))
    return false;
  if (code >= 0xDC00 && code <= 0xDFFF)
    return fail("a trailing surrogate stands alone");
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (end_ - p_ < 2 || p_[0] != '\\' || p_[1] != 'u')
      return fail("a leading surrogate stands alone");
    ++p_;
    unsigned trailing = 0;
    if (!code_unit(trailing))
      return false;
    if (trailing < 0xDC00 || trailing > 0xDFFF)
      return fail("a leading surrogate stands alone");
    code = 0x10000 + ((code - 0xD800) << 10) + (trailing - 0xDC00);
  }
  append_code_point(scratch, code);
  return true;
}

// At the u of \uXXXX.
bool json_scanner::code_unit(unsigned& out) {
  ++p_;
  if (end_ - p_ < 4)
    return fail("expected four hexadecimal digits");
  auto const [end, failure] = std::from_chars(p_, p_ + 4, out, 16);
  if (failure != std::errc() || end != p_ + 4)
    return fail("expected four hexadecimal digits");
  p_ += 4;
  return true;
}

bool json_scanner::number(json_number& out) {
  char const* const start = p_;
  out.negative = peek() == '-';
  if (out.negative)
    ++p_;
  if (!is_digit(peek()))
    return fail(out.negative ? "expected a digit" : "expected a value");
  std::uint64_t magnitude = 0;
  bool overflow = false;
  char const* const digits = p_;
  for (; p_ != end_ && is_digit(*p_); ++p_) {
    auto const digit = static_cast<unsigned>(*p_ - '0');
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    overflow = overflow || magnitude > most / 10 || magnitude * 10 > most - digit;
    magnitude = magnitude * 10 + digit;
  }
  if (*digits == '0' && p_ - digits > 1)
    return fail("a number must not begin with a zero");
  bool integer = true;
  if (peek() == '.') {
    integer = false;
    ++p_;
    if (!is_digit(peek()))
      return fail("expected a digit behind the decimal point");
    while (is_digit(peek()))
      ++p_;
  }
  if (peek() == 'e' || peek() == 'E') {
    integer = false;
    ++p_;
    if (peek() == '+' || peek() == '-')
      ++p_;
    if (!is_digit(peek()))
      return fail("expected a digit in the exponent");
    while (is_digit(peek()))
      ++p_;
  }
  constexpr std::uint64_t int64_limit = std::uint64_t(1) << 63;
  out.text = std::string_view(start, static_cast<std::size_t>(p_ - start));
  out.type = integer ? json_type::integer : json_type::real;
  out.magnitude = magnitude;
  out.kind = json_number::form::other;
  if (integer && !overflow) {
    if (magnitude < int64_limit || (out.negative && magnitude == int64_limit))
      out.kind = json_number::form::int64;
    else if (!out.negative)
      out.kind = json_number::form::uint64;
  }
  return true;
}

bool json_scanner::literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word)
    return fail("expected a value");
  p_ += word.size();
  return true;
}

bool json_scanner::skip_value(int levels) {
  discard sink;
  return value(sink, levels);
}

bool json_scanner::finish() {
  skip_space();
  return p_ == end_ || fail("expected the end of the text");
}

std::string json_scanner::reason() const {
  std::string text = "not valid JSON at byte " + std::to_string(p_ - begin_) + ": ";
  return text += p_ == end_ ? "the text ends too early" : fault_;
}

} // namespace aether::detail
