// What the library keeps in an execution context: the waits of coroutines that run there, and the objects to
// tell when the context goes.
#pragma once

#include "detail/deadline_queue.hpp"
#include "detail/spin_lock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace aether::detail {

namespace asio = boost::asio;

/// Lets threads outside a context post to it only while it exists: who enters is waited for by close().
class context_gate {
public:
  bool enter() noexcept;
  void leave() noexcept { state_.fetch_sub(1, std::memory_order_release); }
  /// Refuses from now on, and returns once nobody is inside.
  void close() noexcept;
  bool is_open() const noexcept { return (state_.load(std::memory_order_acquire) & closed) == 0; }

private:
  static constexpr std::uint32_t closed = 1u << 31;
  std::atomic<std::uint32_t> state_{0};
};

/// Told once, in the context's shutdown, when none of its threads runs any more: drop what is Asio's.
class context_member {
public:
  virtual void context_shutdown() noexcept = 0;

protected:
  ~context_member() = default;
};

/// A parked coroutine. Whoever wins `ended` takes it out; the service owns it until then.
class parked_wait {
public:
  virtual ~parked_wait() = default;
  virtual void expire() = 0;        ///< its deadline passed; on a thread of the context
  virtual void drop() noexcept = 0; ///< the context goes: destroy the handler, invoke nothing

  std::atomic<bool> ended{false};

private:
  friend class context_service;
  friend class endless_waits;

  bool endless_ = false; // since it was parked, has no deadline
  bool dated_ = false;   // guarded by the service, as what follows is: it has a place
  deadline_queue<std::shared_ptr<parked_wait>>::handle place_;
  std::shared_ptr<parked_wait> self_; // in the list of the endless ones
  parked_wait* before_ = nullptr;
  parked_wait* behind_ = nullptr;
};

/// The waits without a deadline: they only have to be found when the context goes. Thread-safe.
class endless_waits {
public:
  /// False once it was closed.
  bool add(std::shared_ptr<parked_wait> wait) noexcept;
  void remove(parked_wait& wait) noexcept; ///< if it is there
  void close() noexcept;
  std::shared_ptr<parked_wait> pop() noexcept;

private:
  std::shared_ptr<parked_wait> unlink(parked_wait& wait) noexcept;

  spin_lock lock_;
  bool closed_ = false;
  parked_wait* first_ = nullptr;
};

class context_service;

/// Newer than the context's timers, and so told before them that the context goes: see context_service.
class timer_guard final : public asio::execution_context::service {
public:
  using key_type = timer_guard;
  static inline asio::execution_context::id id;

  explicit timer_guard(asio::execution_context& context) : service(context) {}
  void guards(context_service& guarded) noexcept { service_ = &guarded; }

private:
  void shutdown() noexcept override;

  context_service* service_ = nullptr;
};

class context_service final : public asio::execution_context::service {
public:
  using key_type = context_service;
  static inline asio::execution_context::id id;

  explicit context_service(asio::execution_context& context);
  static context_service& of(asio::any_io_executor const& executor);

  std::shared_ptr<context_gate> const& gate() const noexcept { return gate_; }
  void add_member(std::weak_ptr<context_member> member);
  /// Keeps the member until it is disowned: so nothing of Asio's that it holds can be destroyed on another thread while
  /// the context goes. False when the context is going.
  bool own_member(std::shared_ptr<context_member> member);
  void disown_member(context_member const& member) noexcept;

  /// Parks; false when the context is going. `executor` is where the deadline's timer runs, at first use;
  /// steady_time::max() is none, and costs no timer.
  bool park(std::shared_ptr<parked_wait> wait, steady_time deadline, asio::any_io_executor const& executor);
  /// Takes a wait out that has been won by the caller. The gate must be held or the thread be the context's.
  void unpark(parked_wait& wait) noexcept;

private:
  friend class timer_guard;
  void shutdown() noexcept override; ///< once; what comes later changes nothing
  void make_timer(asio::any_io_executor const& executor);
  void arm(steady_time due);
  void on_timer(std::uint64_t generation);

  std::shared_ptr<context_gate> gate_ = std::make_shared<context_gate>();
  std::mutex mutex_;
  bool going_ = false;
  std::vector<std::weak_ptr<context_member>> members_;
  std::unordered_map<context_member const*, std::shared_ptr<context_member>> owned_;
  endless_waits endless_;
  deadline_queue<std::shared_ptr<parked_wait>> waits_;
  std::optional<asio::steady_timer> timer_;
  std::optional<steady_time> armed_;
  std::uint64_t generation_ = 0;
};

/// The executor below strands, so that what runs there is not serialized with its caller, and without the count of
/// outstanding work that an executor may carry.
asio::any_io_executor unwrap_strands(asio::any_io_executor executor);

} // namespace aether::detail
