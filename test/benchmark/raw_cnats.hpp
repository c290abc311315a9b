// The same works done with cnats' own JetStream functions, as a program without this library would.
#pragma once

#include "benchmark/raw_connection.hpp"
#include "benchmark/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace aether::benchmark {

class raw_cnats {
public:
  /// `send_at_once`: as of raw_connection. Here and below std::runtime_error is thrown for everything unexpected.
  raw_cnats(std::string const& url, bool send_at_once);
  raw_cnats(raw_cnats const&) = delete;
  raw_cnats& operator=(raw_cnats const&) = delete;
  ~raw_cnats();

  /// Blocking js_Publish with the two headers of a save; returns the sequence.
  std::uint64_t save(encoded_event const& e, std::uint64_t expected_sequence);

  /// js_PublishMsgAsync with the same headers, up to 4,096 pending, and js_PublishAsyncComplete.
  void save_all(workload const& w, std::span<encoded_event const> events);

  /// js_GetLastMsg; returns the sequence.
  std::uint64_t last_message(std::string const& stream, std::string const& subject);

  enum class reading { bytes, json };

  /// An ordered js_SubscribeSync that reads `count` messages and drops them, as they are or parsed by Boost.JSON;
  /// returns their bytes.
  std::size_t read_all(std::string const& stream, std::string const& subject, std::size_t count,
                       reading how = reading::bytes);

  /// Messages this connection has sent.
  std::uint64_t messages_out() const;

private:
  static void on_refused(jsCtx* js, jsPubAckErr* error, void* self);

  raw_connection link_;
  jsCtx* js_ = nullptr;
  std::size_t refused_ = 0; // written by a thread of cnats until everything is complete
};

} // namespace aether::benchmark
