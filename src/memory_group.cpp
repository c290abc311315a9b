// A group of an embedded store: what is due again, letters to be retried, then what the log has.
#include "memory_group.hpp"

#include "detail/utf8.hpp"
#include "memory_feeds.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether::detail {

using clock = std::chrono::steady_clock;

class memory_group::ticket final : public group_ticket, public std::enable_shared_from_this<ticket> {
public:
  ticket(std::shared_ptr<memory_group> group, group_key key, stored_event const& e)
      : group_(std::move(group)), key_(key), event_(e) {}

  awaitable<void> acknowledge(time) override { return settle(shared_from_this(), how::acknowledge, {}); }
  awaitable<void> retry_later(std::chrono::nanoseconds delay, time) override {
    return settle(shared_from_this(), how::retry, delay);
  }
  awaitable<void> extend(time) override { return settle(shared_from_this(), how::extend, {}); }
  awaitable<void> store_dead_letter(dead_letter_note note, time) override {
    return store_letter(shared_from_this(), std::move(note));
  }
  void pass_over() noexcept override { apply(how::acknowledge, {}); }
  void keep() noexcept override { apply(how::extend, {}); }
  void give_back() noexcept override { apply(how::retry, {}); }

private:
  enum class how { acknowledge, retry, extend };

  void apply(how h, std::chrono::nanoseconds delay) const {
    std::lock_guard lock(group_->mutex_);
    apply_locked(h, delay);
  }
  void apply_locked(how h, std::chrono::nanoseconds delay) const {
    if (h == how::acknowledge)
      group_->state_.acknowledge(key_);
    else if (h == how::retry)
      group_->state_.retry_at(key_, clock::now() + delay);
    else
      group_->state_.extend(key_, clock::now());
  }

  static awaitable<void> settle(std::shared_ptr<ticket const> self, how h, std::chrono::nanoseconds delay) {
    {
      std::lock_guard lock(self->group_->mutex_);
      self->group_->check_there();
      self->apply_locked(h, delay);
    }
    if (h == how::retry)
      self->group_->wake(); // it may be due before what is waited for
    co_return;
  }
  static awaitable<void> store_letter(std::shared_ptr<ticket const> self, dead_letter_note note) {
    {
      std::lock_guard lock(self->group_->mutex_);
      self->group_->check_there();
    }
    self->group_->letters_->add(self->event_, note);
    co_return;
  }

  std::shared_ptr<memory_group> const group_;
  group_key const key_;
  stored_event const& event_; // lives as long as the log
};

memory_group::memory_group(std::shared_ptr<memory_log> log, std::shared_ptr<memory_letters> letters,
                           group_options const& options, std::uint64_t behind,
                           std::chrono::nanoseconds operation_timeout)
    : log_(std::move(log)), letters_(std::move(letters)), name_(options.name), operation_timeout_(operation_timeout),
      state_(options.ack_timeout, options.max_in_flight), source_(make_memory_source(log_, options.filter)) {
  source_->go_behind(behind);
}

void memory_group::check_there() const {
  if (deleted_)
    throw error(errc::group_not_found, "group " + quoted(name_) + " was deleted");
}

void memory_group::want(std::size_t messages, std::size_t, time, time) {
  std::lock_guard lock(mutex_);
  wanted_ = messages;
}

void memory_group::pause() noexcept {
  std::lock_guard lock(mutex_);
  wanted_ = 0;
}

stored_event const* memory_group::peek() const {
  if (next_ == count_) {
    next_ = 0;
    count_ = source_->read(piece_.data(), piece_.size());
  }
  return next_ < count_ ? piece_[next_] : nullptr;
}

bool memory_group::take(group_delivery& into, time now) {
  std::lock_guard lock(mutex_);
  check_there();
  log_->check_open();
  if (wanted_ == 0)
    return false;
  auto delivery = state_.next(now);
  if (!delivery && state_.has_room()) {
    if (auto const sequence = letters_->take_retry()) {
      delivery = state_.begin(group_key{true, *sequence}, now);
    } else if (auto const* e = peek()) {
      ++next_;
      delivery = state_.begin(group_key{false, e->sequence}, now);
    }
  }
  if (!delivery)
    return false;
  auto const& e = log_->index().at(delivery->key.sequence);
  copy_out(e, log_->stream(), into.recorded);
  into.retried = delivery->key.retried;
  into.attempt = delivery->attempt;
  into.bytes = e.json_bytes;
  into.ticket = std::make_shared<ticket>(shared_from_this(), delivery->key, e);
  --wanted_;
  return true;
}

group_source::time memory_group::due() const {
  std::lock_guard lock(mutex_);
  if (deleted_ || log_->is_closed())
    return time::min();
  if (wanted_ == 0)
    return time::max();
  if (state_.has_room() && (letters_->has_retry() || peek() != nullptr))
    return time::min();
  return state_.due().value_or(time::max());
}

awaitable<void> memory_group::tend(time) { co_return; }

void memory_group::wake() const {
  if (changed_)
    changed_();
}

void memory_group::end() {
  {
    std::lock_guard lock(mutex_);
    deleted_ = true;
    for (auto const& key : state_.all())
      if (key.retried)
        letters_->put_retry(key.sequence);
  }
  wake();
}

} // namespace aether::detail
