// A store whose subscriptions hand out what a test puts there: events, malformed messages, and errors.
#pragma once

#include <aether/event_store.hpp>

#include <exception>
#include <memory>

namespace aether::test {

/// Only subscribe() works, from the beginning, a position and now. Copies share what they hold. Thread-safe.
class scripted_store final : public event_store {
public:
  scripted_store();

  void add(event e);
  void add_malformed(std::string reason);
  /// Whoever reads so far is told this instead, each time.
  void fail_here(std::exception_ptr with);
  /// Another stream of the same name: positions in the old one fit no longer.
  void make_anew();
  std::uint64_t last_sequence() const;
  int subscriptions() const; ///< made so far

  struct log;

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
  bool do_supports_batches() const override { return false; }
  awaitable<void> do_save_snapshot(actor_snapshot s, call_options options) override;
  awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options options) override;
  awaitable<close_report> do_close(call_options options) override;

  std::shared_ptr<log> log_;
};

} // namespace aether::test
