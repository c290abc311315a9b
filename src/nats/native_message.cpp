// Makes cnats messages and reads them.
#include "nats/native_message.hpp"

#include "detail/utf8.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <new>
#include <utility>

namespace aether::nats::detail {
namespace {

thread_local spent_messages* collected_here = nullptr;

/// The longest first. Asked for a name, cnats compares only its length, and so it may find a longer one that begins
/// with it and has the same hash, as `userId` has that of `user` (seen from 3.4 to 3.13). Removing compares all.
std::vector<std::string> names_of(natsMsg* m) {
  char const** keys = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(m, &keys, &count) != NATS_OK)
    return {};
  std::unique_ptr<char const*, decltype(&std::free)> const owned(keys, &std::free);
  std::vector<std::string> names(keys, keys + count);
  std::stable_sort(names.begin(), names.end(), [](auto const& a, auto const& b) { return a.size() > b.size(); });
  return names;
}

} // namespace

void native_message_deleter::operator()(natsMsg* m) const noexcept {
  if (collected_here)
    collected_here->add(m);
  else
    natsMsg_Destroy(m);
}

void spent_messages::add(natsMsg* m) noexcept {
  messages_.push_back(m); // there is room
  bytes_ += static_cast<std::size_t>(natsMsg_GetDataLength(m));
  if (messages_.size() == at_most || bytes_ > bytes_at_most)
    destroy();
}

void spent_messages::destroy() noexcept {
  for (auto* m : messages_)
    natsMsg_Destroy(m);
  messages_.clear();
  bytes_ = 0;
}

spent_messages::collecting::collecting(spent_messages& into) noexcept : before_(std::exchange(collected_here, &into)) {}

spent_messages::collecting::~collecting() { collected_here = before_; }

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

native_message::native_message(std::string const& subject, std::string const& reply, std::string_view data) {
  if (!is_safe_subject(subject) || (!reply.empty() && !is_safe_subject(reply)) ||
      subject.size() + reply.size() > max_subject_bytes)
    throw error(errc::invalid_argument,
                "the subject " + aether::detail::quoted(subject.substr(0, 100)) + " or the reply subject " +
                    aether::detail::quoted(reply.substr(0, 100)) +
                    " is empty, holds white space or control characters, or both together have more than 4,032 bytes");
  if (data.size() > 1u << 30) // cnats counts in int; no server takes more than 64 MB
    throw error(errc::event_too_large, "a message of " + std::to_string(data.size()) + " bytes");
  static bool const opened = nats_Open(-1) == NATS_OK; // before it cnats cannot destroy a message
  natsMsg* made = nullptr;
  if (!opened || natsMsg_Create(&made, subject.c_str(), reply.empty() ? nullptr : reply.c_str(), data.data(),
                                static_cast<int>(data.size())) != NATS_OK)
    throw std::bad_alloc();
  msg_.reset(made);
}

native_message::native_message(message const& m, std::string const& reply) : native_message(m.subject, reply, m.data) {
  std::vector<header_list::value_type const*> headers;
  for (auto const& h : m.headers)
    headers.push_back(&h);
  // So that nothing that begins with a name is there when it is added: see names_of().
  std::stable_sort(headers.begin(), headers.end(),
                   [](auto const* a, auto const* b) { return a->first.size() < b->first.size(); });
  for (auto const* h : headers) {
    auto const& [name, value] = *h;
    if (!is_safe_subject(name) || name.find(':') != std::string::npos ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      throw error(errc::invalid_argument, "the header " + aether::detail::quoted(name) +
                                              " is empty, or it or its value holds what ends it: a colon or white "
                                              "space in the name, a line break or NUL");
    if (natsMsgHeader_Add(msg_.get(), name.c_str(), value.c_str()) != NATS_OK)
      throw std::bad_alloc();
  }
}

native_message& native_message::set_header(char const* name, std::string const& value) {
  if (natsMsgHeader_Set(msg_.get(), name, value.c_str()) != NATS_OK)
    throw std::bad_alloc();
  return *this;
}

std::string_view native_message::reply() const noexcept {
  auto const* reply = natsMsg_GetReply(msg_.get());
  return reply ? std::string_view(reply) : std::string_view();
}

std::string_view native_message::header(char const* name) const noexcept {
  char const* value = nullptr;
  if (natsMsgHeader_Get(msg_.get(), name, &value) != NATS_OK || !value)
    return {};
  return value;
}

int native_message::status() const noexcept {
  auto text = header("Status");
  int code = 0;
  std::from_chars(text.data(), text.data() + text.size(), code);
  return code;
}

message native_message::to_message() && {
  message out;
  out.subject = subject();
  out.reply = reply();
  out.data = data();
  out.status = status();
  for (auto const& name : names_of(msg_.get())) {
    char const** values = nullptr;
    int n = 0;
    if (natsMsgHeader_Values(msg_.get(), name.c_str(), &values, &n) != NATS_OK)
      continue;
    for (int k = 0; k < n; ++k)
      out.headers.emplace_back(name, values[k]);
    std::free(values);
    natsMsgHeader_Delete(msg_.get(), name.c_str());
  }
  return out;
}

} // namespace aether::nats::detail
