// Opening a sharded store: the first stream decides how many there are, then the others.
#include <aether/nats/sharded_store.hpp>

#include "detail/utf8.hpp"
#include "nats/config_defaults.hpp"
#include "nats/sharded_opening.hpp"
#include "nats/store_core.hpp"
#include "nats/stream_setup.hpp"
#include "or_default.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace aether::nats {

namespace detail {
namespace {

constexpr std::size_t opened_at_once = 8;

using aether::detail::quoted;

std::string quoted_count(std::size_t streams) {
  return std::to_string(streams) + (streams == 1 ? " stream" : " streams");
}

std::size_t divided(std::size_t whole, std::size_t parts, std::size_t least) {
  return std::min(whole, std::max(least, (whole + parts - 1) / parts));
}

awaitable<void> open_one(std::shared_ptr<sharded_place const> place, stream_layout layout,
                         std::shared_ptr<std::vector<std::shared_ptr<event_store>>> opened, std::size_t at) {
  auto name = sharded_stream_name(place->store, layout.index);
  auto config = config_of_stream(place->config, layout.index, layout.streams);
  auto core = co_await open_store_core(place->connection_of(layout.index), std::move(name), std::move(config),
                                       std::move(layout));
  (*opened)[at] = std::make_shared<jetstream_event_store>(std::move(core));
}

} // namespace

stream_layout layout_of(std::string const& store, std::size_t streams, std::size_t index, std::int64_t version) {
  stream_layout layout;
  layout.store = store;
  layout.streams = streams;
  layout.index = index;
  layout.hash = stream_hash_name;
  layout.version = version;
  return layout;
}

stream_layout recorded_layout(std::string const& store, stream_record const& first, std::size_t wanted) {
  auto const refuse = [&](std::string const& why) {
    throw error(errc::stream_settings_differ, "opening sharded store " + quoted(store) + ": " + why);
  };
  auto const& found = first.layout;
  if (!found || found->store != store || found->index != 0)
    refuse("stream " + quoted(first.stream_name) + " is there and is not its first one: choose another name");
  if (found->hash != stream_hash_name)
    refuse("its actors are spread by " + quoted(found->hash) + ", which this version of the library does not know");
  if (wanted != 0 && wanted != found->streams)
    refuse("it was made with " + quoted_count(found->streams) + ", wanted " + std::to_string(wanted) +
           ": ask for what it has (0 does), choose another name, or add streams while nobody writes");
  return *found;
}

jetstream_config config_of_stream(sharded_config const& config, std::size_t index, std::size_t streams) {
  auto one = resolved(config.stream);
  if (!config.placements.empty())
    one.placement = config.placements[index % config.placements.size()];
  one.max_waiting_saves = divided(one.max_waiting_saves, streams, 1024);
  one.max_saves_in_flight = divided(one.max_saves_in_flight, streams, 256);
  one.max_remembered_saves = divided(one.max_remembered_saves, streams, 1024);
  one.version_cache_bytes = divided(one.version_cache_bytes, streams, 1024 * 1024);
  one.strands = divided(one.strands, streams, 1);
  return one;
}

awaitable<std::vector<std::shared_ptr<event_store>>>
open_streams(std::shared_ptr<sharded_place const> place, stream_layout layout, std::size_t first, std::size_t end) {
  auto const opened = std::make_shared<std::vector<std::shared_ptr<event_store>>>(end - first);
  task_group openings(co_await boost::asio::this_coro::executor, opened_at_once);
  for (std::size_t i = first; i < end; ++i) {
    layout.index = i;
    openings.spawn(open_one(place, layout, opened, i - first));
  }
  co_await openings.join();
  co_return std::move(*opened);
}

namespace {

/// What the store was made with; none: it is not there.
awaitable<std::optional<stream_layout>> find_layout(std::shared_ptr<sharded_place const> place) {
  auto const first = co_await find_recorded_stream(place->connections.front(), sharded_stream_name(place->store, 0),
                                                   place->config.stream);
  std::optional<stream_layout> layout;
  if (first) {
    layout = recorded_layout(place->store, first->record, place->config.stream_count);
    if (layout->adding != 0)
      throw error(errc::stream_settings_differ,
                  "opening sharded store " + quoted(place->store) + ": streams are being added to it until there are " +
                      std::to_string(layout->adding) + ": let add_streams() end, or call it again");
  }
  co_return layout;
}

/// Opens the first stream, and says what the store is made with.
awaitable<std::pair<stream_layout, std::shared_ptr<event_store>>>
open_first(std::shared_ptr<sharded_place const> place) {
  for (bool once_more = true;; once_more = false) {
    auto found = co_await find_layout(place);
    bool const is_new = !found;
    if (is_new)
      found =
          layout_of(place->store, aether::detail::or_default(place->config.stream_count, standard_stream_count), 0, 1);
    std::vector<std::shared_ptr<event_store>> opened;
    std::exception_ptr failure;
    bool others_were_faster = false;
    try {
      opened = co_await open_streams(place, *found, 0, 1);
    } catch (error const& e) {
      failure = std::current_exception();
      others_were_faster = e.code() == errc::stream_settings_differ;
    }
    if (!failure)
      co_return std::pair(std::move(*found), std::move(opened.front()));
    if (!is_new || !others_were_faster || !once_more)
      std::rethrow_exception(failure);
  }
}

awaitable<sharded_event_store> open_all(std::shared_ptr<sharded_place const> place) {
  auto first = co_await open_first(place);
  auto const& layout = first.first;
  auto stores = co_await open_streams(place, layout, 1, layout.streams);
  stores.insert(stores.begin(), std::move(first.second));
  sharding how;
  how.has_moved_actors = layout.version > 1;
  how.name_space = place->config.stream.name_space;
  how.name = place->store;
  how.tracer = place->config.stream.tracer;
  co_return sharded_event_store(std::move(stores), how);
}

} // namespace
} // namespace detail

void sharded_config::validate() const {
  stream.validate();
  if (stream_count > detail::max_stream_count)
    throw error(errc::invalid_argument, "sharded_config::stream_count is " + std::to_string(stream_count) + ": 1 to " +
                                            std::to_string(detail::max_stream_count) + " are possible");
  for (auto const& placement : placements)
    placement.validate();
}

std::string sharded_stream_name(std::string_view store, std::size_t index) {
  char number[24];
  std::snprintf(number, sizeof number, "-%04zu", index);
  return std::string(store) + number;
}

awaitable<sharded_event_store> open_sharded_store(std::vector<connection> connections, std::string store,
                                                  sharded_config config) {
  auto place = std::make_shared<detail::sharded_place>();
  place->connections = std::move(connections);
  place->store = std::move(store);
  place->config = std::move(config);
  place->config.validate();
  if (place->connections.empty())
    throw error(errc::invalid_argument, "open_sharded_store: no connection was given");
  co_return co_await detail::open_all(std::move(place));
}

awaitable<sharded_event_store> open_sharded_store(connection on, std::string store, sharded_config config) {
  std::vector<connection> connections;
  connections.push_back(std::move(on));
  co_return co_await open_sharded_store(std::move(connections), std::move(store), std::move(config));
}

} // namespace aether::nats
