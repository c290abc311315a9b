// What is done to workflows from outside: started, signalled, cancelled, and waited for.
#pragma once

#include "detail/context_service.hpp"
#include "detail/serial.hpp"
#include "detail/wait.hpp"
#include "workflow_journal.hpp"

#include <aether/event_store.hpp>

#include <boost/json/value.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace aether::detail {

/// Events of one workflow type as they are stored, on the desk's strand, until it is stopped. An interruption is told
/// by an empty event: everything may have been missed.
class workflow_feed : public std::enable_shared_from_this<workflow_feed> {
public:
  /// `live`: it was stored since the feed was opened.
  using taker = std::function<void(recorded_event const*, bool live)>;

  static awaitable<std::shared_ptr<workflow_feed>> open(std::shared_ptr<event_store> store, subscribe_options options,
                                                        call_options call);
  /// Follows with `strand`. `pause` is slept before subscribing again.
  void follow(asio::any_io_executor strand, taker take, std::function<awaitable<void>()> pause);
  void stop(); ///< on the strand

private:
  static awaitable<void> run(std::shared_ptr<workflow_feed> self);

  std::shared_ptr<event_store> store_;
  subscribe_options options_;
  event_subscription subscription_;
  taker take_;
  std::function<awaitable<void>()> pause_;
  bool stopped_ = false;
};

/// Who waits for a workflow's end. Thread-safe.
class result_wait {
public:
  /// None: look again.
  void tell(std::optional<journal::outcome> how);
  void wait(std::shared_ptr<wait_state<bool>> waiting);
  std::optional<journal::outcome> take();

private:
  std::mutex mutex_;
  bool told_ = false;
  std::optional<journal::outcome> outcome_;
  std::shared_ptr<wait_state<bool>> waiting_;
};

/// Shared by the copies of a client; a host is one too.
class workflow_desk : public std::enable_shared_from_this<workflow_desk> {
public:
  workflow_desk(asio::any_io_executor const& executor, std::shared_ptr<event_store> store);
  virtual ~workflow_desk();

  std::shared_ptr<event_store> const& store() const noexcept { return store_; }
  serial& strand() noexcept { return serial_; }

  /// Written into what it starts.
  virtual std::string host_name() const { return {}; }
  virtual bool hosts(std::string const& /*type*/) const { return false; }
  // It starts one: before, and when that has ended in either way.
  virtual void on_starting(event const&) {}
  virtual void on_started(event const&) {}
  virtual void on_not_started(event const&) {}
  virtual void check_open() const {}

  /// Has a feed of the type, so that the end of each of them is told.
  static awaitable<void> watch(std::shared_ptr<workflow_desk> self, std::string type, call_options options);
  /// `is_here`: it runs here, and its end will be told.
  std::shared_ptr<result_wait> expect(std::string const& actor_id, bool& is_here);
  void forget(std::string const& actor_id, std::shared_ptr<result_wait> const& wait);
  void tell_end(std::string const& actor_id, journal::outcome const& how);
  void look_again(); ///< all that wait
  void look_again(std::string const& actor_id);

protected:
  void stop_feeds(); ///< on the strand
  // Of those that run here, the end is told by tell_end(), behind run_left().
  void run_is_here(std::string const& actor_id); ///< from any thread
  void run_left(std::string const& actor_id);    ///< from any thread

private:
  void take(recorded_event const* item);
  void tell(std::string const& actor_id, std::optional<journal::outcome> const& how); ///< none: it is to look

  std::shared_ptr<event_store> const store_;
  serial serial_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<workflow_feed>> feeds_;
  std::multimap<std::string, std::shared_ptr<result_wait>> waits_;
  std::unordered_set<std::string> here_;
};

/// `{type}-{id}`. Throws invalid_id.
std::string workflow_actor(std::string const& type, std::string const& id);

/// Stores that it is to end, unless it has. Throws workflow_not_found.
awaitable<void> cancel_at(std::shared_ptr<workflow_desk> desk, std::string actor_id, std::string reason,
                          call_options options);

/// Stores the beginning of a workflow. False: it was there, with the same input.
awaitable<bool> start_at(std::shared_ptr<workflow_desk> desk, std::string actor_id, journal::started first,
                         call_options options);

/// How it ended, once it has. Throws closed when the desk is a host that ends.
awaitable<journal::outcome> wait_for_end(std::shared_ptr<workflow_desk> desk, std::string actor_id, std::string type,
                                         call_options options);

} // namespace aether::detail
