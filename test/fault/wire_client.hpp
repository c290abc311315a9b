// NATS spoken by hand on one blocking socket: what checks the library must not be the library.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::fault {

struct wire_message {
  std::string subject;
  std::string reply;
  std::string headers; ///< the block as it came, "NATS/1.0…"; empty: none
  std::string data;

  /// The last header of that name; empty when there is none.
  std::string_view header(std::string_view name) const noexcept;
  /// Of the header's first line, as in "NATS/1.0 503"; 0: none.
  int status() const noexcept;
};

using wire_headers = std::vector<std::pair<std::string, std::string>>;

/// Not thread-safe. Whatever goes wrong on the way throws std::runtime_error; afterwards the client is of no more use.
class wire_client {
public:
  using clock = std::chrono::steady_clock;

  /// Connects to 127.0.0.1 and waits until the server has answered.
  explicit wire_client(std::uint16_t port, std::chrono::milliseconds patience = std::chrono::seconds(5));
  wire_client(wire_client const&) = delete;
  wire_client& operator=(wire_client const&) = delete;
  ~wire_client();

  /// Where answers to this client come to, up to the last token.
  std::string const& inbox() const noexcept { return inbox_; }
  /// Sends a message to whom it concerns.
  void publish(std::string_view subject, std::string_view data);
  /// Sends a message and returns the subject on which its answer is to be expected.
  std::string send(std::string_view subject, std::string_view data, wire_headers const& headers = {});
  /// The next answer to anything that was sent; nothing when none has come by then.
  std::optional<wire_message> next_answer(clock::time_point until);
  /// The first answer to what was sent, others are dropped; nothing when none has come by then.
  std::optional<wire_message> answer_to(std::string_view reply, clock::time_point until);
  /// Both.
  std::optional<wire_message> request(std::string_view subject, std::string_view data,
                                      wire_headers const& headers = {});

private:
  void write(std::string_view bytes);
  bool receive(clock::time_point until);
  std::optional<std::string> line();
  std::optional<wire_message> take();

  int socket_ = -1;
  std::chrono::milliseconds const patience_;
  std::string const inbox_;
  std::uint64_t sent_ = 0;
  std::string in_;
};

} // namespace aether::fault
