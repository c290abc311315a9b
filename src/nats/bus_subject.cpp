// Percent encoding, token by token: what stands in a subject as it is, is not touched.
#include "nats/bus_subject.hpp"

#include "bus_pattern.hpp"
#include "detail/utf8.hpp"
#include "nats/outgoing_message.hpp"
#include "nats/subjects.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

using aether::detail::max_id_bytes;
using aether::detail::name_tokens;

constexpr std::size_t max_prefix_bytes = 200;
static_assert(max_prefix_bytes + 3 * (2 * max_id_bytes + aether::detail::max_name_space_bytes) + 16 <
              max_subject_bytes);

} // namespace

void check_bus_prefix(std::string_view prefix) {
  if (prefix.size() > max_prefix_bytes || !is_safe_filter(prefix) ||
      prefix.find_first_of("*>") != std::string_view::npos)
    throw error(errc::invalid_argument, "event_bus_options::prefix is " + aether::detail::quoted(prefix) +
                                            ": give tokens separated by single dots, without white space and "
                                            "wildcards, 200 bytes at most");
}

std::string bus_subjects::subject_of(std::string_view type, std::string_view actor, std::string_view name_space) const {
  std::string out;
  out.reserve(prefix_.size() + type.size() + actor.size() + name_space.size() + 16);
  out += prefix_;
  append_percent(out, type);
  out += '.';
  append_percent(out, actor);
  out += ".ns";
  name_tokens const tokens(name_space);
  for (std::size_t i = 0; i < tokens.count; ++i) {
    out += '.';
    append_percent(out, tokens.at[i]);
  }
  return out;
}

std::string bus_subjects::filter_of(std::string_view pattern) const {
  auto out = prefix_ + "*.*.ns";
  name_tokens const tokens(pattern);
  for (std::size_t i = 0; i < tokens.count; ++i) {
    out += '.';
    if (tokens.at[i] == "*" || tokens.at[i] == ">")
      out += tokens.at[i];
    else
      append_percent(out, tokens.at[i]);
  }
  return out;
}

bool bus_subjects::split(std::string_view subject, bus_tokens& out) const noexcept {
  if (!subject.starts_with(prefix_))
    return false;
  subject.remove_prefix(prefix_.size());
  auto const behind_type = subject.find('.');
  if (behind_type == std::string_view::npos)
    return false;
  auto const behind_actor = subject.find('.', behind_type + 1);
  if (behind_actor == std::string_view::npos)
    return false;
  out.type = subject.substr(0, behind_type);
  out.actor = subject.substr(behind_type + 1, behind_actor - behind_type - 1);
  auto const rest = subject.substr(behind_actor + 1);
  if (rest != "ns" && !rest.starts_with("ns."))
    return false;
  out.name_space = rest.size() > 3 ? rest.substr(3) : std::string_view();
  return rest != "ns.";
}

std::optional<std::string> bus_name_space_of(std::string_view encoded) {
  std::string name;
  for (std::size_t begin = 0; begin < encoded.size();) {
    auto const end = std::min(encoded.find('.', begin), encoded.size());
    auto const token = percent_decoded(encoded.substr(begin, end - begin));
    if (!token || token->find('.') != std::string::npos)
      return std::nullopt; // a dot that is part of a token would make it another namespace
    name += (begin == 0 ? "" : ".") + *token;
    begin = end + 1;
  }
  if (encoded.ends_with('.'))
    return std::nullopt;
  try {
    aether::detail::check_name_space(name);
  } catch (error const&) {
    return std::nullopt;
  }
  return name;
}

std::optional<std::string_view> bus_id_of(std::string_view token, std::string& room) {
  // Without a branch a byte: nearly every token is plain, and then it is UTF-8 too.
  unsigned not_plain = 0;
  for (unsigned char const c : token)
    not_plain |= static_cast<unsigned>(c <= 0x20) | static_cast<unsigned>(c >= 0x7F) | static_cast<unsigned>(c == '%') |
                 static_cast<unsigned>(c == '*') | static_cast<unsigned>(c == '>');
  if (not_plain == 0)
    return token.empty() || token.size() > max_id_bytes ? std::nullopt : std::optional(token);
  auto decoded = percent_decoded(token);
  if (!decoded)
    return std::nullopt;
  room = std::move(*decoded);
  token = room;
  if (!aether::detail::valid_id(token))
    return std::nullopt;
  return token;
}

} // namespace aether::nats::detail
