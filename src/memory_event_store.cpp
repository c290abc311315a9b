// The embedded store's handle: checks, then the log. Nothing here suspends.
#include <aether/memory_event_store.hpp>

#include "announcer.hpp"
#include "bus_pattern.hpp"
#include "json_writer.hpp"
#include "memory_feeds.hpp"
#include "memory_groups.hpp"
#include "memory_log.hpp"
#include "store_checks.hpp"
#include "store_watch.hpp"

#include "detail/call_deadline.hpp"
#include "detail/thread_handles.hpp"
#include "detail/utf8.hpp"
#include "detail/wait.hpp"

#include <limits>
#include <string>
#include <utility>

namespace aether {
namespace {

constexpr std::chrono::seconds default_timeout{10};
constexpr std::size_t default_history_events = 1'000'000;
constexpr std::size_t default_history_bytes = 256ull * 1024 * 1024;
constexpr std::size_t default_event_bytes = 1024ull * 1024;

std::size_t or_default(std::size_t value, std::size_t otherwise) { return value == 0 ? otherwise : value; }

void check_size(std::size_t value, char const* name) {
  if (value > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()))
    throw error(errc::invalid_argument, std::string("memory_config::") + name + " is negative or beyond all memory");
}

template <class Record> void stamp(Record& record) {
  if (record.timestamp == time_point{})
    record.timestamp = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

} // namespace

void memory_config::validate() const {
  if (version_policy != aether::version_policy::increasing && version_policy != aether::version_policy::contiguous)
    throw error(errc::invalid_argument, "memory_config::version_policy is none of the enumeration");
  if (operation_timeout < std::chrono::nanoseconds::zero())
    throw error(errc::invalid_argument, "memory_config::operation_timeout is negative");
  check_size(max_history_events, "max_history_events");
  check_size(max_history_bytes, "max_history_bytes");
  check_size(max_event_bytes, "max_event_bytes");
  detail::check_name_space(name_space);
}

struct memory_event_store::impl {
  using handle = std::shared_ptr<impl>;

  explicit impl(memory_config const& c)
      : policy(c.version_policy), timeout(c.operation_timeout.count() != 0 ? c.operation_timeout : default_timeout),
        history_events(or_default(c.max_history_events, default_history_events)),
        history_bytes(or_default(c.max_history_bytes, default_history_bytes)),
        event_bytes(or_default(c.max_event_bytes, default_event_bytes)),
        announcer(detail::announcer::make(c.announce_to, c.name_space, c.log)),
        watch(std::make_shared<detail::store_watch>(c.name_space, std::string(), c.tracer)) {}

  // The coroutines: they own what they work on, as the handle may be gone before they start.
  static awaitable<save_outcome> save(handle self, event e, save_options options);
  static awaitable<save_outcome> save_batch(handle self, std::vector<event> batch, save_options options);
  static awaitable<replay_result> read(handle self, std::string actor_id, std::int64_t after, call_options options);
  static awaitable<std::int64_t> latest_version(handle self, std::string actor_id, call_options options);
  static awaitable<std::optional<event>> find(handle self, std::string actor_id, std::int64_t version,
                                              call_options options);
  static awaitable<std::optional<event>> find_latest(handle self, std::string actor_id, call_options options);
  static awaitable<void> put_snapshot(handle self, actor_snapshot s, call_options options);
  static awaitable<std::optional<actor_snapshot>> find_snapshot(handle self, std::string actor_id,
                                                                call_options options);
  static awaitable<event_subscription> subscribe(handle self, subscribe_options options);
  static awaitable<event_group> join_group(handle self, group_options options);
  static awaitable<bool> delete_group(handle self, std::string name, call_options options);
  static awaitable<bool> remove_dead_letter(handle self, dead_letter letter, bool retry, call_options options);
  static awaitable<close_report> close(handle self, call_options options);

