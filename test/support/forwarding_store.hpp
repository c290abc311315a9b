// A store that passes every call on: what a test's own store does differently, it overrides.
#pragma once

#include <aether/event_store.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace aether::test {

class forwarding_store : public event_store {
public:
  explicit forwarding_store(std::shared_ptr<event_store> to) : to_(std::move(to)) {}

protected:
  std::shared_ptr<event_store> const& to() const noexcept { return to_; }

  awaitable<save_outcome> do_save_event(event e, save_options options) override {
    return to_->try_save_event(std::move(e), options);
  }
  awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options options) override {
    return to_->try_save_events(std::move(batch), options);
  }
  awaitable<replay_result> do_get_events(std::string actor_id, std::int64_t after_version, bool,
                                         call_options options) override {
    return to_->get_events_with_errors(std::move(actor_id), after_version, options);
  }
  event_reader do_read_events(std::string actor_id, read_options options) override {
    return to_->read_events(std::move(actor_id), options);
  }
  awaitable<event_subscription> do_subscribe(subscribe_options options) override {
    return to_->subscribe(std::move(options));
  }
  actor_list do_list_actors(list_options options) override { return to_->list_actors(std::move(options)); }
  awaitable<event_group> do_join_group(group_options options) override { return to_->join_group(std::move(options)); }
  awaitable<bool> do_delete_group(std::string name, call_options options) override {
    return to_->delete_group(std::move(name), options);
  }
  dead_letter_list do_dead_letters(std::string group) override { return to_->dead_letters(std::move(group)); }
  awaitable<bool> do_remove_dead_letter(dead_letter letter, bool retry, call_options options) override {
    return retry ? to_->retry_dead_letter(std::move(letter), options)
                 : to_->discard_dead_letter(std::move(letter), options);
  }
  awaitable<std::int64_t> do_latest_version(std::string actor_id, call_options options) override {
    return to_->latest_version(std::move(actor_id), options);
  }
  awaitable<std::optional<event>> do_find_event(std::string actor_id, std::int64_t version,
                                                call_options options) override {
    return to_->find_event(std::move(actor_id), version, options);
  }
  awaitable<std::optional<event>> do_find_latest_event(std::string actor_id, call_options options) override {
    return to_->find_latest_event(std::move(actor_id), options);
  }
  bool do_supports_batches() const override { return to_->supports_batches(); }
  awaitable<void> do_save_snapshot(actor_snapshot s, call_options options) override {
    return to_->save_snapshot(std::move(s), options);
  }
  awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options options) override {
    return to_->find_snapshot(std::move(actor_id), options);
  }
  awaitable<close_report> do_close(call_options options) override { return to_->close(options); }

private:
  std::shared_ptr<event_store> to_;
};

} // namespace aether::test
