// Awaited saves of 1,000 actors at once, beside everything that can be had without awaiting each.
#include "benchmark/floor_client.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <string>

namespace aether::benchmark {
namespace {

constexpr char const* stream = "many";
constexpr std::size_t actors = 1'000;
constexpr std::size_t pending = 4'096;

struct saves {
  std::size_t count = 0;
  std::size_t data_bytes = 0;

  saves() = default;
};

/// The events of one actor, each made and saved once the one before it is.
awaitable<void> save_in_turn(nats::jetstream_event_store store, std::string actor_id, std::int64_t events,
                             std::size_t data_bytes) {
  for (std::int64_t version = 1; version <= events; ++version) {
    auto e = sample_event(actor_id, version, data_bytes);
    co_await store.save_event(std::move(e));
  }
}

/// Returns when all actors have ended; throws what one of them threw.
awaitable<double> save_side_by_side(nats::connection, nats::jetstream_event_store store, saves& wanted) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto running = actors;
  std::exception_ptr failed;
  boost::asio::steady_timer ended(executor, boost::asio::steady_timer::time_point::max());
  auto const on_end = [&](std::exception_ptr e) {
    if (e)
      failed = e;
    if (--running == 0)
      ended.cancel();
  };
  stopwatch watch;
  for (std::size_t actor = 0; actor < actors; ++actor) {
    auto const each = static_cast<std::int64_t>(wanted.count / actors);
    boost::asio::co_spawn(executor, save_in_turn(store, "order-many" + std::to_string(actor), each, wanted.data_bytes),
                          on_end);
  }
  boost::system::error_code ignored;
  co_await ended.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  auto const rate = watch.per_second(wanted.count);
  if (failed)
    std::rethrow_exception(failed);
  co_return rate;
}

} // namespace

void measure_many_saves(server_run const& run) { add_many_saves(run, 0); }

void add_many_saves(server_run const& run, std::size_t data_bytes) {
  saves wanted;
  auto const count = wanted.count = run.wanted.scaled(100'000, 50'000);
  wanted.data_bytes = data_bytes;
  auto const url = run.server.url();
  auto const events = make_workload("many", actors, count, data_bytes);
  auto const encoded = events.encoded(stream);
  auto const on_new_stream = [&](auto measure) {
    make_stream(url, stream);
    auto const figure = measure();
    remove_stream(url, stream);
    return figure;
  };
  side const aether = [&](std::size_t) {
    return on_new_stream([&] { return with_store(url, stream, &save_side_by_side, wanted); });
  };
  side const raw = [&](std::size_t) {
    return on_new_stream([&] {
      raw_cnats client(url, false);
      stopwatch watch;
      client.save_all(events, encoded);
      return watch.per_second(count);
    });
  };
  side const floor = [&](std::size_t) {
    return on_new_stream([&] {
      floor_client client(run.server.port());
      stopwatch watch;
      client.save_all(events, encoded, pending);
      return watch.per_second(count);
    });
  };
  auto const medians = interleaved(run.wanted.rounds, {aether, raw, floor});
  auto r =
      run.make_row(with_size("awaited saves, 1,000 actors at once, beside js_PublishMsgAsync", data_bytes), "saves/s");
  r.aether = medians[0];
  r.raw = medians[1];
  r.floor = medians[2];
  if (data_bytes == 0)
    r.target = target{bound::at_least, 1.0, compared_with::raw};
  run.out.add(r);
  r.work = with_size("awaited saves, 1,000 actors at once, beside the floor", data_bytes);
  r.raw.reset();
  if (data_bytes == 0)
    r.target = target{bound::at_least, 0.9, compared_with::floor};
  run.out.add(r);
}

} // namespace aether::benchmark
