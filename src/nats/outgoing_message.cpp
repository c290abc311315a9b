// Checks what is sent, and writes it.
#include "nats/outgoing_message.hpp"

#include "detail/utf8.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace aether::nats::detail {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view block_begin = "NATS/1.0\r\n";

std::size_t size_of(outgoing_header const& h) noexcept { return h.name.size() + h.value.size() + 4; }

void write_header(std::string& out, outgoing_header const& h) {
  out.append(h.name).append(": ");
  auto const value = out.size();
  out.append(h.value).append(line_end);
  if (h.value.find('\r') == std::string_view::npos && h.value.find('\n') == std::string_view::npos)
    return;
  for (auto i = value; i < out.size() - line_end.size(); ++i)
    if (out[i] == '\r' || out[i] == '\n')
      out[i] = ' ';
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

} // namespace

void append_headers(std::string& out, std::initializer_list<outgoing_header> headers) {
  out.append(block_begin);
  for (auto const& h : headers)
    write_header(out, h);
  out.append(line_end);
}

bool is_safe_subject(std::string_view subject) noexcept {
  if (subject.empty() || subject.size() >= 4096)
    return false;
  unsigned bad = 0; // without a branch a byte, as every message passes here
  for (unsigned char c : subject)
    bad |= static_cast<unsigned>(c <= 0x20) | static_cast<unsigned>(c == 0x7f);
  return bad == 0;
}

bool is_safe_filter(std::string_view subject) noexcept {
  if (!is_safe_subject(subject))
    return false;
  for (bool last = false; !last;) {
    auto const dot = subject.find('.');
    last = dot == std::string_view::npos;
    auto const token = subject.substr(0, dot);
    if (token.empty() || (token.size() > 1 && token.find_first_of("*>") != std::string_view::npos) ||
        (token == ">" && !last))
      return false;
    if (!last)
      subject.remove_prefix(dot + 1);
  }
  return true;
}

outgoing_message::outgoing_message(std::string_view subject, std::string_view reply, std::string_view data,
                                   std::initializer_list<outgoing_header> headers)
    : subject_(subject.size()), reply_(reply.size()) {
  if (!is_safe_subject(subject) || (!reply.empty() && !is_safe_subject(reply)) ||
      subject.size() + reply.size() > max_subject_bytes)
    throw error(errc::invalid_argument,
                "the subject " + aether::detail::quoted(subject.substr(0, 100)) + " or the reply subject " +
                    aether::detail::quoted(reply.substr(0, 100)) +
                    " is empty, holds white space or control characters, or both together have more than 4,032 bytes");
  if (data.size() > 1u << 30) // cnats counts in int; no server takes more than 64 MB
    throw error(errc::event_too_large, "a message of " + std::to_string(data.size()) + " bytes");
  auto block = headers.size() == 0 ? 0 : block_begin.size() + line_end.size();
  for (auto const& h : headers)
    block += size_of(h);
  text_.reserve(subject.size() + reply.size() + 2 + block + data.size());
  text_.append(subject).append(1, '\0').append(reply).append(1, '\0');
  if (block > 0)
    append_headers(text_, headers);
  headers_ = block;
  text_.append(data);
}

outgoing_message::outgoing_message(outgoing_parts const& parts)
    : outgoing_message(parts.subject, parts.reply, parts.data) {
  text_.insert(subject_ + reply_ + 2, parts.headers);
  headers_ = parts.headers.size();
}

outgoing_message::outgoing_message(message const& m, std::string_view reply)
    : outgoing_message(m.subject, reply, m.data) {
  for (auto const& [name, value] : m.headers) {
    if (!is_safe_subject(name) || name.find(':') != std::string::npos ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      throw error(errc::invalid_argument, "the header " + aether::detail::quoted(name) +
                                              " is empty, or it or its value holds what ends it: a colon or white "
                                              "space in the name, a line break or NUL");
    add_header({name, value});
  }
}

void outgoing_message::add_header(outgoing_header header) {
  auto const begin = subject_ + reply_ + 2;
  std::string lines;
  if (headers_ == 0)
    lines.append(block_begin);
  write_header(lines, header);
  if (headers_ == 0)
    lines.append(line_end);
  text_.insert(begin + (headers_ == 0 ? 0 : headers_ - line_end.size()), lines);
  headers_ += lines.size();
}

outgoing_parts outgoing_message::parts() const noexcept {
  std::string_view const text = text_;
  if (text.empty())
    return {};
  auto const block = subject_ + reply_ + 2;
  return {text.substr(0, subject_), text.substr(subject_ + 1, reply_), text.substr(block, headers_),
          text.substr(block + headers_)};
}

void append_wire(std::string& out, outgoing_parts const& m) {
  out.append(m.headers.empty() ? "PUB " : "HPUB ").append(m.subject).append(1, ' ');
  if (!m.reply.empty())
    out.append(m.reply).append(1, ' ');
  if (!m.headers.empty()) {
    append_number(out, m.headers.size());
    out.append(1, ' ');
  }
  append_number(out, m.size());
  out.append(line_end).append(m.headers).append(m.data).append(line_end);
}

} // namespace aether::nats::detail
