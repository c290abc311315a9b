// Walks both texts token by token: nothing is allocated to match.
#include "bus_pattern.hpp"

#include "detail/utf8.hpp"

#include <aether/error.hpp>

#include <string>

namespace aether::detail {
namespace {

/// Takes the first token and its dot off; false: there is none.
bool next_token(std::string_view& rest, std::string_view& token) noexcept {
  if (rest.data() == nullptr)
    return false;
  auto const dot = rest.find('.');
  token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return true;
}

/// A text without tokens has none, an empty one none either.
std::string_view begin_of(std::string_view name) noexcept { return name.empty() ? std::string_view() : name; }

[[noreturn]] void refuse(char const* what, std::string_view name, std::size_t at, std::string const& why) {
  throw error(errc::invalid_argument,
              std::string(what) + ' ' + quoted(name) + ", byte " + std::to_string(at) + ": " + why);
}

bool is_white(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Printable ASCII tokens without wildcards, as nearly all are: seen in one pass.
bool is_plain(std::string_view name) noexcept {
  if (name.empty() || name.size() > max_name_space_bytes)
    return false;
  std::size_t tokens = 1;
  char before = '.';
  for (char const c : name) {
    if (c <= ' ' || c > '~' || c == '*' || c == '>' || (c == '.' && before == '.'))
      return false;
    tokens += c == '.' ? 1 : 0;
    before = c;
  }
  return before != '.' && tokens <= max_name_space_tokens;
}

void check(char const* what, std::string_view name, bool wildcards) {
  if (is_plain(name))
    return;
  if (name.size() > max_name_space_bytes)
    refuse(what, name, max_name_space_bytes, "it is longer than 255 bytes");
  if (auto const at = name.find('\0'); at != std::string_view::npos)
    refuse(what, name, at, "it holds NUL");
  for (std::size_t at = 0, length = 0; at < name.size(); at += length)
    if (length = utf8_sequence(name.data() + at, name.data() + name.size()); length == 0)
      refuse(what, name, at, "it is not UTF-8");
  std::size_t tokens = 0;
  auto rest = begin_of(name);
  for (std::string_view token; next_token(rest, token);) {
    auto const at = static_cast<std::size_t>(token.data() - name.data());
    if (++tokens > max_name_space_tokens)
      refuse(what, name, at, "it has more than 8 tokens");
    if (token.empty())
      refuse(what, name, at, "a token is empty");
    if (wildcards && token == "*")
      continue;
    if (wildcards && token == ">") {
      if (rest.data() != nullptr)
        refuse(what, name, at, "> stands for all that follows, and can only be the last token");
      continue;
    }
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (token[i] == '*' || token[i] == '>')
        refuse(what, name, at + i,
               wildcards ? "* and > are tokens of their own" : "* and > are for patterns, not for namespaces");
      if (is_white(token[i]))
        refuse(what, name, at + i, "it holds white space");
    }
  }
}

} // namespace

name_tokens::name_tokens(std::string_view name) noexcept {
  auto rest = begin_of(name);
  for (std::string_view token; count < at.size() && next_token(rest, token);)
    at[count++] = token;
}

void check_name_space(std::string_view name_space) { check("namespace", name_space, false); }
void check_pattern(std::string_view pattern) { check("pattern", pattern, true); }

bool is_exact(std::string_view pattern) noexcept { return pattern.find_first_of("*>") == std::string_view::npos; }

bool matches(std::string_view pattern, std::string_view name_space) noexcept {
  auto wanted = begin_of(pattern);
  auto given = begin_of(name_space);
  std::string_view want, token;
  while (next_token(wanted, want)) {
    if (!next_token(given, token))
      return false;
    if (want == ">")
      return true;
    if (want != "*" && want != token)
      return false;
  }
  return given.data() == nullptr;
}

} // namespace aether::detail
