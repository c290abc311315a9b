// One store over many streams: calls about one actor go to its store, the others to all.
#include <aether/sharded_event_store.hpp>

#include "group_member.hpp"
#include "merged_feed.hpp"
#include "merged_lists.hpp"
#include "or_default.hpp"
#include "store_watch.hpp"

#include <aether/group_source.hpp>
#include <aether/hash_ring.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

namespace aether {

namespace {

constexpr std::size_t max_streams = 1024;
constexpr std::size_t standard_window_events = 32'768; // as subscribe_options says
constexpr std::size_t standard_window_bytes = 16 * 1024 * 1024;
constexpr std::size_t least_window_events = 256;
constexpr std::size_t least_window_bytes = 256 * 1024;

/// A part of what all streams share, rounded up.
std::size_t part_of(std::size_t whole, std::size_t parts) noexcept { return (whole + parts - 1) / parts; }

template <class Result> using results_of = std::vector<std::optional<Result>>;

template <class Result>
awaitable<void> keep(awaitable<Result> pending, std::shared_ptr<results_of<Result>> results, std::size_t index) {
  auto result = co_await std::move(pending);
  (*results)[index].emplace(std::move(result));
}

/// What each store answers, all asked side by side; the first error ends the others.
template <class Result> awaitable<std::vector<Result>> all_of(std::vector<awaitable<Result>> pending) {
  auto const results = std::make_shared<results_of<Result>>(pending.size());
  task_group asked(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < pending.size(); ++i)
    asked.spawn(keep(std::move(pending[i]), results, i));
  co_await asked.join();
  std::vector<Result> out;
  for (auto& result : *results)
    out.push_back(std::move(*result));
  co_return out;
}

void add(latency_histogram& to, latency_histogram const& from) {
  for (std::size_t i = 0; i < to.counts.size(); ++i)
    to.counts[i] += from.counts[i];
  to.sum += from.sum;
}

void add(store_metrics& to, store_metrics const& from) {
  to.saves.saved += from.saves.saved;
  to.saves.already_saved += from.saves.already_saved;
  to.saves.conflict += from.saves.conflict;
  to.saves.unknown += from.saves.unknown;
  to.saves.overloaded += from.saves.overloaded;
  to.saves.cancelled += from.saves.cancelled;
  to.saves.failed += from.saves.failed;
  add(to.save_duration, from.save_duration);
  add(to.replay_duration, from.replay_duration);
  for (auto const count :
       {&store_metrics::events_saved, &store_metrics::save_retries, &store_metrics::unknown_resolved,
        &store_metrics::cache_hits, &store_metrics::cache_misses, &store_metrics::replays,
        &store_metrics::events_replayed, &store_metrics::malformed_messages, &store_metrics::snapshots_saved,
        &store_metrics::snapshots_read, &store_metrics::events_delivered, &store_metrics::announcements,
        &store_metrics::announcements_dropped})
    to.*count += from.*count;
  for (auto const now : {&store_metrics::saves_in_flight, &store_metrics::saves_unresolved, &store_metrics::cache_bytes,
                         &store_metrics::subscriptions})
    to.*now += from.*now;
  to.events_behind = std::max(to.events_behind, from.events_behind);
}

} // namespace

std::size_t stream_of_actor(std::string_view actor_id, std::size_t streams) noexcept {
  std::uint64_t key = placement_hash(actor_id);
  std::int64_t stream = 0;
  for (std::int64_t next = 0; next < static_cast<std::int64_t>(streams);) {
    stream = next;
    key = key * 2862933555777941757u + 1;
    next = static_cast<std::int64_t>(static_cast<double>(stream + 1) * (static_cast<double>(std::int64_t{1} << 31) /
                                                                        static_cast<double>((key >> 33) + 1)));
  }
  return static_cast<std::size_t>(stream);
}

struct sharded_event_store::impl {
  std::vector<std::shared_ptr<event_store>> stores;
  std::map<std::string, std::size_t, std::less<>> store_of_stream;
  bool has_moved_actors = false;
  std::shared_ptr<detail::store_watch> watch;

