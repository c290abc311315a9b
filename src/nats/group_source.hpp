// A group's messages as its two consumers deliver them to one store object.
#pragma once

#include "nats/answer_slot.hpp"
#include "nats/group_access.hpp"
#include "nats/group_pulls.hpp"
#include "nats/store_core.hpp"

#include <aether/group_source.hpp>

#include <array>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>

namespace aether::nats::detail {

/// Thread-safe.
class jetstream_group_source final : public group_source,
                                     public store_core::closable,
                                     public std::enable_shared_from_this<jetstream_group_source> {
public:
  jetstream_group_source(std::shared_ptr<store_core> store, std::shared_ptr<group_access const> group);
  ~jetstream_group_source() override;

  void on_change(std::function<void()> changed) override { changed_ = std::move(changed); }
  void want(std::size_t messages, std::size_t bytes, time now, time until) override;
  bool take(group_delivery& into, time now) override;
  time due() const override;
  bool needs_tending(time now) const override;
  awaitable<void> tend(time deadline) override;
  void pause() noexcept override;
  std::chrono::nanoseconds operation_timeout() const noexcept override {
    return group_->events->config.operation_timeout;
  }

  void store_closed() noexcept override { wake(); }

private:
  class inbox;
  struct lane {
    std::string reply; // where messages come
    std::uint64_t subscription = 0;
    group_pulls pulls;
    std::shared_ptr<answer_slot> checking; // the answer of CONSUMER.INFO
  };
  struct arrival {
    group_lane from = group_lane::events;
    native_message message;

    arrival() = default;
    arrival(group_lane l, native_message m) : from(l), message(std::move(m)) {}
  };

  // On the strand.
  bool on_message(group_lane from, native_message& message);
  void on_trouble(group_lane from);
  void on_refused();

  void wake() const;
  lane& lane_of(group_lane l) noexcept { return lanes_[static_cast<std::size_t>(l)]; }
  void fail(std::exception_ptr why);
  void subscribe();
  void ask(group_lane l, group_pull const& p) const;
  bool make_delivery(arrival a, group_delivery& into);
  void read_event(native_message const& message, std::string_view subject, group_delivery& into) const;
  static awaitable<void> tend_lanes(std::shared_ptr<jetstream_group_source> self, time deadline);
  static awaitable<void> try_pull(std::shared_ptr<jetstream_group_source> self, group_lane l, time deadline);
  static awaitable<void> check(std::shared_ptr<jetstream_group_source> self, group_lane l, time deadline);
  static awaitable<void> fetch_left_out(std::shared_ptr<jetstream_group_source> self, time deadline);

  std::shared_ptr<store_core> const store_;
  std::shared_ptr<group_access const> const group_;
  std::function<void()> changed_;

  mutable std::mutex mutex_;
  std::array<lane, 2> lanes_;
  std::deque<arrival> arrived_;
  std::deque<arrival> left_out_; // letters whose events have to be read from their stream
  std::deque<group_delivery> ready_;
  bool subscribed_ = false;
  bool wanted_ = false;
  std::exception_ptr failed_;
};

} // namespace aether::nats::detail
