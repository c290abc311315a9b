// Makes cnats messages and reads them.
#include "nats/native_message.hpp"

#include "nats/outgoing_message.hpp"

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

native_message::native_message(outgoing_parts const& m) {
  static bool const opened = nats_Open(-1) == NATS_OK; // before it cnats cannot destroy a message
  natsMsg* made = nullptr;
  if (!opened || natsMsg_Create(&made, m.subject.data(), m.reply.empty() ? nullptr : m.reply.data(), m.data.data(),
                                static_cast<int>(m.data.size())) != NATS_OK)
    throw std::bad_alloc();
  msg_.reset(made);
  header_list headers;
  for (auto lines = m.headers; lines.size() > 2;) {
    auto const line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(line.size() + 2);
    if (auto const colon = line.find(": "); colon != std::string_view::npos) // else the first
      headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  // So that nothing that begins with a name is there when it is added: see names_of().
  std::stable_sort(headers.begin(), headers.end(),
                   [](auto const& a, auto const& b) { return a.first.size() < b.first.size(); });
  for (auto const& [name, value] : headers)
    if (natsMsgHeader_Add(made, name.c_str(), value.c_str()) != NATS_OK)
      throw std::bad_alloc();
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
