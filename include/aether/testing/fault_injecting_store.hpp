// A store in front of another one that loses requests and answers, stores late, conflicts, delays and goes away.
#pragma once

#include <aether/event_store.hpp>
#include <aether/testing/fault_plan.hpp>
#include <aether/testing/virtual_clock.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <vector>

namespace aether::testing {

namespace detail {
class fault_core;
}

/// Behaves as a store on a network does, within the contract of all stores: outcome_unknown only when an attempt was
/// handed over, the next save of the same event resolves it, nothing is ever stored twice, and a conflict is true.
/// Deadlines, delays and outages are on the virtual clock; somebody has to move it, such as testing::run, when a
/// plan, a script or begin_outage() makes a call wait. The store behind it should end by itself, as the embedded one.
///
/// A subscription, the beginning of a reader and each page of a listing are reads: they meet the plan's faults. What
/// comes behind that meets outages only: while there is one a subscription has nothing. Waits for events that are yet
/// to come end by the virtual clock too.
///
/// Copies share one implementation. Thread-safe, but only calls in the same order meet the same faults: for that, run
/// it on one thread. close() ends this store and not the one behind it, where what is late may still arrive.
class fault_injecting_store final : public event_store {
public:
  fault_injecting_store() = default; ///< every call throws not_open

  /// In front of an embedded store of its own. What is stored late is stored by `executor`.
  fault_injecting_store(boost::asio::any_io_executor executor, virtual_clock clock, fault_plan plan = fault_plan());
  /// In front of `inner`, which may have other users: they are other processes then.
  fault_injecting_store(boost::asio::any_io_executor executor, virtual_clock clock, std::shared_ptr<event_store> inner,
                        fault_plan plan = fault_plan());

  /// What becomes of the next calls of this kind, one entry each, before the plan goes on: behind what is scripted
  /// already. An entry is used up by its call also when that needs no attempt, as a save of a version that is taken.
  /// Throws invalid_argument for a fault that cannot happen to this kind.
  void script(operation kind, std::vector<fault> faults);

  /// From now on nothing answers: calls wait for the end of the outage, at most until their deadline. Then they end
  /// with timed_out, or, saves that were handed over, with outcome_unknown.
  void begin_outage();
  /// Ends an outage that was begun by hand or by a call. One by schedule goes on.
  void end_outage();

  fault_counts counts() const;
  /// The store behind, without any fault: to look what is really there, and to be another process.
  std::shared_ptr<event_store> inner() const;

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
  std::shared_ptr<aether::detail::store_watch> do_watch() const override;
  void do_add_metrics(store_metrics& m) const override;

  detail::fault_core& opened() const;

  std::shared_ptr<detail::fault_core> core_;
};

} // namespace aether::testing
