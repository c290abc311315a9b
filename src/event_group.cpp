// The handles of groups: members, and events in work.
#include <aether/event_group.hpp>

#include <aether/error.hpp>
#include <aether/group_source.hpp>

#include "detail/call_deadline.hpp"
#include "group_hub.hpp"
#include "group_member.hpp"
#include "store_checks.hpp"

#include <atomic>
#include <limits>
#include <mutex>
#include <utility>

namespace aether {
namespace {

constexpr std::chrono::milliseconds shortest_ack_timeout(10);
constexpr std::chrono::seconds standard_ack_timeout(30);
constexpr std::chrono::hours longest_ack_timeout(24 * 365);
constexpr unsigned standard_attempts = 5;
constexpr std::size_t standard_in_flight = 1000;
constexpr std::size_t standard_prefetch_bytes = 1024 * 1024;
constexpr std::size_t longest_reason = 1024;

[[noreturn]] void refuse(std::string const& why) { throw error(errc::invalid_argument, "group_options: " + why); }

std::string shortened(std::string text) {
  if (text.size() <= longest_reason)
    return text;
  auto end = longest_reason;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) // inside of a UTF-8 character
    --end;
  text.resize(end);
  return text;
}

} // namespace

void group_options::validate() const {
  detail::check_id(name, "group_options: name");
  filter.validate();
  if (start.what() == start_from::kind::latest_of_each_actor)
    refuse("start is latest_of_each_actor, which a group cannot begin with");
  if (ack_timeout < std::chrono::nanoseconds::zero() ||
      (ack_timeout != std::chrono::nanoseconds::zero() && ack_timeout < shortest_ack_timeout) ||
      ack_timeout > longest_ack_timeout)
    refuse("ack_timeout is " + std::to_string(ack_timeout.count()) + " ns: use 10 ms to one year, or 0 for 30 s");
  if (max_attempts > 1'000'000)
    refuse("max_attempts is " + std::to_string(max_attempts) + ": at most 1,000,000");
  if (max_in_flight > 1'000'000)
    refuse("max_in_flight is " + std::to_string(max_in_flight) + ": at most 1,000,000");
  if (prefetch_events > 1'000'000)
    refuse("prefetch_events is " + std::to_string(prefetch_events) + ": at most 1,000,000");
  if (prefetch_bytes > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    refuse("prefetch_bytes is " + std::to_string(prefetch_bytes) + ": at most 2 GB");
  detail::check_timeout(timeout);
}

group_options resolved(group_options options) {
  if (options.ack_timeout == std::chrono::nanoseconds::zero())
    options.ack_timeout = standard_ack_timeout;
  if (options.max_attempts == 0)
    options.max_attempts = standard_attempts;
  if (options.max_in_flight == 0)
    options.max_in_flight = standard_in_flight;
  if (options.prefetch_bytes == 0)
    options.prefetch_bytes = standard_prefetch_bytes;
  return options;
}

// ---- an event in work

struct group_event::state {
  std::shared_ptr<group_hub> hub;
  group_delivery delivery;
  bool settled = false;

  state(std::shared_ptr<group_hub> h, group_delivery d) : hub(std::move(h)), delivery(std::move(d)) {}
  state(state const&) = delete;
  state& operator=(state const&) = delete;
  ~state() {
    if (!settled)
      hub->end_work(delivery.recorded.event.actor_id);
  }

  void settle(bool for_good) {
    settled = true;
    if (for_good)
      hub->forget(delivery.retried, delivery.recorded.sequence);
    hub->end_work(delivery.recorded.event.actor_id);
  }
  /// To be handed out again at once: nobody has seen it.
  void give_back() {
    delivery.ticket->give_back();
    settle(false);
  }
};

namespace {

template <class State> group_ticket::time begin(std::shared_ptr<State> const& self, call_options const& options) {
  if (!self)
    throw error(errc::not_open, "an event of a group that was default-made or moved from");
  detail::check_timeout(options.timeout);
  if (self->settled)
    throw error(errc::invalid_argument, "this event of a group was settled before");
  return detail::deadline_after(options.timeout, self->hub->operation_timeout());
}

template <class State> awaitable<void> acknowledge_it(std::shared_ptr<State> self, call_options options) {
  auto const deadline = begin(self, options);
  co_await self->delivery.ticket->acknowledge(deadline);
  self->settle(true);
}

template <class State>
awaitable<void> retry_it(std::shared_ptr<State> self, std::chrono::nanoseconds delay, call_options options) {
  auto const deadline = begin(self, options);
  if (delay < std::chrono::nanoseconds::zero() || delay > longest_ack_timeout)
    throw error(errc::invalid_argument, "retry_later: the delay is negative or longer than a year");
  co_await self->delivery.ticket->retry_later(delay, deadline);
  self->settle(false);
}

template <class State>
awaitable<void> reject_it(std::shared_ptr<State> self, std::string reason, call_options options) {
  auto const deadline = begin(self, options);
  dead_letter_note note(dead_letter_cause::rejected, shortened(std::move(reason)), self->delivery.attempt);
  co_await self->delivery.ticket->store_dead_letter(std::move(note), deadline);
  co_await self->delivery.ticket->acknowledge(deadline);
  self->settle(true);
}

template <class State> awaitable<void> extend_it(std::shared_ptr<State> self, call_options options) {
  auto const deadline = begin(self, options);
  self->hub->keep_alive();
  co_await self->delivery.ticket->extend(deadline);
}

} // namespace

group_event::group_event(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
group_event::~group_event() = default;

recorded_event const& group_event::recorded() const {
  if (!state_)
    throw error(errc::not_open, "an event of a group that was default-made or moved from");
  return state_->delivery.recorded;
}

unsigned group_event::attempt() const { return state_ ? state_->delivery.attempt : 0; }

awaitable<void> group_event::acknowledge(call_options options) { return acknowledge_it(state_, options); }

awaitable<void> group_event::retry_later(std::chrono::nanoseconds delay, call_options options) {
  return retry_it(state_, delay, options);
}

awaitable<void> group_event::reject(std::string reason, call_options options) {
  return reject_it(state_, std::move(reason), options);
}

awaitable<void> group_event::extend(call_options options) { return extend_it(state_, options); }

void group_event::pass_over() noexcept {
  if (!state_ || state_->settled)
    return;
  state_->delivery.ticket->pass_over();
  state_->settle(true);
}

void group_event::give_back() noexcept {
  if (state_ && !state_->settled)
    state_->give_back();
}

// ---- a member

namespace {

class hub_member final : public detail::group_member {
public:
  hub_member(std::shared_ptr<group_hub> h, group_options const& options)
      : hub_(std::move(h)), ahead_(options.prefetch_events), bytes_(options.prefetch_bytes) {
    hub_->join(ahead_, bytes_);
  }
  ~hub_member() override { leave(); }

  awaitable<std::optional<group_event>> next(std::chrono::steady_clock::time_point deadline) override {
    return next_event(std::static_pointer_cast<hub_member>(shared_from_this()), deadline);
  }
  awaitable<bool> wait(std::chrono::steady_clock::time_point deadline) override {
    return wait_for_event(std::static_pointer_cast<hub_member>(shared_from_this()), deadline);
  }
  std::optional<group_event> try_next() override {
    std::optional<group_event> out;
    if (auto held = take_held())
      out.emplace(std::move(held));
    else if (auto found = hub_->try_next())
      out.emplace(std::make_shared<group_event::state>(hub_, std::move(*found)));
    return out;
  }
  // A coroutine that waits keeps this; the member leaves all the same.
  void leave() noexcept override {
    if (left_->exchange(true))
      return;
    if (auto const held = take_held())
      held->give_back();
    hub_->leave(ahead_, bytes_);
  }
  bool has_left() const noexcept override { return *left_; }

private:
  using self_ptr = std::shared_ptr<hub_member>;

  static awaitable<std::optional<group_event>> next_event(self_ptr self,
                                                          std::chrono::steady_clock::time_point deadline) {
    std::optional<group_event> out;
    if (auto held = self->take_held()) {
      out.emplace(std::move(held));
      co_return std::move(out);
    }
    auto found = co_await group_hub::next(self->hub_, self->left_, deadline);
    if (found)
      out.emplace(std::make_shared<group_event::state>(self->hub_, std::move(*found)));
    co_return std::move(out);
  }

  static awaitable<bool> wait_for_event(self_ptr self, std::chrono::steady_clock::time_point deadline) {
    if (self->holds_one())
      co_return true;
    auto found = co_await group_hub::next(self->hub_, self->left_, deadline);
    if (!found)
      co_return false;
    self->hold(std::make_shared<group_event::state>(self->hub_, std::move(*found)));
    co_return true;
  }

  bool holds_one() {
    std::lock_guard lock(mutex_);
    return held_ != nullptr;
  }
  std::shared_ptr<group_event::state> take_held() {
    std::lock_guard lock(mutex_);
    return std::exchange(held_, nullptr);
  }
  /// Of a member that has left since, it goes back.
  void hold(std::shared_ptr<group_event::state> found) {
    {
      std::lock_guard lock(mutex_);
      if (!*left_)
        std::swap(held_, found);
    }
    if (found)
      found->give_back();
  }

  std::shared_ptr<group_hub> const hub_;
  std::size_t const ahead_;
  std::size_t const bytes_;
  std::mutex mutex_; // as leave() may be called from any thread
  std::shared_ptr<group_event::state> held_; // found by wait(), for try_next()
  std::shared_ptr<std::atomic<bool>> const left_ = std::make_shared<std::atomic<bool>>(false);
};

detail::group_member& opened(std::shared_ptr<detail::group_member> const& member) {
  if (!member || member->has_left())
    throw error(errc::not_open, "a group that was default-made, moved from or left");
  return *member;
}

// These check when they are awaited, as every call does.

awaitable<std::optional<group_event>> next_of(std::shared_ptr<detail::group_member> member, call_options options) {
  auto& open = opened(member);
  auto const deadline = detail::deadline_after(options.timeout, std::chrono::nanoseconds::max());
  auto found = co_await open.next(deadline);
  co_return std::move(found);
}

awaitable<bool> wait_of(std::shared_ptr<detail::group_member> member, call_options options) {
  auto& open = opened(member);
  co_return co_await open.wait(detail::deadline_after(options.timeout, std::chrono::nanoseconds::max()));
}

} // namespace

event_group::event_group(std::shared_ptr<group_hub> hub, group_options const& options) {
  if (hub)
    member_ = std::make_shared<hub_member>(std::move(hub), options);
}

event_group::~event_group() { leave(); }

event_group& event_group::operator=(event_group&& other) noexcept {
  if (this != &other) {
    leave();
    member_ = std::move(other.member_);
  }
  return *this;
}

void event_group::leave() noexcept {
  if (member_)
    member_->leave();
  member_.reset();
}

awaitable<std::optional<group_event>> event_group::next(call_options options) { return next_of(member_, options); }

awaitable<bool> event_group::wait(call_options options) { return wait_of(member_, options); }

std::optional<group_event> event_group::try_next() { return opened(member_).try_next(); }

// ---- dead letters

dead_letter_list::~dead_letter_list() = default;

awaitable<std::optional<dead_letter>> dead_letter_list::next(call_options options) {
  return next_letter(source_, options);
}

awaitable<std::optional<dead_letter>> dead_letter_list::next_letter(std::shared_ptr<dead_letter_source> source,
                                                                    call_options options) {
  if (!source)
    throw error(errc::not_open, "next() on a list that was default-made, moved from, or of a store that is not open");
  detail::check_timeout(options.timeout);
  co_return co_await source->next(options);
}

} // namespace aether
