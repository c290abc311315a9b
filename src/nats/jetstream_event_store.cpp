// The JetStream store's handle: each call passed to a coroutine that keeps the store alive.
#include <aether/nats/jetstream_event_store.hpp>

#include "detail/call_deadline.hpp"
#include "detail/wait.hpp"
#include "nats/actor_feed.hpp"
#include "nats/actor_listing.hpp"
#include "nats/history.hpp"
#include "nats/leader_reads.hpp"
#include "nats/store_core.hpp"
#include "nats/store_groups.hpp"
#include "nats/store_reading.hpp"
#include "nats/store_saves.hpp"
#include "nats/store_snapshots.hpp"
#include "nats/stream_setup.hpp"
#include "store_checks.hpp"

namespace aether::nats {

namespace {

using core_ptr = std::shared_ptr<detail::store_core>;
using aether::detail::deadline_after;

/// What every read begins with; lives in its coroutine's frame.
class reading {
public:
  reading(core_ptr const& store, std::string_view actor_id, call_options const& options) : running_(opened(store)) {
    store->check_open();
    aether::detail::check_actor(actor_id, options);
    deadline_ = deadline_after(options.timeout, store->stream()->config.operation_timeout);
  }
  detail::steady_time deadline() const noexcept { return deadline_; }

private:
  static core_ptr const& opened(core_ptr const& store) {
    if (!store)
      throw error(errc::not_open, "a call on a store that was default-made or moved from");
    return store;
  }

