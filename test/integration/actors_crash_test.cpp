// Clients that are killed at any moment and repeat their commands: every command counts once.
#include <integration/store_support.hpp>
#include <support/account.hpp>

#include <aether/task_group.hpp>

#include <array>
#include <cerrno>
#include <map>
#include <random>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(actor_client_process, *boost::unit_test::disabled())

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

#ifdef AETHER_TEST_SANITIZED
constexpr std::int64_t commands_of_a_lane = 60;
constexpr int kills_of_a_client = 2;
#else
constexpr std::int64_t commands_of_a_lane = 625;
constexpr int kills_of_a_client = 5;
#endif
constexpr int clients = 4, lanes = 8, actors = 100;
constexpr std::int64_t noted_every = 4; // so that a new life repeats what was answered too

std::string actor_name(std::int64_t number) { return "account-" + std::to_string(number); }

/// The commands of a lane come one after the other; those of all lanes of all clients side by side.
struct numbered_command {
  std::string id;
  std::int64_t actor = 0, amount = 0;

  numbered_command(int client, int lane, std::int64_t number)
      : id(std::to_string(client) + "." + std::to_string(lane) + "." + std::to_string(number)),
        actor((number * 13 + lane * 7 + client * 29) % actors), amount(1 + number % 5) {}
};

/// Outlives its process, as what was written to a file does.
struct progress_note {
  std::int64_t next = 0, repeated = 0;
};

class progress_file {
public:
  explicit progress_file(std::filesystem::path const& path)
      : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0)
      throw std::system_error(errno, std::generic_category(), path.string());
  }
  progress_file(progress_file const&) = delete;
  progress_file& operator=(progress_file const&) = delete;
  ~progress_file() { ::close(descriptor_); }

  progress_note read(int lane) const {
    progress_note note;
    auto const size = static_cast<ssize_t>(sizeof(note));
    return ::pread(descriptor_, &note, sizeof(note), lane * size) == size ? note : progress_note();
  }
  void write(int lane, progress_note note) {
    auto const size = static_cast<ssize_t>(sizeof(note));
    if (::pwrite(descriptor_, &note, sizeof(note), lane * size) != size)
      throw std::system_error(errno, std::generic_category(), "pwrite");
  }
  progress_note sum() const {
    progress_note all;
    for (int lane = 0; lane < lanes; ++lane) {
      auto const note = read(lane);
      all.next += note.next;
      all.repeated += note.repeated;
    }
    return all;
  }

private:
  int const descriptor_;
};

// From where the last life noted that it was. At `hold_at` it waits to be killed.
awaitable<void> run_lane(actor_host host, std::shared_ptr<progress_file> notes, int client, int lane,
                         std::int64_t hold_at) {
  auto note = notes->read(lane);
  auto const first = note.next;
  for (auto number = first; number < commands_of_a_lane; ++number) {
    if (number == hold_at)
      co_await pause(1h);
    numbered_command const c(client, lane, number);
    auto options = with_id(c.id);
    for (auto answered = false; !answered;) {
      options.maybe_repeated = options.maybe_repeated || number < first + noted_every;
      try {
        auto const result =
            co_await host.get<account>(actor_name(c.actor)).with(options).execute<deposit>("ref", c.amount);
        answered = true;
        note.repeated += result.repeated ? 1 : 0;
      } catch (error const& e) {
        if (!is_retryable(e.code()) && e.code() != errc::version_conflict)
          throw;
        options.maybe_repeated = true;
      }
    }
    if ((number + 1) % noted_every == 0 || number + 1 == commands_of_a_lane)
      note.next = number + 1;
    notes->write(lane, note);
  }
}

awaitable<void> run_client(boost::asio::io_context& context, std::string url, std::string stream, std::string file,
                           int client, std::int64_t hold_at) {
  auto store = co_await open_store(std::move(url), std::move(stream));
  actor_host host(context.get_executor(), std::make_shared<jetstream_event_store>(store));
  auto const notes = std::make_shared<progress_file>(file);
  task_group group(context.get_executor());
  for (int lane = 0; lane < lanes; ++lane)
    group.spawn(run_lane(host, notes, client, lane, hold_at));
  co_await group.join();
  co_await host.close();
}

/// A client over all its lives, as the test sees it.
class killed_client {
public:
  killed_client(int number, std::string stream, std::filesystem::path const& directory, unsigned seed)
      : number_(number), stream_(std::move(stream)), file_(directory / (std::to_string(number) + ".progress")),
        log_(directory / (std::to_string(number) + ".log")), notes_(file_), random_(seed) {
    start();
  }

