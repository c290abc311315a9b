// Adding streams: mark the first one, copy what moves, check it, record the new layout; each step may be done again.
#include <aether/nats/add_streams.hpp>

#include "detail/utf8.hpp"
#include "nats/config_defaults.hpp"
#include "nats/sharded_opening.hpp"
#include "nats/stream_setup.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <map>
#include <utility>

namespace aether::nats {
namespace {

using aether::detail::quoted;
using detail::layout_of;
using detail::stream_layout;
using detail::stream_record;

constexpr std::size_t copied_at_once = 1024; // events read before their saves are waited for
constexpr std::size_t checked_at_once = 64;
constexpr int rounds_for_stragglers = 5;
constexpr std::chrono::milliseconds for_stragglers(200);

/// The whole run: what every step is given. One coroutine at a time but for the counts, which only the run changes.
struct adding {
  std::shared_ptr<detail::sharded_place> place;
  std::function<void(added_streams const&)> progress;
  stream_layout before; // of the first stream, as it was found
  std::size_t wanted = 0;
  added_streams done;
  std::vector<stream_record> records; // of the streams that were there
  std::vector<std::shared_ptr<event_store>> stores;

  std::string what() const { return "adding streams to sharded store " + quoted(place->store); }
  std::size_t target_of(std::string_view actor_id) const { return stream_of_actor(actor_id, wanted); }
  void tell() const {
    if (progress)
      progress(done);
  }
};

using run_ptr = std::shared_ptr<adding>;

awaitable<detail::recorded_stream> read_stream(run_ptr run, std::size_t index) {
  auto name = sharded_stream_name(run->place->store, index);
  auto found = co_await detail::find_recorded_stream(run->place->connection_of(index), name, run->place->config.stream);
  if (!found)
    throw error(errc::stream_not_found, run->what() + ": stream " + quoted(name) + " is not there");
  co_return std::move(*found);
}

awaitable<void> write_record(run_ptr run, std::size_t index, stream_layout layout) {
  auto record = run->records[index];
  record.layout = std::move(layout);
  co_await detail::update_stream_record(run->place->connection_of(index), std::move(record), run->place->config.stream);
}

stream_layout layout_afterwards(adding const& run, std::size_t index) {
  return layout_of(run.place->store, run.wanted, index, run.before.version + 1);
}

/// True: there is nothing to do.
awaitable<bool> begin(run_ptr run) {
  auto first = co_await read_stream(run, 0);
  auto& settings = run->place->config.stream;
  settings = detail::taken_after(first.config, std::move(settings));
  settings.subject_encoding = first.record.encoding;
  run->records.push_back(std::move(first.record));
  run->before = detail::recorded_layout(run->place->store, run->records[0], 0);
  auto const& before = run->before;
  if (before.adding != 0 && before.adding != run->wanted)
    throw error(errc::stream_settings_differ, run->what() + ": an earlier call began to add until there are " +
                                                  std::to_string(before.adding) + ", wanted " +
                                                  std::to_string(run->wanted) + ": let that one end first");
  if (before.adding == 0 && run->wanted < before.streams)
    throw error(errc::invalid_argument, run->what() + ": it has " + std::to_string(before.streams) + ", wanted " +
                                            std::to_string(run->wanted) + ": streams cannot be taken away");
  run->done.streams = run->wanted;
  run->done.layout_version = before.version;
  if (before.adding == 0 && run->wanted == before.streams)
    co_return true;
  run->done.layout_version = before.version + 1;
  for (std::size_t i = 1; i < before.streams; ++i) {
    auto found = co_await read_stream(run, i);
    auto& record = found.record;
    auto const old_layout = layout_of(run->place->store, before.streams, i, before.version);
    if (record.layout != old_layout && record.layout != layout_afterwards(*run, i))
      throw error(errc::stream_settings_differ,
                  run->what() + ": stream " + quoted(record.stream_name) + " was made as none of its streams");
    run->records.push_back(std::move(record));
  }
  auto marked = before;
  marked.adding = run->wanted;
  run->records[0].layout = marked;
  co_await write_record(run, 0, std::move(marked)); // from now on nobody opens the store
  co_return false;
}

/// Those that were there as they are recorded, the new ones with the layout to come.
awaitable<void> open_them(run_ptr run) {
  for (std::size_t i = 0; i < run->before.streams; ++i) {
    auto opened = co_await detail::open_streams(run->place, *run->records[i].layout, i, i + 1);
    run->stores.push_back(std::move(opened.front()));
  }
  auto added = co_await detail::open_streams(run->place, layout_afterwards(*run, 0), run->before.streams, run->wanted);
  run->stores.insert(run->stores.end(), added.begin(), added.end());
}

/// One actor's events, in their order.
awaitable<void> copy_actor(run_ptr run, std::vector<event> events) {
  auto& target = *run->stores[run->target_of(events.front().actor_id)];
  for (event& e : events) {
    auto const id = e.id;
    auto const actor = e.actor_id;
    auto const version = e.version;
    auto const outcome = co_await target.try_save_event(std::move(e));
    if (auto const* stored = std::get_if<saved>(&outcome)) {
      ++(stored->already_saved ? run->done.events_there : run->done.events_copied);
      continue;
    }
    auto const found = co_await target.find_event(actor, version);
    ++(found && found->id == id ? run->done.events_there : run->done.stale);
  }
}

awaitable<void> copy_actors(run_ptr run, std::map<std::string, std::vector<event>> by_actor) {
  // One thread of control at a time: the counts are plain, and a save's cost is the server's.
  auto const executor =
      boost::asio::any_io_executor(boost::asio::make_strand(co_await boost::asio::this_coro::executor));
  task_group copies(executor);
  for (auto& [actor, events] : by_actor)
    copies.spawn(copy_actor(run, std::move(events)));
  co_await copies.join();
  run->tell();
}

/// What is there now, or has come since the last time. Returns how many of them move.
awaitable<std::uint64_t> copy_stream(run_ptr run, std::size_t index, event_subscription& from, bool to_catch_up) {
  std::uint64_t moving = 0;
  std::map<std::string, std::vector<event>> by_actor;
  std::size_t held = 0;
  call_options patience;
  if (!to_catch_up)
    patience.timeout = for_stragglers;
  for (;;) {
    auto item = co_await from.next(patience);
    if (!item || std::holds_alternative<caught_up>(*item))
      break;
    if (std::holds_alternative<replay_error>(*item)) {
      ++run->done.malformed;
      continue;
    }
    ++run->done.events_read;
    auto& e = std::get<recorded_event>(*item).event;
    // What moved away in an earlier addition is somebody else's to copy.
    if (stream_of_actor(e.actor_id, run->before.streams) != index || run->target_of(e.actor_id) == index)
      continue;
    ++moving;
    auto& events = by_actor[e.actor_id];
    events.push_back(std::move(e));
    if (++held >= copied_at_once) {
      co_await copy_actors(run, std::exchange(by_actor, {}));
      held = 0;
    }
  }
  co_await copy_actors(run, std::move(by_actor));
  co_return moving;
}

awaitable<void> check_actor(run_ptr run, std::size_t index, std::string actor) {
  auto& source = *run->stores[index];
  auto& target = *run->stores[run->target_of(actor)];
  auto const there = co_await target.latest_version(actor);
  auto const here = co_await source.latest_version(actor);
  if (there != here)
    throw error(errc::overloaded, run->what() + ": actor " + quoted(actor) + " is at version " + std::to_string(here) +
                                      " in its old stream and at " + std::to_string(there) +
                                      " in the new one: somebody writes to the store: stop everybody and call again");
  auto snapshot = co_await source.find_snapshot(actor);
  if (snapshot) {
    co_await target.save_snapshot(std::move(*snapshot));
    ++run->done.snapshots_copied;
  }
  ++run->done.actors_moved;
}

awaitable<void> check_stream(run_ptr run, std::size_t index) {
  auto const executor =
      boost::asio::any_io_executor(boost::asio::make_strand(co_await boost::asio::this_coro::executor));
  auto actors = run->stores[index]->list_actors();
  for (bool more = true; more;) {
    task_group checks(executor, checked_at_once);
    for (std::size_t i = 0; more && i < copied_at_once; ++i) {
      auto next = co_await actors.next();
      more = next.has_value();
      if (more && stream_of_actor(next->actor_id, run->before.streams) == index &&
          run->target_of(next->actor_id) != index)
        checks.spawn(check_actor(run, index, std::move(next->actor_id)));
    }
    co_await checks.join();
    run->tell();
  }
}

awaitable<added_streams> add(run_ptr run) {
  bool const nothing_to_do = co_await begin(run);
  if (nothing_to_do)
    co_return run->done;
  co_await open_them(run);
  std::vector<event_subscription> sources;
  for (std::size_t i = 0; i < run->before.streams; ++i) {
    sources.push_back(co_await run->stores[i]->subscribe());
    co_await copy_stream(run, i, sources.back(), true);
  }
  for (std::size_t i = 0; i < run->before.streams; ++i)
    co_await check_stream(run, i);
  for (int round = 0;; ++round) {
    std::uint64_t late = 0;
    for (std::size_t i = 0; i < run->before.streams; ++i)
      late += co_await copy_stream(run, i, sources[i], false);
    if (late == 0)
      break;
    if (round == rounds_for_stragglers)
      throw error(errc::overloaded, run->what() + ": somebody writes to the store: stop everybody and call again");
  }
  for (std::size_t i = 1; i < run->before.streams; ++i)
    co_await write_record(run, i, layout_afterwards(*run, i));
  co_await write_record(run, 0, layout_afterwards(*run, 0)); // last: from now on it can be opened
  co_return run->done;
}

} // namespace

awaitable<added_streams> add_streams(std::vector<connection> connections, std::string store, std::size_t stream_count,
                                     sharded_config config, std::function<void(added_streams const&)> progress) {
  auto run = std::make_shared<adding>();
  run->place = std::make_shared<detail::sharded_place>();
  run->place->connections = std::move(connections);
  run->place->store = std::move(store);
  run->place->config = std::move(config);
  run->place->config.stream_count = stream_count;
  run->place->config.validate();
  run->place->config.stream.version_policy = version_policy::increasing; // an actor may begin at any version
  run->place->config.stream.announce_to = nullptr;                       // nothing new happens
  run->place->config.stream.tracer = nullptr; // events are copied as they are
  run->progress = std::move(progress);
  run->wanted = stream_count;
  if (run->place->connections.empty() || stream_count == 0)
    throw error(errc::invalid_argument, "add_streams: no connection was given, or no number of streams");
  co_return co_await add(std::move(run));
}

} // namespace aether::nats