  detail::store_core::under_way running_;
  detail::steady_time deadline_{};
};

/// A fresh read of the leader is good for the next save too.
void teach(core_ptr const& store, std::string const& actor_id, detail::current_state const& current) {
  detail::subject_state state;
  state.last_sequence = current.last_sequence;
  aether::detail::hash128 event_id;
  if (current.latest) {
    state.version = current.latest->version;
    state.event_sequence = current.latest_sequence;
    event_id = aether::detail::hash_of(current.latest->id);
  }
  auto& lane = store->lane_of(actor_id);
  lane.dispatch([store, &lane, actor_id, state, event_id, age = detail::age_of(current)] {
    lane.learn(actor_id, state, event_id, age);
  });
}

awaitable<std::optional<event>> latest_event(core_ptr store, std::string actor_id, call_options options) {
  reading const call(store, actor_id, options);
  auto current = co_await detail::read_current(store->stream(), actor_id, call.deadline());
  teach(store, actor_id, current);
  co_return std::move(current.latest);
}

awaitable<std::int64_t> latest_version(core_ptr store, std::string actor_id, call_options options) {
  auto const latest = co_await latest_event(std::move(store), std::move(actor_id), options);
  co_return latest ? latest->version : 0;
}

awaitable<std::optional<event>> find_event(core_ptr store, std::string actor_id, std::int64_t version,
                                           call_options options) {
  reading const call(store, actor_id, options);
  aether::detail::check_find(actor_id, version, options);
  auto found = co_await detail::find_from_version(store->stream(), actor_id, version, call.deadline());
  if (!found || found->value.version != version)
    co_return std::nullopt;
  co_return std::move(found->value);
}

awaitable<replay_result> get_events(core_ptr store, std::string actor_id, std::int64_t after_version, bool keep_errors,
                                    call_options options) {
  reading const call(store, actor_id, options);
  aether::detail::check_read(actor_id, after_version, options);
  detail::history_request request;
  if (auto const known = store->hints().find(actor_id, after_version); known.sequence > 0) {
    request.from_sequence = known.sequence;
    request.told_version = known.version;
  }
  request.actor_id = std::move(actor_id);
  request.after_version = after_version;
  request.keep_errors = keep_errors;
  co_return co_await detail::read_history(store->stream(), std::move(request), call.deadline());
}

awaitable<close_report> close(core_ptr store, call_options options) {
  if (!store)
    throw error(errc::not_open, "close on a store that was default-made or moved from");
  auto const standard = store->stream()->config.operation_timeout;
  auto const deadline = deadline_after(options.timeout, standard);
  co_return co_await detail::store_core::close(std::move(store), deadline);
}

} // namespace

awaitable<core_ptr> detail::open_store_core(connection on, std::string stream_name, jetstream_config config,
                                            std::optional<stream_layout> layout) {
  auto opened = co_await open_stream(on, stream_name, std::move(config), std::move(layout));
  co_return store_core::make(std::move(on), std::move(stream_name), std::move(opened.stream),
                             std::move(opened.weakened));
}

awaitable<jetstream_event_store> jetstream_event_store::open(connection on, std::string stream_name,
                                                             jetstream_config config) {
  auto core = co_await detail::open_store_core(std::move(on), std::move(stream_name), std::move(config), std::nullopt);
  co_return jetstream_event_store(std::move(core));
}

jetstream_event_store::jetstream_event_store(core_ptr core) : core_(std::move(core)) {}

namespace {

detail::store_core const& opened(core_ptr const& core) {
  if (!core)
    throw error(errc::not_open, "a store that was default-made or moved from");
  return *core;
}

} // namespace

std::string const& jetstream_event_store::name_space() const { return opened(core_).stream()->config.name_space; }
std::string const& jetstream_event_store::stream_name() const { return opened(core_).stream_name(); }
std::string const& jetstream_event_store::stream() const { return opened(core_).stream()->stream(); }
std::vector<weakened_setting> const& jetstream_event_store::weakened() const { return opened(core_).weakened(); }

awaitable<save_outcome> jetstream_event_store::do_save_event(event e, save_options options) {
  return detail::save_one(core_, std::move(e), options);
}

awaitable<save_outcome> jetstream_event_store::do_save_events(std::vector<event> batch, save_options options) {
  return detail::save_batch(core_, std::move(batch), options);
}

awaitable<replay_result> jetstream_event_store::do_get_events(std::string actor_id, std::int64_t after_version,
                                                              bool keep_errors, call_options options) {
  return nats::get_events(core_, std::move(actor_id), after_version, keep_errors, options);
}

event_reader jetstream_event_store::do_read_events(std::string actor_id, read_options options) {
  if (!core_)
    return {};
  auto const timeout = core_->stream()->config.operation_timeout;
  return event_reader(detail::make_actor_feed(core_, std::move(actor_id), options), options, timeout);
}

awaitable<event_subscription> jetstream_event_store::do_subscribe(subscribe_options options) {
  return detail::subscribe(core_, std::move(options));
}

actor_list jetstream_event_store::do_list_actors(list_options options) {
  return actor_list(detail::make_actor_pages(core_, std::move(options)));
}

awaitable<event_group> jetstream_event_store::do_join_group(group_options options) {
  return detail::join_group(core_, std::move(options));
}

awaitable<bool> jetstream_event_store::do_delete_group(std::string name, call_options options) {
  return detail::delete_group(core_, std::move(name), options);
}

dead_letter_list jetstream_event_store::do_dead_letters(std::string group) {
  return core_ ? dead_letter_list(detail::list_dead_letters(core_, std::move(group))) : dead_letter_list();
}

awaitable<bool> jetstream_event_store::do_remove_dead_letter(dead_letter letter, bool retry, call_options options) {
  return detail::remove_dead_letter(core_, std::move(letter), retry, options);
}

awaitable<std::int64_t> jetstream_event_store::do_latest_version(std::string actor_id, call_options options) {
  return nats::latest_version(core_, std::move(actor_id), options);
}

awaitable<std::optional<event>> jetstream_event_store::do_find_event(std::string actor_id, std::int64_t version,
                                                                     call_options options) {
  return nats::find_event(core_, std::move(actor_id), version, options);
}

awaitable<std::optional<event>> jetstream_event_store::do_find_latest_event(std::string actor_id,
                                                                            call_options options) {
  return latest_event(core_, std::move(actor_id), options);
}

bool jetstream_event_store::do_supports_batches() const { return opened(core_).stream()->atomic_batches; }

awaitable<void> jetstream_event_store::do_save_snapshot(actor_snapshot s, call_options options) {
  return detail::keep_snapshot(core_, std::move(s), options);
}

awaitable<std::optional<actor_snapshot>> jetstream_event_store::do_find_snapshot(std::string actor_id,
                                                                                 call_options options) {
  return detail::load_snapshot(core_, std::move(actor_id), options);
}

awaitable<close_report> jetstream_event_store::do_close(call_options options) { return nats::close(core_, options); }

std::vector<std::string> jetstream_event_store::do_streams() const {
  std::vector<std::string> names;
  if (core_)
    names.push_back(core_->stream()->stream());
  return names;
}

std::shared_ptr<aether::detail::store_watch> jetstream_event_store::do_watch() const {
  return core_ ? core_->watch() : nullptr;
}

void jetstream_event_store::do_add_metrics(store_metrics& m) const {
  if (core_)
    core_->add_metrics(m);
}

} // namespace aether::nats
