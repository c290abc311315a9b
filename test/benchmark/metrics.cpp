// What being counted costs a save: an awaitable that is there at once, with and without its watch.
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include "store_watch.hpp"

#include <stdexcept>

namespace aether::benchmark {
namespace {

using aether::detail::store_watch;
using aether::detail::watched_call;

awaitable<save_outcome> save_at_once(std::int64_t version) {
  save_outcome outcome(saved{version, 1, false});
  co_return outcome;
}

awaitable<save_outcome> counted(std::shared_ptr<store_watch> watch, std::int64_t version) {
  operation_begin begin;
  begin.what = store_operation::save_event;
  begin.events = 1;
  return aether::detail::watched(save_at_once(version), watched_call(std::move(watch), begin));
}

awaitable<save_outcome> save_one(std::shared_ptr<store_watch> const& watch, std::int64_t version) {
  return watch ? counted(watch, version) : save_at_once(version);
}

awaitable<bool> save_many(std::shared_ptr<store_watch> watch, std::int64_t count) {
  bool all = true;
  for (std::int64_t version = 1; version <= count; ++version) {
    auto const outcome = co_await save_one(watch, version);
    all = all && std::get<saved>(outcome).version == version;
  }
  co_return all;
}

double nanoseconds_a_save(std::shared_ptr<store_watch> watch, std::int64_t count) {
  boost::asio::io_context context(1);
  stopwatch time;
  auto const all = run_on(context, save_many(watch, count));
  auto const per_second = time.per_second(static_cast<std::size_t>(count));
  store_metrics m;
  if (watch)
    watch->read_into(m);
  if (!all || (watch && m.saves.saved < static_cast<std::uint64_t>(count)))
    throw std::runtime_error("not every save was counted");
  return 1e9 / per_second;
}

} // namespace

void measure_metrics(options const& wanted, report& out) {
  auto const count = static_cast<std::int64_t>(wanted.scaled(2'000'000, 500'000));
  auto const watch = std::make_shared<store_watch>("", "orders", nullptr);
  auto const medians = interleaved(wanted.rounds, {
                                                      [&](std::size_t) { return nanoseconds_a_save(watch, count); },
                                                      [&](std::size_t) { return nanoseconds_a_save(nullptr, count); },
                                                  });
  row r;
  r.work = "metrics of a save";
  r.unit = "ns";
  r.aether = medians[0] - medians[1];
  r.target = target{bound::at_most, 200, compared_with::nothing};
  out.add(r);
}

} // namespace aether::benchmark
