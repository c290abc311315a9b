// Operations: what is risky about a stream, told before a program takes it into service. docs/operations.md shows its
// parts.
#include "program.hpp"

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using aether::nats::connection;
using aether::nats::finding;

/// What was found out about a stream; `pages` are the monitoring ports of the servers that keep it, if they have any.
aether::awaitable<std::vector<finding>> look_at(connection on, std::string stream, std::vector<std::string> pages) {
  aether::nats::doctor_options options;
  options.monitoring_urls = std::move(pages); // or options.system_account: who is told the same by every server
  auto found = co_await aether::nats::examine(on, stream, options);
  for (auto const& f : found) {
    std::cout << to_string(f.level) << ' ' << f.check << ": " << f.found << '\n';
    if (!f.advice.empty())
      std::cout << "    " << f.advice << '\n';
  }
  co_return found;
}

/// Whether events are safe there in ordinary operation.
bool is_fit(std::vector<finding> const& found) {
  for (auto const& f : found)
    if (f.level == aether::nats::severity::critical)
      return false;
  return true;
}

/// A stream as somebody in a hurry could have made it.
aether::awaitable<void> make_forgetful_stream(connection on) {
  aether::nats::message question("$JS.API.STREAM.CREATE.hurry",
                                 R"({"name":"hurry","subjects":["hurry.events.>","hurry.snapshots.>"],)"
                                 R"("storage":"memory","max_msgs":1000})");
  co_await on.request(std::move(question));
}

aether::awaitable<void> tour(example::arguments given) {
  auto on = co_await connection::connect(given.url);
  auto store = co_await aether::nats::jetstream_event_store::open(on, "examples");
  auto const ours = co_await look_at(on, "examples", {});
  example::expect(is_fit(ours), "a stream of this library is not fit");

  co_await make_forgetful_stream(on);
  auto const theirs = co_await look_at(on, "hurry", {});
  example::expect(!is_fit(theirs), "a forgetful stream is fit");
  for (auto const* check : {"storage", "max_msgs", "deny_delete", "deny_purge"})
    example::expect(std::any_of(theirs.begin(), theirs.end(), [&](finding const& f) { return f.check == check; }),
                    "something was not found");
  co_await store.close();
}

int main(int argc, char** argv) { return example::run(tour(example::parse(argc, argv))); }