  /// Kills it when it is time to. True: it is through.
  bool look() {
    if (auto const exit_code = process_.wait(1ms)) {
      BOOST_TEST_REQUIRE(*exit_code == 0, read_file(log_));
      return true;
    }
    if (kills_ < kills_of_a_client && notes_.sum().next >= kill_at_) {
      process_.kill();
      ++kills_;
      start();
    }
    return false;
  }
  int kills() const { return kills_; }
  std::int64_t repeated() const { return notes_.sum().repeated; }

private:
  static std::int64_t held_at(int life) { return commands_of_a_lane * (life + 1) / (kills_of_a_client + 1); }

  void start() {
    auto const is_last = kills_ == kills_of_a_client;
    std::vector<std::string> command{"/proc/self/exe",
                                     "--run_test=actor_client_process/send",
                                     "--",
                                     shared_server().url(),
                                     stream_,
                                     file_.string(),
                                     std::to_string(number_),
                                     std::to_string(is_last ? -1 : held_at(kills_))};
    process_ = child_process(std::move(command), log_);
    if (is_last)
      return;
    auto const before = kills_ == 0 ? 0 : held_at(kills_ - 1);
    std::uniform_int_distribution<std::int64_t> between(lanes * before, lanes * (held_at(kills_) - noted_every));
    kill_at_ = between(random_);
  }

  int number_;
  std::string stream_;
  std::filesystem::path file_, log_;
  progress_file notes_;
  std::minstd_rand random_;
  child_process process_;
  int kills_ = 0;
  std::int64_t kill_at_ = 0;
};

struct wanted {
  std::map<std::int64_t, std::set<std::string>> ids; // by actor
  std::map<std::int64_t, std::int64_t> balances;

  wanted() {
    for (int client = 0; client < clients; ++client)
      for (int lane = 0; lane < lanes; ++lane)
        for (std::int64_t number = 0; number < commands_of_a_lane; ++number) {
          numbered_command const c(client, lane, number);
          ids[c.actor].insert(c.id);
          balances[c.actor] += c.amount;
        }
  }
};

} // namespace

// Not a test but the program that the test below starts and kills, from this very executable.

BOOST_AUTO_TEST_CASE(send) { // -- URL STREAM FILE CLIENT HOLD_AT
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_TEST_REQUIRE(suite.argc == 6);
  std::string const url = suite.argv[1], stream = suite.argv[2], file = suite.argv[3];
  auto const client = std::stoi(suite.argv[4]);
  auto const hold_at = std::stoll(suite.argv[5]);
  run([&](boost::asio::io_context& context) { return run_client(context, url, stream, file, client, hold_at); }, on(1));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(actors_of_processes, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace actor_client_process;

BOOST_AUTO_TEST_CASE(every_command_of_killed_clients_counts_once) {
  auto const stream = new_stream();
  temporary_directory const directory;
  std::vector<std::unique_ptr<killed_client>> all;
  for (int client = 0; client < clients; ++client)
    all.push_back(std::make_unique<killed_client>(client, stream, directory.path(), static_cast<unsigned>(client) + 1));
  auto const give_up = std::chrono::steady_clock::now() + scaled(60s);
  std::array<bool, clients> through{};
  for (int left = clients; left > 0;) {
    BOOST_TEST_REQUIRE((std::chrono::steady_clock::now() < give_up));
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!through[i] && all[i]->look()) {
        through[i] = true;
        --left;
      }
  }
  int kills = 0;
  std::int64_t repeated = 0;
  for (auto const& client : all) {
    kills += client->kills();
    repeated += client->repeated();
  }
  BOOST_TEST(kills == clients * kills_of_a_client);
  BOOST_TEST(repeated > 0);
  BOOST_TEST_MESSAGE(kills << " clients were killed, " << repeated << " commands had been stored when they came again");

  run([&](boost::asio::io_context& context) -> awaitable<void> {
    wanted const w;
    auto store = co_await open_store(stream);
    actor_host host(context.get_executor(), std::make_shared<jetstream_event_store>(store));
    std::size_t events = 0;
    for (std::int64_t actor = 0; actor < actors; ++actor) {
      auto const history = co_await store.get_events(actor_name(actor));
      std::int64_t version = 0;
      std::set<std::string> ids;
      for (event const& e : history) {
        BOOST_TEST(e.version == ++version);
        BOOST_TEST(ids.insert(e.command_id).second, e.command_id << " counts twice");
      }
      BOOST_TEST((ids == w.ids.at(actor)));
      events += history.size();
      auto const balance = co_await host.get<account>(actor_name(actor)).query(&balance_of);
      BOOST_TEST(balance == w.balances.at(actor));
    }
    BOOST_TEST(events == static_cast<std::size_t>(clients * lanes * commands_of_a_lane));
    co_await host.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()
