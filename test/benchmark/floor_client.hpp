// The floor: the NATS protocol written by hand on one blocking socket. Nothing that uses a server can be much faster.
#pragma once

#include "benchmark/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace aether::benchmark {

class floor_client {
public:
  /// Connects to 127.0.0.1. Here and below std::runtime_error is thrown for everything unexpected.
  explicit floor_client(std::uint16_t port);
  floor_client(floor_client const&) = delete;
  floor_client& operator=(floor_client const&) = delete;
  ~floor_client();

  /// Publishes with the two headers of a save and waits for the acknowledgement; returns the sequence.
  std::uint64_t save(encoded_event const& e, std::uint64_t expected_sequence);

  /// The same for all events of a workload, up to `pending` of them unacknowledged, in a stream that held `base`
  /// messages.
  void save_all(workload const& w, std::span<encoded_event const> events, std::size_t pending, std::uint64_t base = 0);

  /// Sends a request and returns the answer's bytes, which stay until the next call.
  std::string_view request(std::string_view subject, std::string_view body);

  /// Reads `count` messages of a subject as whoever knows the server best would: one batch of direct gets where it has
  /// them, else a consumer of the moment.
  void read_history(std::string const& stream, std::string const& subject, std::size_t count, bool direct_batches);

private:
  void publish(std::string_view subject, std::string_view body);
  void append_save(encoded_event const& e, std::uint64_t expected_sequence);
  void send_all();
  /// The next message's payload. False: nothing has come, and it was not to wait.
  bool next_message(std::string_view& payload, bool wait);
  bool take_message(std::string_view& payload, bool& taken);
  bool receive(bool wait);
  std::string_view line();

  int socket_ = -1;
  std::string out_;
  std::string in_;
  std::size_t parsed_ = 0;
  int consumers_ = 0; ///< made so far
  bool is_status_ = false; ///< the last message
};

} // namespace aether::benchmark
