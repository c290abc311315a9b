// Several processes write the same actors: each version has one winner, and nobody misses what another wrote.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

BOOST_AUTO_TEST_SUITE(store_writer_process, *boost::unit_test::disabled())

using namespace aether;
using namespace aether::test;
using nats::jetstream_event_store;

namespace {

constexpr std::int64_t last_version = 150;
constexpr int actors = 4;

std::string actor_name(int number) { return "order-" + std::to_string(number); }

struct win {
  std::string actor, id;
  std::int64_t version = 0;
};

// Tries the next version again and again until the last one is taken, and notes what it won.
awaitable<void> compete(jetstream_event_store store, std::string actor, std::shared_ptr<std::vector<win>> wins) {
  std::int64_t version = 0;
  while (version < last_version) {
    event e = event_of(actor, version + 1);
    win won{actor, e.id, e.version};
    save_outcome const outcome = co_await store.try_save_event(std::move(e));
    if (auto const* conflict = std::get_if<version_conflict>(&outcome)) {
      version = conflict->current_version;
    } else {
      ++version;
      wins->push_back(std::move(won));
    }
  }
}

awaitable<void> compete_for_all(boost::asio::io_context& context, std::string url, std::string stream,
                                std::vector<std::shared_ptr<std::vector<win>>> wins) {
  auto store = co_await open_store(url, stream);
  task_group group(context.get_executor());
  for (std::size_t i = 0; i < wins.size(); ++i)
    group.spawn(compete(store, actor_name(static_cast<int>(i)), wins[i]));
  co_await group.join();
}

std::vector<win> read_wins(std::filesystem::path const& file) {
  std::ifstream in(file);
  std::vector<win> wins;
  std::string actor, id;
  for (std::int64_t version = 0; in >> actor >> version >> id;)
    wins.push_back({actor, id, version});
  return wins;
}

} // namespace

// Not a test but the program that the test below starts several times, from this very executable.

BOOST_AUTO_TEST_CASE(write) { // -- URL STREAM FILE
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_TEST_REQUIRE(suite.argc == 4);
  std::string const url = suite.argv[1], stream = suite.argv[2];
  std::vector<std::shared_ptr<std::vector<win>>> wins;
  for (int i = 0; i < actors; ++i)
    wins.push_back(std::make_shared<std::vector<win>>());
  run([&](boost::asio::io_context& context) { return compete_for_all(context, url, stream, wins); }, on(2));
  std::ofstream out(suite.argv[3]);
  for (auto const& of_actor : wins)
    for (win const& w : *of_actor)
      out << w.actor << ' ' << w.version << ' ' << w.id << '\n';
  BOOST_TEST(static_cast<bool>(out.flush()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(store_processes, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace store_writer_process;

BOOST_AUTO_TEST_CASE(each_version_has_one_winner) {
  constexpr int processes = 4;
  auto const stream = new_stream();
  temporary_directory const directory;
  std::vector<child_process> writers;
  auto const file = [&](int i, char const* what) { return directory.path() / (std::to_string(i) + what); };
  for (int i = 0; i < processes; ++i) {
    std::vector<std::string> command{
        "/proc/self/exe",         "--run_test=store_writer_process/write", "--", shared_server().url(), stream,
        file(i, ".wins").string()};
    writers.emplace_back(std::move(command), file(i, ".log"));
  }
  for (int i = 0; i < processes; ++i) {
    auto const exit_code = writers[static_cast<std::size_t>(i)].wait(scaled(std::chrono::seconds(60)));
    BOOST_TEST_REQUIRE((exit_code && *exit_code == 0), read_file(file(i, ".log")));
  }

  std::map<std::pair<std::string, std::int64_t>, std::string> winners;
  int with_wins = 0;
  for (int i = 0; i < processes; ++i) {
    auto const wins = read_wins(file(i, ".wins"));
    with_wins += !wins.empty();
    for (win const& w : wins)
      BOOST_TEST((winners.emplace(std::pair(w.actor, w.version), w.id).second),
                 w.actor << " version " << w.version << " was won twice");
  }
  BOOST_TEST(winners.size() == static_cast<std::size_t>(actors * last_version));
  BOOST_TEST_MESSAGE(with_wins << " of " << processes << " processes won something");
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(stream);
    for (int i = 0; i < actors; ++i) {
      auto const actor = actor_name(i);
      auto const events = co_await store.get_events(actor);
      BOOST_TEST_REQUIRE(events.size() == static_cast<std::size_t>(last_version));
      std::int64_t version = 0;
      for (event const& e : events) {
        BOOST_TEST(e.version == ++version);
        BOOST_TEST((winners[std::pair(actor, version)] == e.id));
      }
    }
    auto raw = co_await raw_client::connect();
    auto const messages = co_await raw.count(stream, stream + ".>");
    BOOST_TEST(messages == actors * last_version);
  });
}

BOOST_AUTO_TEST_SUITE_END()
