// The NATS protocol by hand: CONNECT, SUB, PUB, HPUB, MSG, and no more.
#include "benchmark/floor_client.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace aether::benchmark {
namespace {

constexpr std::string_view inbox = "_INBOX.floor";
constexpr std::size_t at_a_time = 32 * 1024; // bytes per send

[[noreturn]] void throw_errno(char const* what) {
  throw std::system_error(errno, std::generic_category(), std::string("floor: ") + what);
}

std::uint64_t number_of(std::string_view digits) {
  std::uint64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
    throw std::runtime_error("floor: no number: " + std::string(digits));
  return value;
}

std::uint64_t sequence_of(std::string_view acknowledgement) {
  constexpr std::string_view field = "\"seq\":";
  auto const at = acknowledgement.find(field);
  if (at == std::string_view::npos || acknowledgement.find("\"error\"") != std::string_view::npos)
    throw std::runtime_error("floor: not stored: " + std::string(acknowledgement));
  auto const rest = acknowledgement.substr(at + field.size());
  return number_of(rest.substr(0, rest.find_first_not_of("0123456789")));
}

} // namespace

floor_client::floor_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  if (socket_ < 0)
    throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int const on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
    throw_errno("connect");
  out_ = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\nSUB ";
  out_.append(inbox).append(" 1\r\nPING\r\n");
  send_all();
  for (;;) {
    auto const text = line();
    if (text.starts_with("PONG"))
      return;
    if (text.empty() && !receive(true))
      throw std::runtime_error("floor: the server hung up");
  }
}

floor_client::~floor_client() { ::close(socket_); }

std::uint64_t floor_client::save(encoded_event const& e, std::uint64_t expected_sequence) {
  append_save(e, expected_sequence);
  send_all();
  std::string_view answer;
  next_message(answer, true);
  return sequence_of(answer);
}

void floor_client::save_all(workload const& w, std::span<encoded_event const> events, std::size_t pending,
                            std::uint64_t base) {
  std::size_t sent = 0;
  std::size_t answered = 0;
  std::string_view answer;
  while (answered < events.size()) {
    while (sent < events.size() && sent - answered < pending && out_.size() < at_a_time) {
      append_save(events[sent], w.expected_sequence(sent, base));
      ++sent;
    }
    bool const full = sent == events.size() || sent - answered >= pending;
    send_all();
    if (full) {
      next_message(answer, true);
      sequence_of(answer);
      ++answered;
    }
    while (next_message(answer, false)) {
      sequence_of(answer);
      ++answered;
    }
  }
}

void floor_client::publish(std::string_view subject, std::string_view body) {
  out_.append("PUB ").append(subject).append(" ").append(inbox).append(" ").append(std::to_string(body.size()));
  out_.append("\r\n").append(body).append("\r\n");
  send_all();
}

void floor_client::read_history(std::string const& stream, std::string const& subject, std::size_t count,
                                bool direct_batches) {
  std::string_view payload;
  if (direct_batches) {
    publish("$JS.API.DIRECT.GET." + stream, R"({"seq":1,"next_by_subj":")" + subject + R"(","batch":)" +
                                                std::to_string(count + 1) + R"(,"max_bytes":4194304})");
    std::size_t come = 0;
    while (next_message(payload, true) && !is_status_)
      ++come;
    if (come != count)
      throw std::runtime_error("floor: a batch of another length: " + std::to_string(come));
    return;
  }
  auto const name = "floor" + std::to_string(++consumers_);
  auto const created = request("$JS.API.CONSUMER.CREATE." + stream + '.' + name + '.' + subject,
                               R"({"stream_name":")" + stream + R"(","config":{"name":")" + name +
                                   R"(","deliver_policy":"all","ack_policy":"none","filter_subject":")" + subject +
                                   R"(","num_replicas":1,"mem_storage":true,"inactive_threshold":30000000000}})");
  if (created.find("\"error\"") != std::string_view::npos)
    throw std::runtime_error("floor: no consumer: " + std::string(created));
  publish("$JS.API.CONSUMER.MSG.NEXT." + stream + '.' + name,
          R"({"no_wait":true,"batch":)" + std::to_string(count) + '}');
  for (std::size_t i = 0; i < count; ++i) {
    next_message(payload, true);
    if (is_status_)
      throw std::runtime_error("floor: a pull that ended early");
  }
  request("$JS.API.CONSUMER.DELETE." + stream + '.' + name, "");
}

