// A store as one process has it: when that crashes, nothing answers it any more.
#pragma once

#include <aether/event_store.hpp>

#include <functional>
#include <memory>
#include <string>

namespace aether::testing::detail {

enum class crash_at {
  never,
  before,   ///< the save
  stored,   ///< and nobody is told
  answered, ///< and nothing that follows has begun
  later,    ///< when what follows has begun
};

/// What the handles of one process share. One thread uses it.
struct mortal {
  std::shared_ptr<event_store> inner;
  std::function<crash_at(event const&)> on_save; ///< asked at each
  std::function<void()> crash; ///< called at once, or from the context soon
  std::function<void(std::function<void()>)> post;
  bool is_dead = false;
};

/// Forwards. A call that a crash interrupts never ends, but by cancellation.
class mortal_store final : public event_store {
public:
  explicit mortal_store(std::shared_ptr<mortal> life) : life_(std::move(life)) {}

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

  std::shared_ptr<mortal> life_;
};

} // namespace aether::testing::detail
