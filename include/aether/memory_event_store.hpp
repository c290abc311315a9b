// The embedded store: everything in this process's memory, the same behaviour as the JetStream store.
#pragma once

#include <aether/event_broadcaster.hpp>
#include <aether/event_store.hpp>
#include <aether/logging.hpp>
#include <aether/tracing.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace aether {

namespace detail {
template <class T> class thread_handles;
} // namespace detail

/// Zero in an option means its default. Nonsense is refused by validate(), naming the option.
struct memory_config {
  aether::version_policy version_policy = aether::version_policy::increasing;
  std::chrono::nanoseconds operation_timeout{}; ///< 0: 10 s
  std::size_t max_history_events = 0;           ///< of one get_events; 0: 1,000,000
  std::size_t max_history_bytes = 0;            ///< of one get_events, as JSON; 0: 256 MB
  std::size_t max_event_bytes = 0;              ///< of one event as JSON; 0: 1 MB, a NATS server's default

  std::string name_space; ///< in which saves are announced: tokens parted by dots; empty: none
  std::shared_ptr<event_broadcaster> announce_to; ///< hears of each save: see event_stored; empty: nobody does
  std::shared_ptr<aether::tracer> tracer;
  std::shared_ptr<logger> log;

  memory_config() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  void validate() const; ///< throws aether::error(invalid_argument)
};

/// Holds every event until the last copy of the handle is gone, and every reader, subscription and listing of it.
/// Thread-safe; saves and reads end without suspending. It is one stream, which ends with it: no other store takes its
/// positions. Stored times are the system clock's and never go back. Sequences count the store's events from 1. Every
/// stored event is recognised when it is saved again, not only an actor's latest. That an id was used for another event
/// is noticed among about the last 65,536 ids (at least; up to twice as many), those of batches too.
class memory_event_store final : public event_store {
public:
  memory_event_store() = default; ///< every call throws not_open
  explicit memory_event_store(boost::asio::any_io_executor executor, memory_config config = {});

private:
  awaitable<save_outcome> do_save_event(event e, save_options options) override;
  awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options options) override;
  awaitable<replay_result> do_get_events(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                         call_options options) override;
  event_reader do_read_events(std::string actor_id, read_options options) override;
  awaitable<event_subscription> do_subscribe(subscribe_options options) override;
  actor_list do_list_actors(list_options options) override;
  awaitable<event_group> do_join_group(group_options options) override;
  awaitable<bool> do_delete_group(std::string name, call_options options) override;
  dead_letter_list do_dead_letters(std::string group) override;
  awaitable<bool> do_remove_dead_letter(dead_letter letter, bool retry, call_options options) override;
  awaitable<std::int64_t> do_latest_version(std::string actor_id, call_options options) override;
  awaitable<std::optional<event>> do_find_event(std::string actor_id, std::int64_t version,
                                                call_options options) override;
  awaitable<std::optional<event>> do_find_latest_event(std::string actor_id, call_options options) override;
  bool do_supports_batches() const override;
  awaitable<void> do_save_snapshot(actor_snapshot s, call_options options) override;
  awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options options) override;
  awaitable<close_report> do_close(call_options options) override;
  std::vector<std::string> do_streams() const override;
  std::shared_ptr<detail::store_watch> do_watch() const override;
  void do_add_metrics(store_metrics& m) const override;

  struct impl;
  std::shared_ptr<impl> mine() const;

  std::shared_ptr<detail::thread_handles<impl>> handles_;
};

} // namespace aether
