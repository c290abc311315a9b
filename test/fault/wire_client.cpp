// CONNECT, SUB, HPUB and PUB go out; INFO, PING, MSG, HMSG and -ERR come in.
#include "fault/wire_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <random>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace aether::fault {
namespace {

[[noreturn]] void throw_errno(char const* what) {
  throw std::system_error(errno, std::generic_category(), std::string("wire: ") + what);
}

std::size_t size_in(std::string_view digits) {
  std::size_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
    throw std::runtime_error("wire: no size: " + std::string(digits));
  return value;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    auto const end = std::min(text.find(' '), text.size());
    if (end > 0)
      words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string random_inbox() {
  std::random_device random;
  return "_INBOX.wire" + std::to_string(random()) + std::to_string(random()) + ".";
}

} // namespace

std::string_view wire_message::header(std::string_view name) const noexcept {
  std::string_view found;
  std::string_view rest = headers;
  while (!rest.empty()) {
    auto const end = std::min(rest.find("\r\n"), rest.size());
    auto const one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    if (!one.starts_with(name) || one.size() <= name.size() || one[name.size()] != ':')
      continue;
    found = one.substr(name.size() + 1);
    found.remove_prefix(std::min(found.find_first_not_of(' '), found.size()));
  }
  return found;
}

int wire_message::status() const noexcept {
  constexpr std::string_view start = "NATS/1.0 ";
  int code = 0;
  if (headers.starts_with(start))
    std::from_chars(headers.data() + start.size(), headers.data() + headers.size(), code);
  return code;
}

wire_client::wire_client(std::uint16_t port, std::chrono::milliseconds patience)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), patience_(patience), inbox_(random_inbox()) {
  if (socket_ < 0)
    throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int const on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  try {
    if (::connect(socket_, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
      throw_errno("connect");
    write("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nSUB " + inbox_ +
          "* 1\r\nPING\r\n");
    auto const until = clock::now() + patience_;
    for (;;) {
      auto const text = line();
      if (text && text->starts_with("PONG"))
        return;
      if (text && text->starts_with("-ERR"))
        throw std::runtime_error("wire: " + *text);
      if (!text && !receive(until))
        throw std::runtime_error("wire: the server does not answer");
    }
  } catch (...) {
    ::close(socket_);
    throw;
  }
}

wire_client::~wire_client() { ::close(socket_); }

void wire_client::publish(std::string_view subject, std::string_view data) {
  std::string bytes = "PUB ";
  bytes.append(subject).append(" ").append(std::to_string(data.size())).append("\r\n").append(data).append("\r\n");
  write(bytes);
}

std::string wire_client::send(std::string_view subject, std::string_view data, wire_headers const& headers) {
  auto reply = inbox_ + std::to_string(++sent_);
  std::string block;
  for (auto const& [name, value] : headers)
    block += (block.empty() ? "NATS/1.0\r\n" : "") + name + ": " + value + "\r\n";
  if (!block.empty())
    block += "\r\n";
  std::string bytes = block.empty() ? "PUB " : "HPUB ";
  bytes.append(subject).append(" ").append(reply).append(" ");
  if (!block.empty())
    bytes.append(std::to_string(block.size())).append(" ");
  bytes.append(std::to_string(block.size() + data.size())).append("\r\n").append(block).append(data).append("\r\n");
  write(bytes);
  return reply;
}

std::optional<wire_message> wire_client::next_answer(clock::time_point until) {
  for (;;) {
    if (auto message = take())
      return message;
    if (!receive(until))
      return {};
  }
}

std::optional<wire_message> wire_client::answer_to(std::string_view reply, clock::time_point until) {
  for (;;) {
    auto message = next_answer(until);
    if (!message || message->subject == reply)
      return message;
  }
}

std::optional<wire_message> wire_client::request(std::string_view subject, std::string_view data,
                                                 wire_headers const& headers) {
  auto const reply = send(subject, data, headers);
  return answer_to(reply, clock::now() + patience_);
}

void wire_client::write(std::string_view bytes) {
  auto const until = clock::now() + patience_;
  while (!bytes.empty()) {
    auto const n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR)
      throw_errno("send");
    pollfd state{socket_, POLLOUT, 0};
    if (clock::now() >= until)
      throw std::runtime_error("wire: the server takes nothing");
    ::poll(&state, 1, 50);
  }
}

// False: nothing came in time.
bool wire_client::receive(clock::time_point until) {
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    if (left <= 0)
      return false;
    pollfd state{socket_, POLLIN, 0};
    auto const ready = ::poll(&state, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR)
      throw_errno("poll");
    if (ready <= 0)
      continue;
    std::array<char, 16 * 1024> buffer;
    auto const n = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (n < 0)
      throw_errno("recv");
    if (n == 0)
      throw std::runtime_error("wire: the server hung up");
    in_.append(buffer.data(), static_cast<std::size_t>(n));
    return true;
  }
}

// Without its end; nothing when it has not come whole.
std::optional<std::string> wire_client::line() {
  auto const end = in_.find("\r\n");
  if (end == std::string::npos)
    return {};
  auto text = in_.substr(0, end);
  in_.erase(0, end + 2);
  return text;
}

// The next message that has come whole; what else has come is dealt with.
std::optional<wire_message> wire_client::take() {
  for (;;) {
    auto const end = in_.find("\r\n");
    if (end == std::string::npos)
      return {};
    std::string const text = in_.substr(0, end);
    bool const with_headers = text.starts_with("HMSG ");
    if (!with_headers && !text.starts_with("MSG ")) {
      in_.erase(0, end + 2);
      if (text.starts_with("PING"))
        write("PONG\r\n");
      else if (text.starts_with("-ERR"))
        throw std::runtime_error("wire: " + text);
      continue;
    }
    auto const words = words_of(text); // what, subject, subscription, [reply], [size of headers], size
    std::size_t const sizes = with_headers ? 2 : 1;
    if (words.size() < 3 + sizes)
      throw std::runtime_error("wire: " + text);
    auto const size = size_in(words.back());
    auto const header_size = with_headers ? size_in(words[words.size() - 2]) : 0;
    if (in_.size() < end + 2 + size + 2)
      return {};
    if (header_size > size)
      throw std::runtime_error("wire: " + text);
    wire_message message;
    message.subject = words[1];
    if (words.size() > 3 + sizes)
      message.reply = words[3];
    message.headers = in_.substr(end + 2, header_size);
    message.data = in_.substr(end + 2 + header_size, size - header_size);
    in_.erase(0, end + 2 + size + 2);
    return message;
  }
}

} // namespace aether::fault
