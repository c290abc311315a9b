// What is taken out of texts before they are logged.
#include "nats/redaction.hpp"

#include <algorithm>
#include <charconv>

namespace aether::nats::detail {
namespace {

constexpr std::string_view hidden = "***";
constexpr std::size_t shortest_secret = 4;
constexpr std::size_t seed_size = 58;
constexpr std::size_t shortest_jwt = 20;

/// Between the scheme and the last `@` before the host ends; empty: there is none.
std::string_view credentials_at(std::string_view url_rest) {
  auto const end = url_rest.find_first_of("/ \t\r\n\"'<>,;");
  auto const authority = url_rest.substr(0, end);
  auto const at = authority.rfind('@');
  return at == std::string_view::npos ? std::string_view() : authority.substr(0, at);
}

/// What is no `%XX` stays.
std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    auto const* const digits = text.data() + i + 1;
    if (text[i] == '%' && text.size() - i > 2 && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool is_base32(char c) { return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'); }

bool looks_secret(std::string_view word) {
  if (word.size() >= shortest_jwt && word.starts_with("eyJ"))
    return true;
  return word.size() >= seed_size && word.front() == 'S' &&
         std::all_of(word.begin(), word.begin() + seed_size, is_base32);
}

std::string without_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const size = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_word) - text.begin());
    auto const word = text.substr(0, size);
    out += size > 0 && looks_secret(word) ? hidden : word;
    text.remove_prefix(size);
    auto const other = static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_word) - text.begin());
    out += text.substr(0, other);
    text.remove_prefix(other);
  }
  return out;
}

void hide(std::string& text, std::string_view secret) {
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + hidden.size()))
    text.replace(at, secret.size(), hidden);
}

void hide_url_credentials(std::string& text) {
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3))
    if (auto const size = credentials_at(std::string_view(text).substr(at + 3)).size(); size > 0)
      text.replace(at + 3, size, hidden);
}

} // namespace

std::vector<std::string> secrets_of(connection_options const& options) {
  std::vector<std::string> all{options.password, options.token};
  for (auto const& url : options.servers) {
    auto const scheme = url.find("://");
    auto const from = scheme == std::string::npos ? 0 : scheme + 3;
    auto const at = url.rfind('@');
    if (at == std::string::npos || at < from)
      continue;
    auto const given = url.substr(from, at - from);
    auto const colon = given.find(':');
    auto const secret = colon == std::string::npos ? given : given.substr(colon + 1);
    all.push_back(secret);
    all.push_back(url_decoded(secret)); // as the server gets it
  }
  std::erase_if(all, [](std::string const& secret) { return secret.size() < shortest_secret; });
  std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.size() > b.size(); });
  return all;
}

std::string redacted(std::string_view text, std::vector<std::string> const& secrets) {
  std::string out(text);
  for (auto const& secret : secrets) // the longest first: one may be part of another
    if (secret.size() >= shortest_secret)
      hide(out, secret);
  hide_url_credentials(out);
  return without_words(out);
}

} // namespace aether::nats::detail