  static impl& opened(handle const& self);
  /// What readers, subscriptions and groups hold: it outlives this.
  static std::shared_ptr<detail::memory_log> const& log_of(handle const& self) { return self->log; }
  detail::pending_event prepare(event e) const;
  void check_fits(std::size_t bytes, std::string const& actor_id, std::int64_t version) const;
  std::vector<event> copies(std::vector<detail::stored_event const*> const& events) const;

  version_policy const policy;
  std::chrono::nanoseconds const timeout;
  std::size_t const history_events;
  std::size_t const history_bytes;
  std::size_t const event_bytes;
  std::shared_ptr<detail::announcer> const announcer; // none: nobody hears of saves
  std::shared_ptr<detail::store_watch> const watch;
  std::shared_ptr<detail::memory_log> const log = std::make_shared<detail::memory_log>();
  detail::memory_groups groups;
};

memory_event_store::impl& memory_event_store::impl::opened(handle const& self) {
  if (!self)
    throw error(errc::not_open, "memory_event_store: the handle is default-made or was moved from");
  if (self->log->is_closed())
    throw error(errc::closed, "this memory store was closed");
  return *self;
}

detail::pending_event memory_event_store::impl::prepare(event e) const {
  stamp(e);
  std::size_t const bytes = detail::json_size(e);
  check_fits(bytes, e.actor_id, e.version);
  return std::make_unique<detail::stored_event>(std::move(e), bytes);
}

void memory_event_store::impl::check_fits(std::size_t bytes, std::string const& actor_id, std::int64_t version) const {
  if (bytes > event_bytes)
    throw error(errc::event_too_large, "version " + std::to_string(version) + " of " + detail::quoted(actor_id) +
                                           " has " + std::to_string(bytes) + " bytes as JSON, more than " +
                                           "max_event_bytes (" + std::to_string(event_bytes) + ")");
}

std::vector<event> memory_event_store::impl::copies(std::vector<detail::stored_event const*> const& events) const {
  std::size_t bytes = 0;
  for (auto const* stored : events)
    bytes += stored->json_bytes;
  if (bytes > history_bytes)
    throw error(errc::history_too_long, "actor " + detail::quoted(events.front()->value.actor_id) + " has " +
                                            std::to_string(bytes) + " bytes of events to read as JSON, more than " +
                                            "max_history_bytes (" + std::to_string(history_bytes) + ")");
  std::vector<event> out;
  out.reserve(events.size());
  for (auto const* stored : events)
    out.push_back(stored->value);
  return out;
}

awaitable<save_outcome> memory_event_store::impl::save(handle self, event e, save_options options) {
  impl& store = opened(self);
  detail::check_save(e, options);
  detail::version_demand const demand{store.policy, options.expected_version};
  auto prepared = store.prepare(std::move(e));
  detail::prepared_announcements announcements(store.announcer.get());
  announcements.add(prepared->value);
  auto outcome = store.log->append(std::move(prepared), demand, std::move(announcements));
  store.groups.changed();
  co_return outcome;
}

awaitable<save_outcome> memory_event_store::impl::save_batch(handle self, std::vector<event> batch,
                                                             save_options options) {
  impl& store = opened(self);
  detail::check_batch(batch, options, store.policy);
  std::vector<detail::pending_event> prepared;
  prepared.reserve(batch.size());
  detail::prepared_announcements announcements(store.announcer.get());
  for (event& e : batch) {
    prepared.push_back(store.prepare(std::move(e)));
    announcements.add(prepared.back()->value);
  }
  detail::version_demand const demand{store.policy, options.expected_version};
  auto outcome = store.log->append(std::move(prepared), demand, std::move(announcements));
  store.groups.changed();
  co_return outcome;
}

awaitable<replay_result> memory_event_store::impl::read(handle self, std::string actor_id, std::int64_t after,
                                                        call_options options) {
  impl& store = opened(self);
  detail::check_read(actor_id, after, options);
  replay_result result;
  result.events = store.copies(store.log->read(actor_id, after, store.history_events));
  co_return result;
}

awaitable<std::int64_t> memory_event_store::impl::latest_version(handle self, std::string actor_id,
                                                                 call_options options) {
  impl& store = opened(self);
  detail::check_actor(actor_id, options);
  auto const* stored = store.log->latest(actor_id);
  co_return stored == nullptr ? 0 : stored->value.version;
}

awaitable<std::optional<event>> memory_event_store::impl::find(handle self, std::string actor_id, std::int64_t version,
                                                               call_options options) {
  impl& store = opened(self);
  detail::check_find(actor_id, version, options);
  std::optional<event> found;
  if (auto const* stored = store.log->find(actor_id, version))
    found = stored->value;
  co_return found;
}

awaitable<std::optional<event>> memory_event_store::impl::find_latest(handle self, std::string actor_id,
                                                                      call_options options) {
  impl& store = opened(self);
  detail::check_actor(actor_id, options);
  std::optional<event> found;
  if (auto const* stored = store.log->latest(actor_id))
    found = stored->value;
  co_return found;
}

awaitable<void> memory_event_store::impl::put_snapshot(handle self, actor_snapshot s, call_options options) {
  impl& store = opened(self);
  detail::check_snapshot(s, options);
  stamp(s);
  store.check_fits(detail::json_size(s), s.actor_id, s.version);
  store.log->put_snapshot(std::make_shared<actor_snapshot const>(std::move(s)));
  co_return;
}

awaitable<std::optional<actor_snapshot>> memory_event_store::impl::find_snapshot(handle self, std::string actor_id,
                                                                                 call_options options) {
  impl& store = opened(self);
  detail::check_actor(actor_id, options);
  std::optional<actor_snapshot> found;
  if (auto const snapshot = store.log->snapshot(actor_id))
    found = *snapshot;
  co_return found;
}

awaitable<event_subscription> memory_event_store::impl::subscribe(handle self, subscribe_options options) {
  (void)opened(self);
  auto feed = co_await detail::subscribe_to_memory(log_of(self), options);
  co_return event_subscription(std::move(feed), options);
}

awaitable<event_group> memory_event_store::impl::join_group(handle self, group_options options) {
  (void)opened(self);
  co_return self->groups.join(log_of(self), options, self->timeout);
}

awaitable<bool> memory_event_store::impl::delete_group(handle self, std::string name, call_options options) {
  (void)opened(self);
  detail::check_timeout(options.timeout);
  co_return self->groups.remove(name);
}

awaitable<bool> memory_event_store::impl::remove_dead_letter(handle self, dead_letter letter, bool retry,
                                                             call_options options) {
  (void)opened(self);
  detail::check_timeout(options.timeout);
  co_return self->groups.remove_letter(log_of(self), letter, retry);
}

awaitable<close_report> memory_event_store::impl::close(handle self, call_options options) {
  if (!self)
    throw error(errc::not_open, "memory_event_store: the handle is default-made or was moved from");
  detail::check_timeout(options.timeout);
  self->log->close();
  self->groups.changed();
  if (self->announcer) {
    auto const deadline = detail::deadline_after(options.timeout, self->timeout);
    auto const announced =
        co_await detail::wait_until<bool>(deadline, [&](std::shared_ptr<detail::wait_state<bool>> waiting) {
          self->announcer->when_empty(std::move(waiting));
        });
    detail::throw_if_cancelled(announced);
  }
  co_return close_report();
}

memory_event_store::memory_event_store(boost::asio::any_io_executor executor, memory_config config) {
  config.validate();
  if (!executor)
    throw error(errc::invalid_argument, "memory_event_store: the executor is empty");
  handles_ = std::make_shared<detail::thread_handles<impl>>(std::make_shared<impl>(config));
}

std::shared_ptr<memory_event_store::impl> memory_event_store::mine() const {
  return handles_ ? handles_->mine() : nullptr;
}

awaitable<save_outcome> memory_event_store::do_save_event(event e, save_options options) {
  return impl::save(mine(), std::move(e), options);
}

awaitable<save_outcome> memory_event_store::do_save_events(std::vector<event> batch, save_options options) {
  return impl::save_batch(mine(), std::move(batch), options);
}

// Every event here is well-formed: there are no errors to keep.
awaitable<replay_result> memory_event_store::do_get_events(std::string actor_id, std::int64_t after_version, bool,
                                                           call_options options) {
  return impl::read(mine(), std::move(actor_id), after_version, options);
}

event_reader memory_event_store::do_read_events(std::string actor_id, read_options options) {
  auto const self = mine();
  if (!self)
    return event_reader();
  auto feed = detail::make_memory_reader(impl::log_of(self), std::move(actor_id), options);
  return event_reader(std::move(feed), options, self->timeout);
}

awaitable<event_subscription> memory_event_store::do_subscribe(subscribe_options options) {
  return impl::subscribe(mine(), std::move(options));
}

actor_list memory_event_store::do_list_actors(list_options options) {
  auto const self = mine();
  return self ? actor_list(detail::make_memory_listing(impl::log_of(self), std::move(options))) : actor_list();
}

awaitable<event_group> memory_event_store::do_join_group(group_options options) {
  return impl::join_group(mine(), std::move(options));
}

awaitable<bool> memory_event_store::do_delete_group(std::string name, call_options options) {
  return impl::delete_group(mine(), std::move(name), options);
}

dead_letter_list memory_event_store::do_dead_letters(std::string group) {
  auto const self = mine();
  if (!self)
    return {};
  auto const log = impl::log_of(self);
  return dead_letter_list(detail::make_memory_letter_list(log, self->groups.letters(group, log)));
}

awaitable<bool> memory_event_store::do_remove_dead_letter(dead_letter letter, bool retry, call_options options) {
  return impl::remove_dead_letter(mine(), std::move(letter), retry, options);
}

awaitable<std::int64_t> memory_event_store::do_latest_version(std::string actor_id, call_options options) {
  return impl::latest_version(mine(), std::move(actor_id), options);
}

awaitable<std::optional<event>> memory_event_store::do_find_event(std::string actor_id, std::int64_t version,
                                                                  call_options options) {
  return impl::find(mine(), std::move(actor_id), version, options);
}

awaitable<std::optional<event>> memory_event_store::do_find_latest_event(std::string actor_id, call_options options) {
  return impl::find_latest(mine(), std::move(actor_id), options);
}

bool memory_event_store::do_supports_batches() const {
  if (!handles_)
    throw error(errc::not_open, "memory_event_store: the handle is default-made or was moved from");
  return true;
}

awaitable<void> memory_event_store::do_save_snapshot(actor_snapshot s, call_options options) {
  return impl::put_snapshot(mine(), std::move(s), options);
}

awaitable<std::optional<actor_snapshot>> memory_event_store::do_find_snapshot(std::string actor_id,
                                                                              call_options options) {
  return impl::find_snapshot(mine(), std::move(actor_id), options);
}

std::vector<std::string> memory_event_store::do_streams() const {
  std::vector<std::string> names;
  if (auto const self = mine())
    names.push_back(self->log->stream()->name);
  return names;
}

// Counted as the store is.
std::shared_ptr<detail::store_watch> memory_event_store::do_watch() const {
  auto self = mine();
  auto* const watch = self ? self->watch.get() : nullptr;
  return {std::move(self), watch};
}

void memory_event_store::do_add_metrics(store_metrics& m) const {
  if (auto const self = mine(); self && self->announcer) {
    m.announcements += self->announcer->published();
    m.announcements_dropped += self->announcer->dropped();
  }
}

awaitable<close_report> memory_event_store::do_close(call_options options) { return impl::close(mine(), options); }

} // namespace aether
