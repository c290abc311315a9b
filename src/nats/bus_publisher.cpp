// A queue between publishers on any thread and the connection's strand.
#include "nats/bus_publisher.hpp"

#include "detail/utf8.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <utility>

namespace aether::nats::detail {
namespace {

/// Namespaces that tell_counts() is about.
constexpr std::size_t most_counts_told = 1'024;
/// What a queued message takes beside its text, about.
constexpr std::size_t message_overhead = 128;

void check(std::string_view id, char const* what) {
  if (!aether::detail::valid_id(id))
    throw error(errc::invalid_id, "publish: the " + std::string(what) + ' ' + aether::detail::quoted(id) +
                                      " is not 1 to 255 bytes of UTF-8 without NUL");
}

} // namespace

bus_publisher::outgoing::outgoing(std::string subject, std::string_view payload)
    : text(std::move(subject)), subject_bytes(text.size()) {
  text.reserve(subject_bytes + 1 + payload.size());
  text.append(1, '\0').append(payload);
}

std::size_t bus_publisher::outgoing::weight() const noexcept { return text.size() + message_overhead; }

bus_publisher::bus_publisher(std::shared_ptr<bus_shared> shared, std::shared_ptr<connection_core> core)
    : shared_(std::move(shared)), core_(std::move(core)), counts_(shared_->max_published_namespaces) {}

bus_publisher::outgoing bus_publisher::encode(std::string_view name_space, event const& e) const {
  check(e.event_type, "event type");
  check(e.actor_id, "actor id");
  auto const json = to_json(e);
  auto const limit = core_->max_payload();
  if (limit > 0 && json.size() > static_cast<std::size_t>(limit))
    throw error(errc::event_too_large, "publish: event " + aether::detail::quoted(e.id) + " has " +
                                           std::to_string(json.size()) + " bytes, and the server takes " +
                                           std::to_string(limit));
  return outgoing(shared_->subjects.subject_of(e.event_type, e.actor_id, name_space), json);
}

void bus_publisher::send(std::string_view name_space, outgoing message) {
  std::unique_lock lock(mutex_);
  message.count = counts_.next(name_space); // also of what is not sent: who listens is to notice
  auto const full = queued_bytes_ + message.weight() > core_->options().max_pending_bytes;
  if (full || core_->state() == connection_state::closed) {
    owes_counts_ = true;
    lock.unlock();
    shared_->unsent.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  auto const weight = message.weight();
  queue_.push_back(std::move(message));
  queued_bytes_ += weight;
  run_soon(std::move(lock));
}

void bus_publisher::tell_counts() {
  std::unique_lock lock(mutex_);
  counts_.latest(most_counts_told, [&](std::string_view name_space, std::uint64_t count) {
    outgoing m(shared_->subjects.count_subject_of(name_space), {});
    m.count = count;
    auto const weight = m.weight();
    queue_.push_back(std::move(m));
    queued_bytes_ += weight;
  });
  if (!queue_.empty())
    run_soon(std::move(lock));
}

void bus_publisher::run_soon(std::unique_lock<std::mutex> lock) {
  if (std::exchange(run_due_, true))
    return;
  lock.unlock();
  try {
    core_->run_later(shared_from_this()); // refused: the context is gone
  } catch (...) {                         // no memory: the next publish asks again
    lock.lock();
    run_due_ = false;
    throw;
  }
}

void bus_publisher::run() {
  std::unique_lock lock(mutex_);
  handing_over_.swap(queue_);
  queued_bytes_ = 0;
  run_due_ = false;
  auto owes = std::exchange(owes_counts_, false);
  lock.unlock();
  std::uint64_t unsent = 0;
  bus_mark mark;
  mark.publisher = shared_->id;
  for (auto const& m : handing_over_) {
    mark.count = m.count;
    write_reply(reply_, mark);
    auto const result = core_->publish_now({m.subject(), reply_, {}, m.payload()});
    if (result == publish_result::handed_over)
      continue;
    auto const is_event = !m.payload().empty();
    unsent += is_event ? 1 : 0;
    // Counts that are refused though there is room would be refused again: they wait for the next loss.
    owes = owes || is_event || result == publish_result::overloaded;
  }
  handing_over_.clear();
  if (unsent > 0)
    shared_->unsent.fetch_add(unsent, std::memory_order_relaxed);
  // While there is no connection: at its return everything is told anyway.
  if (!owes || core_->state() != connection_state::connected || std::exchange(waits_for_room_, true))
    return;
  core_->when_written(shared_from_this());
}

void bus_publisher::on_ready(bool closed) {
  waits_for_room_ = false;
  if (!closed)
    tell_counts();
}

} // namespace aether::nats::detail
