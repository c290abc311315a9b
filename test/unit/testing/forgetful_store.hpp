// A store that recognises a stored event only while it is its actor's latest, as one of another process does: what the
// store in front of it says of an older one it has to know by itself.
#pragma once

#include <aether/memory_event_store.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace aether::test {

class forgetful_store final : public event_store {
public:
  explicit forgetful_store(boost::asio::any_io_executor executor, bool takes_batches = true)
      : store_(std::make_shared<memory_event_store>(std::move(executor))), takes_batches_(takes_batches) {}

private:
  using store_ptr = std::shared_ptr<memory_event_store>;

  static awaitable<save_outcome> save(store_ptr store, std::vector<event> events, save_options options) {
    std::string const actor_id = events.front().actor_id;
    std::int64_t const first = events.front().version, last = events.back().version;
    std::int64_t const current = co_await store->latest_version(actor_id);
    save_outcome outcome = co_await store->try_save_events(std::move(events), options);
    if (current > last && std::holds_alternative<saved>(outcome))
      outcome = version_conflict(actor_id, first, current);
    co_return outcome;
  }

  awaitable<save_outcome> do_save_event(event e, save_options options) override {
    std::vector<event> events;
    events.push_back(std::move(e));
    return save(store_, std::move(events), options);
  }
  awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options options) override {
    return save(store_, std::move(batch), options);
  }
  awaitable<replay_result> do_get_events(std::string actor_id, std::int64_t after_version, bool,
                                         call_options options) override {
    return store_->get_events_with_errors(std::move(actor_id), after_version, options);
  }
  event_reader do_read_events(std::string actor_id, read_options options) override {
    return store_->read_events(std::move(actor_id), options);
  }
  awaitable<event_subscription> do_subscribe(subscribe_options options) override {
    return store_->subscribe(std::move(options));
  }
  actor_list do_list_actors(list_options options) override { return store_->list_actors(std::move(options)); }
  awaitable<event_group> do_join_group(group_options options) override {
    return store_->join_group(std::move(options));
  }
  awaitable<bool> do_delete_group(std::string name, call_options options) override {
    return store_->delete_group(std::move(name), options);
  }
  dead_letter_list do_dead_letters(std::string group) override { return store_->dead_letters(std::move(group)); }
  awaitable<bool> do_remove_dead_letter(dead_letter letter, bool retry, call_options options) override {
    return retry ? store_->retry_dead_letter(std::move(letter), options)
                 : store_->discard_dead_letter(std::move(letter), options);
  }
  awaitable<std::int64_t> do_latest_version(std::string actor_id, call_options options) override {
    return store_->latest_version(std::move(actor_id), options);
  }
  awaitable<std::optional<event>> do_find_event(std::string actor_id, std::int64_t version,
                                                call_options options) override {
    return store_->find_event(std::move(actor_id), version, options);
  }
  awaitable<std::optional<event>> do_find_latest_event(std::string actor_id, call_options options) override {
    return store_->find_latest_event(std::move(actor_id), options);
  }
  bool do_supports_batches() const override { return takes_batches_; }
  awaitable<void> do_save_snapshot(actor_snapshot s, call_options options) override {
    return store_->save_snapshot(std::move(s), options);
  }
  awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options options) override {
    return store_->find_snapshot(std::move(actor_id), options);
  }
  awaitable<close_report> do_close(call_options options) override { return store_->close(options); }

  store_ptr store_;
  bool takes_batches_;
};

} // namespace aether::test
