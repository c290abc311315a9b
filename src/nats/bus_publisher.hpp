// What a bus publishes to others: numbered, queued, and handed over to the connection many at a time.
#pragma once

#include "nats/bus_counts.hpp"
#include "nats/bus_shared.hpp"
#include "nats/connection_core.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// Thread-safe.
class bus_publisher final : public strand_task, public ready_sink, public std::enable_shared_from_this<bus_publisher> {
public:
  bus_publisher(std::shared_ptr<bus_shared> shared, std::shared_ptr<connection_core> core);

  /// One that is to be sent.
  struct outgoing {
    std::string text; ///< the subject, NUL, and the payload
    std::size_t subject_bytes = 0;
    std::uint64_t count = 0;

    outgoing(std::string subject, std::string_view payload);
    std::string_view subject() const noexcept { return std::string_view(text).substr(0, subject_bytes); }
    std::string_view payload() const noexcept { return std::string_view(text).substr(subject_bytes + 1); }
    std::size_t weight() const noexcept;
  };

  /// Throws as event_bus::publish() does, and then has done nothing; else returns what send() takes.
  outgoing encode(std::string_view name_space, event const& e) const;
  void send(std::string_view name_space, outgoing message);
  /// Tells those who listen how many messages there have been, so that they notice what they did not get: when what was
  /// handed over may be lost.
  void tell_counts();

private:
  void run_soon(std::unique_lock<std::mutex> lock);
  // On the strand.
  void run() override;
  void on_ready(bool closed) override;

  std::shared_ptr<bus_shared> const shared_;
  std::shared_ptr<connection_core> const core_;

  std::mutex mutex_; // orders numbers and queue
  published_counts counts_;
  std::vector<outgoing> queue_;
  std::size_t queued_bytes_ = 0;
  bool run_due_ = false;
  bool owes_counts_ = false; // something was not sent

  // Guarded by the strand.
  std::vector<outgoing> handing_over_;
  std::string reply_;
  bool waits_for_room_ = false;
};

} // namespace aether::nats::detail
