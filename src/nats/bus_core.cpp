// Who subscribes to what at the server, and what is done when the connection is back.
#include "nats/bus_core.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether::nats::detail {

namespace {

constexpr std::size_t most_refused_patterns = 256;

} // namespace

/// Waits for the connection to be lost, or to be back.
class bus_core::watch final : public ready_sink {
public:
  watch(std::weak_ptr<bus_core> bus, connection_state seen) : bus_(std::move(bus)), seen_(seen) {}

  void on_ready(bool closed) override {
    if (auto const bus = bus_.lock())
      bus->on_state(seen_, closed);
  }
  bool is_over() const noexcept override { return bus_.expired(); }

private:
  std::weak_ptr<bus_core> const bus_;
  connection_state const seen_;
};

/// A message to ourselves, through the server: when it is back, the subscriptions made before it are there too.
class bus_core::confirmation final : public reply_sink {
public:
  confirmation(std::weak_ptr<bus_core> bus, epochs of) : bus_(std::move(bus)), of_(std::move(of)) {}

  bool on_reply(native_message) override {
    confirm();
    return false;
  }
  void on_no_answer(no_answer why) override {
    // Who may not hear or publish to the inbox cannot ask: the gap is told now.
    if (is_denied(why))
      return confirm();
    auto const bus = bus_.lock();
    if (bus && (why == no_answer::no_responders || why == no_answer::timed_out))
      bus->ask_server();
    else if (bus && why == no_answer::not_handed_over)
      bus->link_->when_written(std::make_shared<room>(bus_));
    // Else the connection is lost once more, or closed, which is told.
  }

private:
  class room final : public ready_sink {
  public:
    explicit room(std::weak_ptr<bus_core> bus) : bus_(std::move(bus)) {}
    void on_ready(bool closed) override {
      if (auto const bus = bus_.lock(); bus && !closed)
        bus->ask_server();
    }

  private:
    std::weak_ptr<bus_core> const bus_;
  };

  void confirm() {
    for (auto const& [weak, epoch] : of_)
      if (auto const channel = weak.lock())
        channel->confirm(epoch);
  }

  std::weak_ptr<bus_core> const bus_;
  epochs const of_;
};

bus_core::bus_core(connection on, event_bus_options options)
    : shared_(std::make_shared<bus_shared>(std::move(options))), link_(on.core()),
      publisher_(std::make_shared<bus_publisher>(shared_, link_)), on_(std::move(on)) {}

void bus_core::start() {
  link_->when_state_is_not(connection_state::connected,
                           std::make_shared<watch>(weak_from_this(), connection_state::connected));
}

void bus_core::close() noexcept {
  std::vector<std::shared_ptr<bus_channel>> channels; // they stay until their users go
  connection on;                                      // its end may come with this copy, and without a lock
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto const& [pattern, channel] : channels_)
      channels.push_back(channel);
    std::swap(on, on_);
  }
  registry_->close();
  for (auto const& channel : channels) {
    channel->close();
    link_->unsubscribe(channel->id);
  }
}

void bus_core::publish(std::string_view name_space, std::shared_ptr<event const> e) {
  if (is_closed())
    return;
  auto message = publisher_->encode(name_space, *e);
  registry_->put(name_space, e);
  publisher_->send(name_space, std::move(message));
}

bus_metrics bus_core::metrics() const {
  auto m = registry_->metrics();
  shared_->add_to(m);
  return m;
}

std::shared_ptr<bus_channel> bus_core::acquire(std::string const& pattern) {
  std::lock_guard one_makes(making_);
  std::unique_lock lock(mutex_);
  if (closed_ || link_->state() == connection_state::closed)
    throw error(errc::closed, "subscribe() on a bus that was closed, or whose connection was");
  if (auto const found = channels_.find(pattern); found != channels_.end()) {
    ++found->second->users;
    return found->second;
  }
  lock.unlock();
  auto made = std::make_shared<bus_channel>(shared_, registry_, weak_from_this(), pattern);
  made->users = 1;
  made->id = link_->subscribe(shared_->subjects.filter_of(pattern), {}, made, nullptr);
  lock.lock();
  if (!closed_) {
    channels_.emplace(pattern, made);
    return made;
  }
  lock.unlock();
  link_->unsubscribe(made->id);
  throw error(errc::closed, "subscribe() on a bus that was closed");
}

void bus_core::release(std::shared_ptr<bus_channel> channel) noexcept {
  {
    std::lock_guard lock(mutex_);
    if (--channel->users > 0)
      return;
    auto const found = channels_.find(channel->pattern());
    if (found != channels_.end() && found->second == channel)
      channels_.erase(found);
    std::erase(refused_, channel);
  }
  link_->unsubscribe(channel->id); // when it was before: no harm
}

bool bus_core::was_refused(std::string const& pattern) {
  std::lock_guard lock(mutex_);
  return refused_patterns_.contains(pattern);
}

void bus_core::on_refused(bus_channel const& channel) noexcept {
  std::lock_guard lock(mutex_);
  if (refused_patterns_.size() >= most_refused_patterns)
    refused_patterns_.clear();
  refused_patterns_.insert(channel.pattern());
  auto const found = channels_.find(channel.pattern());
  if (found != channels_.end() && found->second.get() == &channel) { // who asks again, asks the server again
    refused_.push_back(std::move(found->second));
    channels_.erase(found);
  }
}

void bus_core::on_state(connection_state before, bool closed) {
  if (closed)
    return close();
  auto const lost = before == connection_state::connected;
  if (!lost) {
    publisher_->tell_counts();
    ask_server();
  }
  auto const next = lost ? connection_state::reconnecting : connection_state::connected;
  link_->when_state_is_not(next, std::make_shared<watch>(weak_from_this(), next));
}

void bus_core::ask_server() {
  epochs of;
  {
    std::lock_guard lock(mutex_);
    for (auto const& [pattern, channel] : channels_)
      if (!channel->is_live())
        of.emplace_back(channel, channel->epoch());
  }
  if (of.empty())
    return;
  auto const token = link_->next_token();
  outgoing_message question(link_->reply_subject(token), {}, {});
  link_->request(std::move(question), token, std::make_shared<confirmation>(weak_from_this(), std::move(of)),
                 std::chrono::steady_clock::now() + link_->options().operation_timeout);
}

} // namespace aether::nats::detail
