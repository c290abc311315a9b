// One subscriber of a bus: what it wants, what it has not taken yet, and who waits for it.
#pragma once

#include "bus_buffer.hpp"
#include "detail/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace aether::detail {

class bus_inbox;

/// Who puts into inboxes, and is told when a subscriber goes.
class inbox_owner {
public:
  virtual void remove(bus_inbox& inbox) noexcept = 0;

protected:
  ~inbox_owner() = default;
};

class bus_inbox {
public:
  bus_inbox(bus_filter filter, std::weak_ptr<inbox_owner> owner);

  std::string const& pattern() const noexcept { return filter_.pattern; }
  bool wants(std::string_view event_type, std::string_view actor_id) const noexcept;
  bool wants(event const& e) const noexcept { return wants(e.event_type, e.actor_id); }

  enum class put_end {
    taken,
    displaced, ///< taken, and another dropped
    dropped,
    nobody, ///< it is not wanted, or nothing is any more
  };
  /// Any thread; wakes who waits.
  put_end put(std::shared_ptr<std::string const> const& name_space, std::shared_ptr<event const> const& e) noexcept;
  void lose(std::uint64_t count);
  void lose_uncounted();
  /// The bus goes.
  void close();
  /// The subscriber goes: who waits hears of it, and the owner forgets this.
  void leave() noexcept;

  std::optional<bus_item> take();
  void park(std::shared_ptr<wait_state<bool>> waiting);

  std::size_t place = 0;      ///< in the registry's list; the registry's
  unsigned at_a_stretch = 0;  ///< received without suspending; the subscriber's

private:
  void wake(std::unique_lock<std::mutex> lock) noexcept;

  bus_filter const filter_;
  std::weak_ptr<inbox_owner> const owner_;
  std::mutex mutex_;
  bus_buffer buffer_;
  bool left_ = false;
  std::shared_ptr<wait_state<bool>> waiting_;
};

/// What became of one event at several inboxes.
struct put_counts {
  std::uint64_t taken = 0;
  std::uint64_t dropped = 0;

  void add(bus_inbox::put_end end) noexcept {
    using put_end = bus_inbox::put_end;
    taken += end == put_end::taken || end == put_end::displaced ? 1 : 0;
    dropped += end == put_end::dropped || end == put_end::displaced ? 1 : 0;
  }
};

} // namespace aether::detail
