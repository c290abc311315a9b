// A cnats message that is owned, with the few things the library reads.
#pragma once

#include <aether/nats/message.hpp>

#include <nats/nats.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

struct native_message_deleter {
  void operator()(natsMsg* m) const noexcept;
};

/// Messages to be destroyed, many at once: cnats frees them on a thread of its own, which it wakes for each one that is
/// destroyed alone. Between an answer and the next request that was a third of what a save takes. Not thread-safe.
class spent_messages {
public:
  spent_messages() { messages_.reserve(at_most); }
  spent_messages(spent_messages const&) = delete;
  spent_messages& operator=(spent_messages const&) = delete;
  ~spent_messages() { destroy(); }

  /// As long as it exists, what this thread destroys is gathered there.
  class collecting {
  public:
    explicit collecting(spent_messages& into) noexcept;
    collecting(collecting const&) = delete;
    collecting& operator=(collecting const&) = delete;
    ~collecting();

  private:
    spent_messages* const before_;
  };

private:
  friend native_message_deleter;
  void add(natsMsg* m) noexcept;
  void destroy() noexcept;

  static constexpr std::size_t at_most = 4096;
  static constexpr std::size_t bytes_at_most = 1024 * 1024;

  std::vector<natsMsg*> messages_;
  std::size_t bytes_ = 0;
};

struct outgoing_parts;

/// A message that was received. A plain value: it belongs to no connection and no thread.
class native_message {
public:
  native_message() = default;
  explicit native_message(natsMsg* owned) noexcept : msg_(owned) {}
  /// One that is to be sent. Throws bad_alloc.
  explicit native_message(outgoing_parts const& m);

  explicit operator bool() const noexcept { return msg_ != nullptr; }
  natsMsg* get() const noexcept { return msg_.get(); }
  std::string_view subject() const noexcept { return natsMsg_GetSubject(msg_.get()); }
  std::string_view reply() const noexcept;
  std::string_view data() const noexcept {
    return {natsMsg_GetData(msg_.get()), static_cast<std::size_t>(natsMsg_GetDataLength(msg_.get()))};
  }
  /// The first header of that name; an empty view when there is none.
  std::string_view header(char const* name) const noexcept;
  /// Of a status message (header line `NATS/1.0 404 …`); 0: an ordinary one.
  int status() const noexcept;
  /// Takes the headers out.
  message to_message() &&;

private:
  std::unique_ptr<natsMsg, native_message_deleter> msg_;
};

} // namespace aether::nats::detail
