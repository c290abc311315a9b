// What the headers of a batch of direct gets say.
#include "nats/direct_marks.hpp"

#include "nats/message_visitor.hpp"

#include <charconv>
#include <cstdlib>

namespace aether::nats::detail {

std::string_view last_header(native_message const& message, char const* name) noexcept {
  char const** values = nullptr;
  int count = 0;
  if (natsMsgHeader_Values(message.get(), name, &values, &count) != NATS_OK)
    return {};
  std::string_view const last = count > 0 ? std::string_view(values[count - 1]) : std::string_view();
  std::free(values); // the list; its texts belong to the message
  return last;
}

std::optional<std::uint64_t> number_header(native_message const& message, char const* name) noexcept {
  auto const text = last_header(message, name);
  std::uint64_t number = 0;
  auto const parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

direct_marks marks_of(native_message const& message) noexcept {
  return {number_header(message, "Nats-Sequence").value_or(0), number_header(message, "Nats-Num-Pending"),
          number_header(message, "Nats-Last-Sequence")};
}

bool is_direct_end(native_message const& message) noexcept {
  return message.data().empty() && last_header(message, "Nats-Sequence").empty();
}

direct_end end_of(native_message const& message) noexcept {
  return {message.status(), number_header(message, "Nats-Num-Pending"), number_header(message, "Nats-Last-Sequence")};
}

std::uint64_t message_view::sequence() const noexcept {
  return direct_ ? number_header(*direct_, "Nats-Sequence").value_or(0) : sequence_;
}

} // namespace aether::nats::detail