std::string_view floor_client::request(std::string_view subject, std::string_view body) {
  publish(subject, body);
  std::string_view answer;
  next_message(answer, true);
  return answer;
}

void floor_client::append_save(encoded_event const& e, std::uint64_t expected_sequence) {
  constexpr std::string_view expectation = "NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: ";
  constexpr std::string_view id = "\r\nNats-Msg-Id: ";
  constexpr std::string_view end = "\r\n\r\n";
  char digits[20];
  std::string_view const expected(digits,
                                  std::to_chars(digits, digits + sizeof digits, expected_sequence).ptr - digits);
  auto const header_size = expectation.size() + expected.size() + id.size() + e.id.size() + end.size();
  out_.append("HPUB ").append(e.subject).append(" ").append(inbox).append(" ").append(std::to_string(header_size));
  out_.append(" ").append(std::to_string(header_size + e.json.size())).append("\r\n").append(expectation);
  out_.append(expected).append(id).append(e.id).append(end).append(e.json).append("\r\n");
}

void floor_client::send_all() {
  for (std::size_t sent = 0; sent < out_.size();) {
    auto const n = ::send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (n < 0)
      throw_errno("send");
    sent += static_cast<std::size_t>(n);
  }
  out_.clear();
}

bool floor_client::receive(bool wait) {
  in_.erase(0, parsed_);
  parsed_ = 0;
  auto const had = in_.size();
  in_.resize(std::max<std::size_t>(had + 64 * 1024, in_.capacity()));
  auto const n = ::recv(socket_, in_.data() + had, in_.size() - had, wait ? 0 : MSG_DONTWAIT);
  in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0 && errno != EAGAIN)
    throw_errno("recv");
  if (n == 0)
    throw std::runtime_error("floor: the server hung up");
  return n > 0;
}

// Without its end; empty when it has not come whole.
std::string_view floor_client::line() {
  auto const end = in_.find("\r\n", parsed_);
  if (end == std::string::npos)
    return {};
  auto const text = std::string_view(in_).substr(parsed_, end - parsed_);
  parsed_ = end + 2;
  return text;
}

bool floor_client::next_message(std::string_view& payload, bool wait) {
  for (;;) {
    bool taken = false;
    if (take_message(payload, taken))
      return true;
    if (!taken && !receive(wait))
      return false;
  }
}

// True: `payload` is a message's. `taken`: something else came whole, and was dealt with.
bool floor_client::take_message(std::string_view& payload, bool& taken) {
  auto const begin = parsed_;
  auto const text = line();
  if (text.empty())
    return false;
  if (text.starts_with("PING")) {
    out_.append("PONG\r\n");
    taken = true;
  } else if (text.starts_with("MSG ")) {
    auto const size = number_of(text.substr(text.rfind(' ') + 1));
    if (in_.size() - parsed_ >= size + 2) {
      payload = std::string_view(in_).substr(parsed_, size);
      is_status_ = false;
      parsed_ += size + 2;
      return true;
    }
    parsed_ = begin;
  } else if (text.starts_with("HMSG ")) {
    auto const last = text.rfind(' ');
    auto const size = number_of(text.substr(last + 1));
    auto const header_at = text.rfind(' ', last - 1) + 1;
    auto const header = number_of(text.substr(header_at, last - header_at));
    if (in_.size() - parsed_ >= size + 2) {
      auto const whole = std::string_view(in_).substr(parsed_, size);
      is_status_ = whole.starts_with("NATS/1.0 ");
      payload = whole.substr(header);
      parsed_ += size + 2;
      return true;
    }
    parsed_ = begin;
  } else if (text.starts_with("-ERR")) {
    throw std::runtime_error("floor: " + std::string(text));
  } else {
    taken = true; // INFO
  }
  return false;
}

} // namespace aether::benchmark
