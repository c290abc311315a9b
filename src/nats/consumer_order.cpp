// Reading by a pull consumer, decided on values.
#include "nats/consumer_order.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace aether::nats::detail {
namespace {

// Of a message beside its data, as the server counts it: subject, reply subject, headers.
constexpr std::size_t overhead = 400;
constexpr std::size_t assumed_size = 1024;

template <class Number> bool to_number(std::string_view text, Number& out) noexcept {
  auto const parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

} // namespace

std::optional<delivery> parse_delivery(std::string_view reply) noexcept {
  if (!reply.starts_with("$JS.ACK."))
    return std::nullopt;
  std::array<std::string_view, 12> tokens;
  std::size_t count = 0;
  for (std::size_t begin = 0; count < tokens.size();) {
    auto const end = reply.find('.', begin);
    tokens[count++] = reply.substr(begin, end - begin);
    if (end == std::string_view::npos)
      break;
    begin = end + 1;
  }
  if (count != 9 && count < 11)
    return std::nullopt;
  std::size_t const at = count == 9 ? 5 : 7;
  delivery d;
  if (!to_number(tokens[at - 1], d.times) || !to_number(tokens[at], d.stream_sequence) ||
      !to_number(tokens[at + 1], d.consumer_sequence) || !to_number(tokens[at + 2], d.stored) ||
      !to_number(tokens[at + 3], d.pending))
    return std::nullopt;
  return d;
}

bool consumer_order::on_message(delivery const& d) noexcept {
  if (d.consumer_sequence != delivered_ + 1 || d.stream_sequence < next_)
    return false;
  ++delivered_;
  next_ = d.stream_sequence + 1;
  return true;
}

std::optional<pull> pull_plan::next() {
  if (to_ask_ == 0)
    return std::nullopt;
  auto const size = seen_ > 0 ? seen_bytes_ / seen_ + overhead : assumed_size;
  std::uint64_t const at_once = alone_ ? 1 : std::max<std::uint64_t>(1, bytes_ / size);
  auto const batch = std::min(to_ask_, at_once);
  if (under_way_ > 0 && (alone_ || under_way_ + batch > 2 * at_once))
    return std::nullopt;
  to_ask_ -= batch;
  under_way_ += batch;
  return pull{batch, batch > 1 ? bytes_ : 0};
}

void pull_plan::on_message(std::size_t size) noexcept {
  if (under_way_ > 0)
    --under_way_;
  else if (to_ask_ > 0)
    --to_ask_; // a pull was thought to have ended
  ++seen_;
  seen_bytes_ += size;
  alone_ = false;
}

pull_status pull_plan::on_status(int status, std::optional<std::uint64_t> unfulfilled) noexcept {
  if (status == 100)
    return pull_status::go_on;
  if (status != 409 || !unfulfilled || *unfulfilled > under_way_)
    return pull_status::give_up;
  if (*unfulfilled == 0)
    return pull_status::go_on;
  under_way_ -= *unfulfilled;
  to_ask_ += *unfulfilled;
  // Refused twice in a row: it was no rest of bytes that the message was too large for.
  alone_ = refused_ && seen_at_refusal_ == seen_;
  refused_ = true;
  seen_at_refusal_ = seen_;
  return pull_status::go_on;
}

} // namespace aether::nats::detail
