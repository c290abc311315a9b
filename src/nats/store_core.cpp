// The store's beginning and end: lanes, counting what is under way, draining.
#include "nats/store_core.hpp"

#include <algorithm>

namespace aether::nats::detail {

std::shared_ptr<store_core> store_core::make(connection on, std::string stream_name,
                                             std::shared_ptr<stream_access const> stream,
                                             std::vector<weakened_setting> weakened) {
  std::shared_ptr<store_core> made;
  auto const link = on.core();
  link->while_open([&](boost::asio::any_io_executor const& executor) {
    made = std::make_shared<store_core>(std::move(on), std::move(stream_name), std::move(stream), std::move(weakened),
                                        executor);
    aether::detail::context_service::of(executor).add_member(made); // to be told when the context goes
  });
  if (!made)
    throw error(errc::closed, "open: the connection's execution context is gone");
  return made;
}

store_core::store_core(connection on, std::string stream_name, std::shared_ptr<stream_access const> stream,
                       std::vector<weakened_setting> weakened, boost::asio::any_io_executor const& executor)
    : connection_(std::move(on)), stream_name_(std::move(stream_name)), stream_(std::move(stream)),
      weakened_(std::move(weakened)),
      announcer_(aether::detail::announcer::make(stream_->config.announce_to, stream_->config.name_space,
                                                 stream_->config.log)),
      remembered_(stream_->config.max_remembered_saves, stream_->max_age) {
  auto const& config = stream_->config;
  auto const share = [&](std::size_t whole) { return std::max<std::size_t>(1, whole / config.strands); };
  for (std::size_t i = 0; i < config.strands; ++i)
    lanes_.push_back(std::make_unique<save_lane>(executor, share(config.version_cache_bytes),
                                                 share(config.max_saves_in_flight), stream_->max_age));
}

void store_core::add_metrics(store_metrics& m) const {
  m.saves_unresolved += remembered_.size();
  for (auto const& lane : lanes_)
    m.cache_bytes += lane->cache_bytes();
  if (announcer_) {
    m.announcements += announcer_->published();
    m.announcements_dropped += announcer_->dropped();
  }
}

void store_core::check_open() const {
  if (is_closing() || link().state() == connection_state::closed)
    throw error(errc::closed, is_closing() ? "the store was closed" : "the store's connection was closed");
}

void store_core::save_began() {
  ++operations_;
  bool const room = waiting_saves_.fetch_add(1, std::memory_order_relaxed) < stream_->config.max_waiting_saves;
  if (room && !closing_)
    return;
  save_ended();
  if (closing_) // since check_open(): close() may have seen nothing under way
    check_open();
  throw error(errc::overloaded, "more than max_waiting_saves (" + std::to_string(stream_->config.max_waiting_saves) +
                                    ") saves wait; nothing was stored: try again when some have ended");
}

void store_core::save_ended() noexcept {
  waiting_saves_.fetch_sub(1, std::memory_order_relaxed);
  operation_ended();
}

void store_core::operation_began() {
  ++operations_;
  if (!closing_)
    return;
  operation_ended(); // since check_open(): close() may have seen nothing under way
  check_open();
}

void store_core::operation_ended() noexcept {
  if (operations_.fetch_sub(1) != 1 || !closing_)
    return;
  std::vector<waiter> idle;
  {
    std::lock_guard lock(mutex_);
    if (operations_ != 0) // one began before the store was closing, and whoever closes it waits for that: it tells
      return;
    idle.swap(idle_waiters_);
  }
  for (auto& w : idle)
    w->complete(true);
}

void store_core::when_idle(waiter w) {
  {
    std::lock_guard lock(mutex_);
    idle_waiters_.push_back(w);
  }
  if (operations_.load() == 0)
    w->complete(true);
}

void store_core::wake_when_closed(std::weak_ptr<closable> who) {
  {
    std::lock_guard lock(mutex_);
    if (closables_.size() == closables_.capacity())
      std::erase_if(closables_, [](auto const& c) { return c.expired(); });
    closables_.push_back(who);
  }
  if (is_closing())
    wake_closables();
}

void store_core::wake_closables() noexcept {
  std::vector<std::weak_ptr<closable>> woken;
  {
    std::lock_guard lock(mutex_);
    woken.swap(closables_);
  }
  for (auto const& weak : woken)
    if (auto const who = weak.lock())
      who->store_closed();
}

boost::asio::awaitable<close_report> store_core::close(std::shared_ptr<store_core> self, steady_time deadline) {
  using aether::detail::wait_end;
  self->closing_ = true;
  self->wake_closables();
  auto drained = co_await aether::detail::wait_until<bool>(deadline, [&](waiter w) {
    auto store = self;
    store->when_idle(std::move(w));
  });
  aether::detail::throw_if_cancelled(drained);
  if (self->announcer_ && drained.end == wait_end::completed) {
    auto const announced = co_await aether::detail::wait_until<bool>(deadline, [&](waiter w) {
      auto store = self;
      store->announcer_->when_empty(std::move(w));
    });
    aether::detail::throw_if_cancelled(announced);
  }
  close_report report;
  if (drained.end == wait_end::completed) {
    report.unknown = self->remembered_.all();
    co_return report;
  }
  auto const soon = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (auto& lane : self->lanes_) { // those handed over go on being resolved; those that wait end here
    using unresolved = std::vector<unknown_save>;
    auto left = co_await aether::detail::wait_until<unresolved>(
        soon, [&](std::shared_ptr<aether::detail::wait_state<unresolved>> w) {
          auto* waiting_lane = lane.get();
          waiting_lane->end_waiting(self, std::move(w));
        });
    if (left.value)
      report.unknown.insert(report.unknown.end(), left.value->begin(), left.value->end());
  }
  for (auto& u : self->remembered_.all()) // asked last: what has ended since then is remembered
    if (std::none_of(report.unknown.begin(), report.unknown.end(), [&](unknown_save const& known) {
          return known.event_id == u.event_id && known.actor_id == u.actor_id;
        }))
      report.unknown.push_back(std::move(u));
  co_return report;
}

void store_core::context_shutdown() noexcept {
  closing_ = true;
  for (auto& lane : lanes_)
    lane->shutdown();
}

} // namespace aether::nats::detail
