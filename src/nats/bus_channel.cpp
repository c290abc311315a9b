// From a message of the server to the inboxes: what nobody here wants is not parsed.
#include "nats/bus_channel.hpp"

#include "bus_pattern.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {

using aether::detail::bus_inbox;

bus_channel::bus_channel(std::shared_ptr<bus_shared> shared, std::shared_ptr<aether::detail::bus_registry> registry,
                         std::weak_ptr<channel_owner> owner, std::string pattern)
    : shared_(std::move(shared)), registry_(std::move(registry)), owner_(std::move(owner)),
      pattern_(std::move(pattern)), counts_(shared_->max_heard_counts) {}

void bus_channel::add(std::shared_ptr<bus_inbox> inbox) {
  registry_->add(inbox);
  std::lock_guard lock(mutex_);
  if (closed_)
    inbox->close();
  inboxes_.push_back(std::move(inbox));
}

void bus_channel::remove(bus_inbox& inbox) noexcept {
  std::shared_ptr<bus_inbox> gone; // destroyed without a lock
  {
    std::lock_guard lock(mutex_);
    auto const place = std::find_if(inboxes_.begin(), inboxes_.end(), [&](auto const& i) { return i.get() == &inbox; });
    gone = std::move(*place);
    *place = std::move(inboxes_.back());
    inboxes_.pop_back();
  }
  registry_->remove(inbox);
  if (auto const owner = owner_.lock())
    owner->on_left(shared_from_this());
}

void bus_channel::close() noexcept {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto const& inbox : inboxes_)
    inbox->close();
}

std::uint64_t bus_channel::epoch() const {
  std::lock_guard lock(mutex_);
  return epoch_;
}

bool bus_channel::is_live() const {
  std::lock_guard lock(mutex_);
  return live_;
}

bool bus_channel::is_refused() const {
  std::lock_guard lock(mutex_);
  return refused_;
}

void bus_channel::confirm(std::uint64_t epoch) {
  std::lock_guard lock(mutex_);
  if (epoch_ == epoch && !refused_)
    come_alive();
}

// Told now and not when the connection was lost: nothing is lost behind it.
void bus_channel::come_alive() {
  live_ = true;
  if (!std::exchange(gap_due_, false) || inboxes_.empty())
    return;
  shared_->gaps.fetch_add(1, std::memory_order_relaxed);
  for (auto const& inbox : inboxes_)
    inbox->lose_uncounted();
}

void bus_channel::on_refused() {
  {
    std::lock_guard lock(mutex_);
    live_ = false;
    refused_ = true;
    closed_ = true;
    for (auto const& inbox : inboxes_)
      inbox->close();
    if (!inboxes_.empty() && shared_->log)
      shared_->log->log(log_level::error, "the server refuses a bus subscription that it took before",
                        {{"pattern", pattern_}});
  }
  if (auto const owner = owner_.lock())
    owner->on_refused(*this);
}

void bus_channel::on_interrupted(bool closed) {
  if (closed)
    return close();
  std::lock_guard lock(mutex_);
  ++epoch_;
  live_ = false;
  gap_due_ = true;
  counts_.forget();
}

void bus_channel::on_message(native_message message) {
  auto const subject = message.subject();
  bus_mark mark;
  auto const marked = bus_mark::parse(message.reply(), mark);
  bus_tokens tokens;
  if (!shared_->subjects.split(subject, tokens))
    return shared_->complain(subject, "the subject is not {prefix}.{type}.{actor}.ns.{namespace}");
  std::string type_room, actor_room;
  auto const type = bus_id_of(tokens.type, type_room);
  auto const actor = bus_id_of(tokens.actor, actor_room);
  if (!type || !actor)
    return shared_->complain(subject, "no event type or actor id is written like this token");
  if (!find_name(tokens.name_space))
    return shared_->complain(subject, "no namespace of the subscription's pattern is written like this");
  auto const payload = message.data();
  if (payload.empty() && !(marked && shared_->subjects.tells_counts(tokens)))
    return shared_->complain(subject, "there is no event in it");

  std::lock_guard lock(mutex_);
  come_alive(); // it is: here is a message
  if (marked && mark.publisher == shared_->id)
    return; // it was handed out when it was published
  if (marked)
    count(message, mark, tokens.name_space);
  if (payload.empty())
    return;
  auto const hear = [&] { shared_->heard.fetch_add(1, std::memory_order_relaxed); };
  if (!is_wanted(*type, *actor))
    return hear();
  auto e = std::make_shared<event>();
  if (parse_error why; !parse_event(payload, *e, why))
    return shared_->complain(subject, why.reason);
  if (e->event_type != *type || e->actor_id != *actor)
    return shared_->complain(subject, "type or actor of the event are not those of the subject");
  hear();
  hand_out(std::move(e));
}

void bus_channel::count(native_message const& message, bus_mark const& mark, std::string_view name_space) {
  auto const gap = message.data().empty() ? counts_.on_count(mark, name_space) : counts_.on_message(mark, name_space);
  if (gap == 0)
    return;
  shared_->missed.fetch_add(gap, std::memory_order_relaxed);
  for (auto const& inbox : inboxes_)
    inbox->lose(gap);
}

bool bus_channel::is_wanted(std::string_view type, std::string_view actor) const noexcept {
  return std::any_of(inboxes_.begin(), inboxes_.end(), [&](auto const& inbox) { return inbox->wants(type, actor); });
}

void bus_channel::hand_out(std::shared_ptr<event const> const& e) {
  aether::detail::put_counts ends;
  for (auto const& inbox : inboxes_)
    ends.add(inbox->put(name_, e));
  shared_->received.fetch_add(ends.taken, std::memory_order_relaxed);
  if (ends.dropped > 0)
    shared_->dropped.fetch_add(ends.dropped, std::memory_order_relaxed);
}

bool bus_channel::find_name(std::string_view encoded) {
  if (name_ && encoded_name_ == encoded)
    return true;
  auto name = bus_name_space_of(encoded);
  // A subject that holds NUL ends there for cnats, but not for the server: what stands before it may be another name.
  if (!name || !aether::detail::matches(pattern_, *name))
    return false;
  encoded_name_ = encoded;
  name_ = std::make_shared<std::string const>(std::move(*name));
  return true;
}

} // namespace aether::nats::detail