  event_store& of(std::string_view actor_id) const { return *stores[stream_of_actor(actor_id, stores.size())]; }

  /// Passes over what stands in a stream that is no longer its actor's.
  detail::wanted_in_part wanted() const {
    if (!has_moved_actors)
      return {};
    return [count = stores.size()](std::size_t part, std::string_view actor_id) {
      return stream_of_actor(actor_id, count) == part;
    };
  }

  /// Where each store begins.
  std::vector<start_from> split(start_from const& start) const {
    if (start.what() != start_from::kind::position)
      return std::vector(stores.size(), start);
    std::vector<std::vector<stream_place>> places(stores.size());
    for (stream_place const& place : start.where().places()) {
      auto const found = store_of_stream.find(place.stream);
      if (found == store_of_stream.end())
        throw error(errc::position_invalid,
                    "the position has a place in stream " + place.stream + ", which is none of this store's");
      places[found->second].push_back(place);
    }
    std::vector<start_from> starts;
    for (auto& of_store : places)
      starts.push_back(of_store.empty() ? start_from::beginning()
                                        : start_from::position(position(std::move(of_store))));
    return starts;
  }
};

sharded_event_store::sharded_event_store(std::vector<std::shared_ptr<event_store>> stores, sharding how) {
  if (stores.empty() || stores.size() > max_streams)
    throw error(errc::invalid_argument, "a sharded store over " + std::to_string(stores.size()) + " streams: 1 to " +
                                            std::to_string(max_streams) + " are possible");
  impl made;
  for (std::size_t i = 0; i < stores.size(); ++i) {
    auto names = stores[i] ? stores[i]->streams() : std::vector<std::string>();
    if (names.empty())
      throw error(errc::not_open, "a sharded store: its store " + std::to_string(i) + " is not open");
    for (auto& name : names)
      if (auto const [at, is_new] = made.store_of_stream.emplace(std::move(name), i); !is_new)
        throw error(errc::invalid_argument, "a sharded store: stream " + at->first + " is there twice");
  }
  made.stores = std::move(stores);
  made.has_moved_actors = how.has_moved_actors;
  made.watch =
      std::make_shared<detail::store_watch>(std::move(how.name_space), std::move(how.name), std::move(how.tracer));
  impl_ = std::make_shared<impl const>(std::move(made));
}

std::size_t sharded_event_store::stream_count() const noexcept { return impl_ ? impl_->stores.size() : 0; }

std::size_t sharded_event_store::stream_of(std::string_view actor_id) const noexcept {
  return impl_ ? stream_of_actor(actor_id, impl_->stores.size()) : 0;
}

event_store& sharded_event_store::store(std::size_t stream) const {
  if (stream >= stream_count())
    throw error(errc::invalid_argument, "a sharded store of " + std::to_string(stream_count()) +
                                            " streams, from 0 on, has none of number " + std::to_string(stream));
  return *impl_->stores[stream];
}

namespace {

/// What a handle that is not open answers when it is awaited.
template <class Result> awaitable<Result> not_open() {
  throw error(errc::not_open, "a call on a store that was default-made or moved from");
  if constexpr (std::is_void_v<Result>)
    co_return;
  else
    co_return Result();
}

} // namespace

// ---- of one actor

event_store& sharded_event_store::do_store_of(std::string_view actor_id) {
  return impl_ ? impl_->of(actor_id) : static_cast<event_store&>(*this);
}

awaitable<save_outcome> sharded_event_store::do_save_event(event e, save_options options) {
  if (!impl_)
    return not_open<save_outcome>();
  auto& store = impl_->of(e.actor_id);
  return store.do_save_event(std::move(e), options);
}

awaitable<save_outcome> sharded_event_store::do_save_events(std::vector<event> batch, save_options options) {
  if (!impl_)
    return not_open<save_outcome>();
  auto& store = batch.empty() ? *impl_->stores.front() : impl_->of(batch.front().actor_id);
  return store.do_save_events(std::move(batch), options);
}

awaitable<replay_result> sharded_event_store::do_get_events(std::string actor_id, std::int64_t after_version,
                                                            bool keep_errors, call_options options) {
  if (!impl_)
    return not_open<replay_result>();
  auto& store = impl_->of(actor_id);
  return store.do_get_events(std::move(actor_id), after_version, keep_errors, options);
}

event_reader sharded_event_store::do_read_events(std::string actor_id, read_options options) {
  if (!impl_)
    return event_reader();
  auto& store = impl_->of(actor_id);
  return store.do_read_events(std::move(actor_id), options);
}

awaitable<std::int64_t> sharded_event_store::do_latest_version(std::string actor_id, call_options options) {
  if (!impl_)
    return not_open<std::int64_t>();
  auto& store = impl_->of(actor_id);
  return store.do_latest_version(std::move(actor_id), options);
}

awaitable<std::optional<event>> sharded_event_store::do_find_event(std::string actor_id, std::int64_t version,
                                                                   call_options options) {
  if (!impl_)
    return not_open<std::optional<event>>();
  auto& store = impl_->of(actor_id);
  return store.do_find_event(std::move(actor_id), version, options);
}

awaitable<std::optional<event>> sharded_event_store::do_find_latest_event(std::string actor_id, call_options options) {
  if (!impl_)
    return not_open<std::optional<event>>();
  auto& store = impl_->of(actor_id);
  return store.do_find_latest_event(std::move(actor_id), options);
}

awaitable<void> sharded_event_store::do_save_snapshot(actor_snapshot s, call_options options) {
  if (!impl_)
    return not_open<void>();
  auto& store = impl_->of(s.actor_id);
  return store.do_save_snapshot(std::move(s), options);
}

awaitable<std::optional<actor_snapshot>> sharded_event_store::do_find_snapshot(std::string actor_id,
                                                                               call_options options) {
  if (!impl_)
    return not_open<std::optional<actor_snapshot>>();
  auto& store = impl_->of(actor_id);
  return store.do_find_snapshot(std::move(actor_id), options);
}

bool sharded_event_store::do_supports_batches() const {
  if (!impl_)
    throw error(errc::not_open, "a call on a store that was default-made or moved from");
  return std::all_of(impl_->stores.begin(), impl_->stores.end(),
                     [](auto const& store) { return store->do_supports_batches(); });
}

// ---- of all

awaitable<event_subscription> sharded_event_store::subscribe_to(std::shared_ptr<impl const> self,
                                                                subscribe_options options) {
  options.validate();
  auto const starts = self->split(options.start);
  auto const& only = options.filter.actor_id;
  auto const count = self->stores.size(), parts = only.empty() ? count : 1;
  std::vector<awaitable<event_subscription>> pending;
  for (std::size_t i = 0; i < count; ++i) {
    if (!only.empty() && i != stream_of_actor(only, count))
      continue;
    auto of_store = options;
    of_store.start = starts[i];
    of_store.malformed = malformed_messages::report; // whoever takes them decides
    if (parts > 1) {
      auto const events = detail::or_default(options.window_events, standard_window_events);
      auto const bytes = detail::or_default(options.window_bytes, standard_window_bytes);
      of_store.window_events = std::max(part_of(events, parts), std::min(events, least_window_events));
      of_store.window_bytes = std::max(part_of(bytes, parts), std::min(bytes, least_window_bytes));
    }
    pending.push_back(self->stores[i]->do_subscribe(std::move(of_store)));
  }
  auto subscriptions = co_await all_of(std::move(pending));
  auto feed = detail::merge_feeds(std::move(subscriptions), only.empty() ? self->wanted() : detail::wanted_in_part());
  co_return event_subscription(std::move(feed), options);
}

awaitable<event_subscription> sharded_event_store::do_subscribe(subscribe_options options) {
  return impl_ ? subscribe_to(impl_, std::move(options)) : not_open<event_subscription>();
}

actor_list sharded_event_store::do_list_actors(list_options options) {
  if (!impl_)
    return actor_list();
  std::vector<actor_list> parts;
  for (auto const& store : impl_->stores)
    parts.push_back(store->do_list_actors(options));
  return actor_list(detail::merge_actors(std::move(parts), impl_->wanted()));
}

awaitable<event_group> sharded_event_store::join(std::shared_ptr<impl const> self, group_options options) {
  options.validate();
  auto const starts = self->split(options.start);
  auto const count = self->stores.size();
  auto const settings = resolved(options);
  std::vector<awaitable<event_group>> pending;
  for (std::size_t i = 0; i < count; ++i) {
    auto of_store = settings;
    of_store.start = starts[i];
    of_store.prefetch_events = part_of(settings.prefetch_events, count);
    of_store.prefetch_bytes = part_of(settings.prefetch_bytes, count);
    pending.push_back(self->stores[i]->do_join_group(std::move(of_store)));
  }
  auto members = co_await all_of(std::move(pending));
  co_return event_group(detail::merge_members(std::move(members), settings.prefetch_events != 0, self->wanted()));
}

awaitable<event_group> sharded_event_store::do_join_group(group_options options) {
  return impl_ ? join(impl_, std::move(options)) : not_open<event_group>();
}

awaitable<bool> sharded_event_store::delete_everywhere(std::shared_ptr<impl const> self, std::string name,
                                                       call_options options) {
  std::vector<awaitable<bool>> pending;
  for (auto const& store : self->stores)
    pending.push_back(store->do_delete_group(name, options));
  auto const deleted = co_await all_of(std::move(pending));
  co_return std::find(deleted.begin(), deleted.end(), true) != deleted.end();
}

awaitable<bool> sharded_event_store::do_delete_group(std::string name, call_options options) {
  return impl_ ? delete_everywhere(impl_, std::move(name), options) : not_open<bool>();
}

dead_letter_list sharded_event_store::do_dead_letters(std::string group) {
  if (!impl_)
    return dead_letter_list();
  std::vector<dead_letter_list> parts;
  for (auto const& store : impl_->stores)
    parts.push_back(store->do_dead_letters(group));
  return dead_letter_list(detail::merge_letters(std::move(parts)));
}

awaitable<bool> sharded_event_store::do_remove_dead_letter(dead_letter letter, bool retry, call_options options) {
  if (!impl_)
    return not_open<bool>();
  auto const& places = letter.position.places();
  auto const found = places.empty() ? impl_->store_of_stream.end() : impl_->store_of_stream.find(places.front().stream);
  // Whichever store is asked says what is wrong with a letter of no stream of theirs.
  auto& store = *impl_->stores[found == impl_->store_of_stream.end() ? 0 : found->second];
  return store.do_remove_dead_letter(std::move(letter), retry, options);
}

awaitable<close_report> sharded_event_store::close_all(std::shared_ptr<impl const> self, call_options options) {
  std::vector<awaitable<close_report>> pending;
  for (auto const& store : self->stores)
    pending.push_back(store->do_close(options));
  auto reports = co_await all_of(std::move(pending));
  close_report all;
  for (auto& report : reports)
    std::move(report.unknown.begin(), report.unknown.end(), std::back_inserter(all.unknown));
  co_return all;
}

awaitable<close_report> sharded_event_store::do_close(call_options options) {
  return impl_ ? close_all(impl_, options) : not_open<close_report>();
}

std::vector<std::string> sharded_event_store::do_streams() const {
  std::vector<std::string> names;
  if (impl_)
    for (auto const& [name, store] : impl_->store_of_stream)
      names.push_back(name);
  return names;
}

std::shared_ptr<detail::store_watch> sharded_event_store::do_watch() const { return impl_ ? impl_->watch : nullptr; }

void sharded_event_store::do_add_metrics(store_metrics& m) const {
  if (impl_)
    for (auto const& store : impl_->stores)
      add(m, store->metrics());
}

} // namespace aether
