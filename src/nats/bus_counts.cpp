// A count that jumps says what is missing; nothing is known of a publisher that was never heard.
#include "nats/bus_counts.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace aether::nats::detail {

namespace {

constexpr std::string_view mark_token = "aether-bus.";

} // namespace

bool bus_mark::parse(std::string_view reply, bus_mark& out) noexcept {
  constexpr std::size_t longest_id = 64, most_digits = 15;
  auto const at = reply.rfind(mark_token);
  if (at == std::string_view::npos || (at > 0 && reply[at - 1] != '.'))
    return false;
  auto const text = reply.substr(at + mark_token.size());
  auto const dot = text.find('.');
  if (dot == 0 || dot > longest_id) // npos too
    return false;
  out.publisher = text.substr(0, dot);
  auto const plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!std::all_of(out.publisher.begin(), out.publisher.end(), plain))
    return false;
  auto const digits = text.substr(dot + 1);
  auto const end = digits.data() + digits.size();
  auto const read = std::from_chars(digits.data(), end, out.count);
  return digits.size() <= most_digits && read.ec == std::errc() && read.ptr == end && out.count > 0;
}

void write_reply(std::string& into, bus_mark const& mark) {
  char digits[20];
  auto const end = std::to_chars(digits, digits + sizeof digits, mark.count).ptr;
  into.assign(mark_token).append(mark.publisher).append(1, '.').append(digits, end);
}

std::uint64_t heard_counts::on(bus_mark const& mark, std::string_view name_space, std::uint64_t itself) {
  key_.assign(mark.publisher).append(1, ' ').append(name_space);
  auto& last = last_[key_];
  auto const before = std::exchange(last, mark.count);
  return before > 0 && mark.count > before ? mark.count - before - itself : 0;
}

} // namespace aether::nats::detail
