// Where a message's predecessor on its subject stands.
#include "nats/previous_link.hpp"

#include <charconv>

namespace aether::nats::detail {
namespace {

bool read_number(std::string_view text, std::uint64_t& out) noexcept {
  auto const parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

} // namespace

previous_link link_of(stored_message const& message) noexcept {
  previous_link link;
  std::uint64_t number = 0;
  // Of another subject: it says nothing about this one.
  auto const of_other = !message.header("Nats-Expected-Last-Subject-Sequence-Subject").empty();
  if (!of_other && read_number(message.header("Nats-Expected-Last-Subject-Sequence"), number)) {
    if (number >= message.sequence)
      return link;
    link.kind = number == 0 ? link_kind::none : link_kind::at;
    link.sequence = number;
    return link;
  }
  auto const batch = message.header("Nats-Batch-Id");
  if (!of_other && !batch.empty() && read_number(message.header("Nats-Batch-Sequence"), number) && number > 1 &&
      message.sequence > 1) {
    link.kind = link_kind::at;
    link.sequence = message.sequence - 1;
    link.batch = batch;
  }
  return link;
}

} // namespace aether::nats::detail
