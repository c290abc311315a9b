// Where a call is run handler by handler, so that it can be ended at each of its suspension points: one connection and
// store, on one execution context or with the caller on another.
#pragma once

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace aether::fault {

/// What a call's caller learned. The call's frame and its handler own it, so that one which is owned by nobody else
/// tells that nothing of them is left.
struct watched {
  std::optional<save_outcome> outcome; ///< of a save
  std::optional<close_report> report;  ///< of closing a store
  std::int64_t value = -1;             ///< events, versions, messages: what the call returned, as a number
  boost::system::error_code error;
  bool odd = false; ///< it threw what is no system_error
  std::atomic<bool> ended = false;
};

inline void note(watched& w, save_outcome outcome) { w.outcome = std::move(outcome); }
inline void note(watched& w, close_report report) { w.report = std::move(report); }
inline void note(watched& w, std::int64_t version) { w.value = version; }
inline void note(watched& w, std::vector<event> const& events) { w.value = static_cast<std::int64_t>(events.size()); }
inline void note(watched& w, replay_result const& r) { w.value = static_cast<std::int64_t>(r.events.size()); }
inline void note(watched& w, std::optional<event> const& e) { w.value = e ? e->version : 0; }
inline void note(watched& w, std::optional<actor_snapshot> const& s) { w.value = s ? s->version : 0; }
inline void note(watched& w, nats::jetstream_event_store const& s) { w.value = s ? 1 : 0; }
inline void note(watched& w, nats::connection const& c) { w.value = c ? 1 : 0; }
inline void note(watched& w, nats::subscription const&) { w.value = 1; }
inline void note(watched& w, nats::message const& m) { w.value = m.status == 0 ? 1 : 0; }
inline void note(watched& w, std::optional<nats::message> const& m) { w.value = m ? 1 : 0; }

template <class T> awaitable<void> watch(awaitable<T> call, std::shared_ptr<watched> w) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(call);
    } else {
      T result = co_await std::move(call);
      note(*w, std::move(result));
    }
  } catch (boost::system::system_error const& e) {
    w->error = e.code();
  } catch (...) {
    w->odd = true;
  }
  w->ended = true;
}

/// What one call promises its caller.
struct contract {
  bool is_save = false;
  std::function<bool(watched const&)> right; ///< whether a call that ended without an error returned what it should
  std::vector<boost::system::error_code> also; ///< errors it may end with besides those of its ending

  contract() = default;
};

struct launched {
  std::shared_ptr<watched> w;
  contract promise;
  std::shared_ptr<boost::asio::cancellation_signal> signal;
  boost::asio::any_io_executor executor; ///< where it is to be emitted

  launched() = default;
};

enum class contexts {
  one,           ///< of the caller and the connection
  callers_first, ///< two; a handler of the caller's runs before one of the connection's
  home_first,    ///< two, the other way round
};

/// Not thread-safe: one thread has it, and drives both contexts unless it has threads do that.
class stage {
public:
  /// The server, or a way to it.
  stage(std::string url, contexts where, std::chrono::nanoseconds connection_timeout = {});
  stage(stage const&) = delete;
  stage& operator=(stage const&) = delete;

  /// Runs a coroutine to its end. Throws what it throws, std::runtime_error when it does not end.
  void run(awaitable<void> body);
  /// Connects, and opens a store of the stream unless its name is empty.
  void set_up(std::string stream);

  template <class T> void launch(contract promise, awaitable<T> call) {
    auto w = std::make_shared<watched>();
    spawn(std::move(promise), w, watch(std::move(call), w));
  }

  /// From now on so many threads run each context.
  void start_threads(int each);
  /// Until here; what is left is driven by hand again.
  void join_threads();

  /// Runs one handler; false when none came in time.
  bool step(std::chrono::nanoseconds patience);
  bool all_ended() const;
  /// Steps, or waits, until every call has ended, or too much time has passed: false.
  bool run_calls();
  /// Steps until no context has work left; false when too much time has passed.
  bool run_out();

  void cancel(); ///< terminal, every call
  void drop_handles();
  void destroy_callers(); ///< with one context that is the one
  void destroy_home() { home_.destroy(); }
  void destroy() { destroy_callers(), destroy_home(); }

  /// Frames, handlers and the connection itself are gone; call it after destroy().
  bool nothing_is_left() const;

  std::vector<launched> const& calls() const noexcept { return calls_; }
  nats::connection_options const& options() const noexcept { return options_; }

  nats::connection on;
  nats::jetstream_event_store store;
  std::shared_ptr<nats::subscription> inbox;

private:
  // A context, and the threads that run it.
  struct place {
    std::unique_ptr<boost::asio::io_context> context;
    std::vector<std::thread> threads;

    bool poll();
    bool is_idle();
    void start_threads(int count);
    void join_threads();
    void destroy();
  };

  void spawn(contract promise, std::shared_ptr<watched> w, awaitable<void> call);
  place& callers() { return where_ == contexts::one ? home_ : callers_; }

  contexts const where_;
  bool threaded_ = false;
  nats::connection_options options_;
  place home_;
  place callers_; // empty when the caller is at home
  std::vector<launched> calls_;
  std::weak_ptr<void> core_; // of the connection
};

} // namespace aether::fault
