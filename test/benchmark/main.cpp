// The benchmark: this library beside raw cnats and beside the floor, on each server named.
#include "benchmark/works.hpp"

#include <exception>
#include <iostream>

namespace aether::benchmark {
namespace {

struct server_work {
  char const* name;
  void (*measure)(server_run const&);
};

constexpr server_work server_works[] = {
    {"many_saves", &measure_many_saves},
    {"single_saves", &measure_single_saves},
    {"latest_version", &measure_latest_version},
    {"refused_saves", &measure_refused_saves},
    {"long_history", &measure_long_history},
    {"short_histories", &measure_short_histories},
    {"replay", &measure_replay},
    {"one_actor", &measure_one_actor},
    {"last_events", &measure_last_events},
    {"live", &measure_live_delivery},
    {"bus_across", &measure_bus_across},
    {"actors", &measure_actors},
    {"routed", &measure_routed},
    {"workflows", &measure_workflows},
    {"sharded", &measure_sharded},
    {"peak_memory", &measure_peak_memory},
    {"allocations", &measure_allocations},
    {"many_actors", &measure_many_actors},
    {"sizes", &measure_sizes},
};

void measure_on(std::string const& program, options const& wanted, report& out) {
  test::nats_server_options server_options;
  server_options.binary = program;
  test::nats_server const server(server_options);
  for (auto const& work : server_works)
    if (wanted.wants(work.name))
      work.measure({wanted, out, server});
}

int run(std::vector<std::string> const& arguments) {
  auto wanted = parse_options(arguments);
  if (wanted.touch_actors > 0)
    return touch_actors(wanted);
  if (wanted.commands > 0)
    return give_commands(wanted);
  if (wanted.replay || wanted.idle)
    return replay_and_tell_peak(wanted);
  if (wanted.servers.empty())
    wanted.servers.emplace_back();
  report out(std::cout);
  out.head();
  if (wanted.wants("memory_store"))
    measure_memory_store(wanted, out);
  if (wanted.wants("metrics"))
    measure_metrics(wanted, out);
  if (wanted.wants("routing"))
    measure_routing(wanted, out);
  if (wanted.wants("bus"))
    measure_bus(wanted, out);
  if (wanted.wants("actor_memory"))
    measure_actor_memory(wanted, out);
  if (wanted.wants("workflow_memory"))
    measure_workflow_memory(wanted, out);
  for (auto const& program : wanted.servers)
    measure_on(program, wanted, out);
  out.summary();
  if (!wanted.json_file.empty())
    out.write_json(wanted.json_file);
  return 0;
}

} // namespace
} // namespace aether::benchmark

int main(int argc, char** argv) {
  try {
    return aether::benchmark::run({argv + 1, argv + argc});
  } catch (std::exception const& e) {
    std::cerr << "benchmark: " << e.what() << std::endl;
    return 1;
  }
}
