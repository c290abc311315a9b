// Defaults, counters and the rate of complaints.
#include "nats/bus_shared.hpp"

#include <chrono>

namespace aether::nats::detail {
namespace {

std::size_t or_standard(std::size_t given, std::size_t standard) noexcept { return given == 0 ? standard : given; }

std::string new_bus_id() {
  auto id = make_uuid();
  std::erase(id, '-');
  return id.substr(0, 20); // 76 random bits
}

} // namespace

bus_shared::bus_shared(event_bus_options options)
    : subjects(options.prefix.empty() ? "aether.bus" : options.prefix), id(new_bus_id()),
      max_published_namespaces(or_standard(options.max_published_namespaces, 16'384)),
      max_heard_counts(or_standard(options.max_heard_counts, 65'536)), log(std::move(options.log)) {}

void bus_shared::complain(std::string_view subject, std::string_view cause) {
  malformed.fetch_add(1, std::memory_order_relaxed);
  if (!log || !log->takes(log_level::warning))
    return;
  std::unique_lock lock(mutex_);
  auto const left_out = limit_.take(std::chrono::steady_clock::now());
  lock.unlock();
  if (left_out)
    log->log(log_level::warning, "a message on the bus holds no event",
             {{"subject", subject}, {"cause", cause}, {"left_out", *left_out}});
}

void bus_shared::add_to(bus_metrics& m) const noexcept {
  m.received += received;
  m.dropped += dropped;
  m.heard += heard;
  m.missed += missed;
  m.gaps += gaps;
  m.malformed += malformed;
  m.unsent += unsent;
}

} // namespace aether::nats::detail
