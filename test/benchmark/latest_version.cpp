// The current version of an actor, asked of the stream's leader, with a short and with a long history.
#include "benchmark/floor_client.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

namespace aether::benchmark {
namespace {

constexpr char const* stream = "latest";
constexpr std::size_t pending = 4'096;

struct question {
  std::string actor_id;
  std::int64_t version = 0;
  std::size_t repeats = 0;

  question() = default;
};

awaitable<double> ask_again_and_again(nats::connection, nats::jetstream_event_store store, question& q) {
  stopwatch watch;
  for (std::size_t i = 0; i < q.repeats; ++i)
    if (co_await store.latest_version(q.actor_id) != q.version)
      throw std::runtime_error("latest_version is not what was stored");
  co_return watch.microseconds_each(q.repeats);
}

void measure(server_run const& run, question q, std::string const& work) {
  auto const subject = std::string(stream) + ".events.order." + q.actor_id;
  auto const url = run.server.url();
  side const aether = [&](std::size_t) { return with_store(url, stream, &ask_again_and_again, q); };
  side const raw = [&](std::size_t) {
    raw_cnats client(url, true);
    stopwatch watch;
    for (std::size_t i = 0; i < q.repeats; ++i)
      client.last_message(stream, subject);
    return watch.microseconds_each(q.repeats);
  };
  side const floor = [&](std::size_t) {
    floor_client client(run.server.port());
    auto const api = std::string("$JS.API.STREAM.MSG.GET.") + stream;
    auto const body = "{\"last_by_subj\":\"" + subject + "\"}";
    stopwatch watch;
    for (std::size_t i = 0; i < q.repeats; ++i)
      if (client.request(api, body).find("\"data\"") == std::string_view::npos)
        throw std::runtime_error("floor: the last message is not there");
    return watch.microseconds_each(q.repeats);
  };
  auto const medians = interleaved(run.wanted.rounds, {aether, raw, floor});
  auto r = run.make_row(work, "us");
  r.aether = medians[0];
  r.raw = medians[1];
  r.floor = medians[2];
  r.target = target{bound::at_most, 0.8, compared_with::raw};
  run.out.add(r);
}

} // namespace

void measure_latest_version(server_run const& run) {
  constexpr std::size_t few = 10;
  constexpr std::size_t many = 100'000;
  make_stream(run.server.url(), stream);
  floor_client floor(run.server.port());
  auto const short_history = make_workload("few", 1, few);
  floor.save_all(short_history, short_history.encoded(stream), pending);
  auto const long_history = make_workload("many", 1, many);
  floor.save_all(long_history, long_history.encoded(stream), pending, few);

  question q;
  q.repeats = run.wanted.scaled(5'000, 1'000);
  q.actor_id = short_history.events.front().actor_id;
  q.version = few;
  measure(run, q, "latest_version not cached, actor of 10 events");
  q.actor_id = long_history.events.front().actor_id;
  q.version = many;
  measure(run, q, "latest_version not cached, actor of 100,000 events");
  remove_stream(run.server.url(), stream);
}

} // namespace aether::benchmark
