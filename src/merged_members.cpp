// One member of a group in each of several streams, as one member.
#include "group_member.hpp"
#include "wait_for_any.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <mutex>
#include <utility>

namespace aether::detail {

namespace {

struct one_member {
  event_group member;
  bool has_something = false;

  explicit one_member(event_group m) : member(std::move(m)) {}
};

class merged_member final : public group_member {
public:
  merged_member(std::vector<event_group> parts, bool prefetch, wanted_in_part wanted)
      : wanted_(std::move(wanted)), prefetch_(prefetch) {
    for (auto& p : parts)
      parts_.emplace_back(std::move(p));
  }
  ~merged_member() override { leave(); }

  awaitable<std::optional<group_event>> next(time deadline) override {
    return next_event(std::static_pointer_cast<merged_member>(shared_from_this()), deadline);
  }
  awaitable<bool> wait(time deadline) override {
    return wait_for_event(std::static_pointer_cast<merged_member>(shared_from_this()), deadline);
  }
  std::optional<group_event> try_next() override {
    std::lock_guard lock(mutex_);
    return take(true);
  }
  void leave() noexcept override {
    std::vector<one_member> left;
    std::optional<group_event> waiting;
    std::lock_guard lock(mutex_);
    left_ = true;
    left.swap(parts_);
    waiting.swap(waiting_);
    if (waiting)
      waiting->give_back();
  }
  bool has_left() const noexcept override {
    std::lock_guard lock(mutex_);
    return left_;
  }

private:
  using self_ptr = std::shared_ptr<merged_member>;

  /// With the lock. The parts take turns at being asked first. Whether a part has something is known of those whose
  /// wait said so; `ask_all`: the others are asked too, which has them fetch for one who does not wait.
  std::optional<group_event> take(bool ask_all) {
    check_here();
    std::optional<group_event> found;
    found.swap(waiting_);
    for (std::size_t asked = 0; !found && asked < parts_.size();) {
      auto& from = parts_[next_part_];
      if (ask_all || from.has_something) {
        from.has_something = false;
        found = from.member.try_next();
        if (found && wanted_ && !wanted_(next_part_, found->event().actor_id)) {
          found->pass_over();
          found.reset();
          continue;
        }
      }
      next_part_ = (next_part_ + 1) % parts_.size();
      ++asked;
    }
    return found;
  }

  std::optional<group_event> take_known() {
    std::lock_guard lock(mutex_);
    return take(prefetch_);
  }

  void check_here() const {
    if (left_)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

  /// False: the deadline passed. No part is waited for any more when this ends.
  static awaitable<bool> wait_for_part(self_ptr self, time deadline) {
    std::vector<awaitable<bool>> waits;
    {
      std::lock_guard lock(self->mutex_);
      self->check_here();
      for (auto& p : self->parts_)
        waits.push_back(p.member.wait(options_until(deadline)));
    }
    auto const ready = [self](std::size_t part) {
      std::lock_guard lock(self->mutex_);
      if (!self->left_)
        self->parts_[part].has_something = true;
    };
    co_return co_await wait_for_any(std::move(waits), ready);
  }

  static awaitable<std::optional<group_event>> next_event(self_ptr self, time deadline) {
    for (;;) {
      auto found = self->take_known();
      if (found)
        co_return std::move(found);
      bool const more = co_await wait_for_part(self, deadline);
      if (!more)
        co_return std::nullopt;
    }
  }

  static awaitable<bool> wait_for_event(self_ptr self, time deadline) {
    for (;;) {
      {
        std::lock_guard lock(self->mutex_);
        self->waiting_ = self->take(self->prefetch_);
        if (self->waiting_)
          co_return true;
      }
      bool const more = co_await wait_for_part(self, deadline);
      if (!more)
        co_return false;
    }
  }

  wanted_in_part const wanted_;
  bool const prefetch_;
  mutable std::mutex mutex_;
  std::vector<one_member> parts_;
  std::size_t next_part_ = 0;
  std::optional<group_event> waiting_; // found by wait(), for try_next()
  bool left_ = false;
};

} // namespace

std::shared_ptr<group_member> merge_members(std::vector<event_group> parts, bool prefetch, wanted_in_part wanted) {
  return std::make_shared<merged_member>(std::move(parts), prefetch, std::move(wanted));
}

} // namespace aether::detail
