// A store that recognises a stored event only while it is its actor's latest, as one of another process does: what the
// store in front of it says of an older one it has to know by itself.
#pragma once

#include <aether/memory_event_store.hpp>
#include <support/forwarding_store.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace aether::test {

class forgetful_store final : public forwarding_store {
public:
  explicit forgetful_store(boost::asio::any_io_executor executor, bool takes_batches = true)
      : forwarding_store(std::make_shared<memory_event_store>(std::move(executor))), takes_batches_(takes_batches) {}

private:
  using store_ptr = std::shared_ptr<event_store>;

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
    return save(to(), std::move(events), options);
  }
  awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options options) override {
    return save(to(), std::move(batch), options);
  }
  bool do_supports_batches() const override { return takes_batches_; }

  bool takes_batches_;
};

} // namespace aether::test
