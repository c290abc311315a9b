// Which server answers, and what that version can be trusted with.
#include "nats/server_version.hpp"

#include <charconv>

namespace aether::nats::detail {
namespace {

/// Takes a number of up to six digits off `text`.
bool take_number(std::string_view& text, int& out) noexcept {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9')
    ++count;
  if (count == 0 || count > 6)
    return false;
  std::from_chars(text.data(), text.data() + count, out);
  text.remove_prefix(count);
  return true;
}

bool take(std::string_view& text, char c) noexcept {
  if (!text.starts_with(c))
    return false;
  text.remove_prefix(1);
  return true;
}

} // namespace

std::optional<server_version> parse_server_version(std::string_view text) noexcept {
  server_version v;
  take(text, 'v');
  if (!take_number(text, v.major) || !take(text, '.') || !take_number(text, v.minor) || !take(text, '.') ||
      !take_number(text, v.patch))
    return std::nullopt;
  if (!text.empty() && text.front() != '-' && text.front() != '+')
    return std::nullopt;
  v.released = !text.starts_with('-');
  return v;
}

bool server_facts::replicas_are_safe() const noexcept {
  return api_level >= 1 || (version && *version >= server_version{2, 10, 20, true});
}

} // namespace aether::nats::detail
