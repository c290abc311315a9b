// Any bytes as a stored message's header block; what is read of it is written as we send it, by us and through a
// message of cnats, and is read there as the marks of a direct get.
#include "nats/direct_marks.hpp"
#include "nats/header_block.hpp"
#include "nats/outgoing_message.hpp"

#include "fuzz/property.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <vector>

namespace {

using namespace aether::nats::detail;
using aether::fuzz::demand;
using aether::nats::header_list;

std::string written(header_block const& b) {
  std::string out = "NATS/1.0";
  if (b.status != 0 || !b.description.empty()) {
    auto const digits = std::to_string(b.status);
    out += ' ' + std::string(3 - digits.size(), '0') + digits;
    if (!b.description.empty())
      out += ' ' + b.description;
  }
  out += "\r\n";
  for (auto const& [name, value] : b.headers)
    out += name + ": " + value + "\r\n";
  return out + "\r\n";
}

void check_block(header_block const& b, bool well_formed) {
  demand(b.status >= 0 && b.status <= 999, "a status has three digits");
  for (auto const& [name, value] : b.headers)
    demand(!name.empty() && name.find(':') == std::string::npos && name.find("\r\n") == std::string::npos &&
               value.find("\r\n") == std::string::npos,
           "a header is one name and one value");
  header_block again;
  demand(parse_header_block(written(b), again), "what is written from it is a block");
  if (well_formed)
    demand(again.status == b.status && again.description == b.description, "of the same status");
  demand(again.headers == b.headers, "with the same headers");
}

std::vector<std::string> values_of(header_list const& headers, std::string const& name) {
  std::vector<std::string> values;
  for (auto const& [n, value] : headers)
    if (n == name)
      values.push_back(value);
  return values;
}

bool begins_another(header_list const& headers, std::string const& name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](auto const& h) { return h.first.size() > name.size() && h.first.starts_with(name); });
}

void check_marks(native_message const& m) {
  auto const marks = marks_of(m);
  auto const end = end_of(m);
  demand(end.pending == marks.pending && end.sequence == marks.previous, "the same headers are read the same");
  demand(!is_direct_end(m) || marks.sequence == 0, "what has a sequence is a message");
  // A row of three that begins with these marks is unbroken only when each names the one before it.
  direct_marks const row[] = {
      marks, {marks.sequence + 1, {}, marks.sequence}, {marks.sequence + 2, {}, marks.sequence}};
  auto const whole = unbroken(std::size(row), [&](std::size_t i) { return row[i]; });
  auto const first_counts = marks.sequence != 0 && marks.previous.value_or(0) == 0;
  auto const counts_up = marks.sequence < marks.sequence + 1;
  demand(whole == (!first_counts ? 0u : counts_up ? 2u : 1u), "a row breaks where one is missing");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = aether::fuzz::text_of(data, size);
  header_block block;
  bool const ok = parse_header_block(text, block);
  check_block(block, ok);

  aether::nats::message m("a.b", std::string());
  m.headers = block.headers;
  try {
    outgoing_message const sent(m, "reply");
    header_block again;
    demand(sent.parts().headers.empty() == m.headers.empty(), "a block where there are headers");
    if (!m.headers.empty())
      demand(parse_header_block(sent.parts().headers, again) && again.headers == m.headers, "the wire has the headers");
    native_message native(sent.parts());
    for (auto const& [name, value] : m.headers)
      if (!begins_another(m.headers, name)) // as cnats may find the other one
        demand(last_header(native, name.c_str()) == values_of(m.headers, name).back(), "the last one is found");
    check_marks(native);
    auto const back = std::move(native).to_message();
    demand(back.headers.size() == m.headers.size(), "every header is kept");
    for (auto const& [name, value] : m.headers)
      demand(values_of(back.headers, name) == values_of(m.headers, name), "those of one name in their order");
  } catch (aether::error const& e) {
    demand(e.code() == aether::errc::invalid_argument, "what cannot be sent is refused by name");
  }
  return 0;
}
