// W3C trace context as text: the header of requests, and what an event's metadata holds.
#include <aether/tracing.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace aether {
namespace {

constexpr std::size_t traceparent_size = 55; // of version 00, and what later versions begin with
constexpr unsigned known_flags = 0x03;       // sampled, random: the others are reserved and written as zero

constexpr char digits[] = "0123456789abcdef";

int digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// False: it is not of that length, or not all lower-case hex.
bool read_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  if (text.size() != 2 * out.size())
    return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    int const high = digit(text[2 * i]);
    int const low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::string hex(std::span<std::uint8_t const> bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (unsigned const b : bytes)
    out.append({digits[b >> 4], digits[b & 0xF]});
  return out;
}

std::string hex_of_flags(trace_context const& context) {
  std::uint8_t const flags = context.flags & known_flags;
  return hex({&flags, 1});
}

std::optional<trace_context> read(std::string_view trace_id, std::string_view span_id,
                                  std::string_view flags) noexcept {
  trace_context context;
  if (!read_hex(trace_id, context.trace_id) || !read_hex(span_id, context.span_id) ||
      !read_hex(flags, {&context.flags, 1}) || !context.is_valid())
    return std::nullopt;
  return context;
}

} // namespace

bool trace_context::is_valid() const noexcept {
  auto const set = [](std::uint8_t b) { return b != 0; };
  return std::any_of(trace_id.begin(), trace_id.end(), set) && std::any_of(span_id.begin(), span_id.end(), set);
}

std::optional<trace_context> parse_traceparent(std::string_view text) noexcept {
  std::uint8_t version = 0;
  if (text.size() < traceparent_size || !read_hex(text.substr(0, 2), {&version, 1}) || version == 0xFF)
    return std::nullopt;
  if (text.size() > traceparent_size && (version == 0 || text[traceparent_size] != '-'))
    return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  return read(text.substr(3, 32), text.substr(36, 16), text.substr(53, 2));
}

std::string to_traceparent(trace_context const& context) {
  return "00-" + hex(context.trace_id) + '-' + hex(context.span_id) + '-' + hex_of_flags(context);
}

std::optional<trace_context> trace_of(metadata const& m) noexcept {
  return read(m.trace_id(), m.span_id(), m.contains(metadata::trace_flags_key) ? m.trace_flags() : "00");
}

void set_trace(metadata& m, trace_context const& context) {
  if (!context.is_valid()) {
    for (auto const key : {metadata::trace_id_key, metadata::span_id_key, metadata::trace_flags_key})
      m.erase(key);
    return;
  }
  m.trace_id(hex(context.trace_id)).span_id(hex(context.span_id)).trace_flags(hex_of_flags(context));
}

std::string_view to_string(store_operation what) noexcept {
  switch (what) {
  case store_operation::save_event:
    return "save_event";
  case store_operation::save_events:
    return "save_events";
  case store_operation::get_events:
    return "get_events";
  case store_operation::latest_version:
    return "latest_version";
  case store_operation::find_event:
    return "find_event";
  case store_operation::find_latest_event:
    return "find_latest_event";
  case store_operation::save_snapshot:
    return "save_snapshot";
  case store_operation::find_snapshot:
    return "find_snapshot";
  case store_operation::read_events:
    return "read_events";
  case store_operation::list_actors:
    return "list_actors";
  case store_operation::subscribe:
    return "subscribe";
  case store_operation::join_group:
    return "join_group";
  case store_operation::delete_group:
    return "delete_group";
  case store_operation::remove_dead_letter:
    return "remove_dead_letter";
  case store_operation::close:
    return "close";
  }
  return "unknown";
}

} // namespace aether
