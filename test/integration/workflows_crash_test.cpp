// Transfers between accounts as workflows, in host processes that are killed at any moment: no money is made or lost.
#include <integration/store_support.hpp>
#include <support/account.hpp>

#include <aether/task_group.hpp>
#include <aether/workflow_host.hpp>

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <map>
#include <random>
#include <set>

namespace workflow_transfers {

struct transfer {
  std::string from, to;
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(transfer, (), (from, to, amount))

} // namespace workflow_transfers

BOOST_AUTO_TEST_SUITE(workflow_host_process, *boost::unit_test::disabled())

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;
using workflow_transfers::transfer;

namespace {

#ifdef AETHER_TEST_SANITIZED
constexpr int transfers = 150, kills = 6;
#else
constexpr int transfers = 1000, kills = 20;
#endif
constexpr int hosts = 3, accounts = 100;
constexpr std::int64_t opening = 50;

workflow_type<transfer, std::string> const transfer_type("transfer");

std::string account_name(int number) { return "account-" + std::to_string(number); }

/// Of every ten, one asks for more than there can be, and one is refused by who is to get it.
transfer transfer_of(int number) {
  transfer t;
  t.from = account_name((number * 37) % accounts);
  t.to = account_name((number * 37 + 1 + number % 7) % accounts);
  t.amount = number % 10 == 3 ? 1'000'000 : 1 + number % 5;
  return t;
}
bool is_refused(std::string const& id) { return std::stoi(id) % 10 == 7; }

retry_policy patient() {
  retry_options options = jittered_backoff();
  options.max_attempts = 1000;
  options.max_elapsed = 60s;
  return options;
}

command_options repeatable(step_info const& info) {
  command_options options;
  options.command_id = info.key;
  options.maybe_repeated = info.maybe_repeated;
  return options;
}

awaitable<std::string> move_money(actor_host bank, workflow wf, transfer t) {
  step_options options;
  options.retry = patient();
  options.timeout = 20s;
  auto const taken = std::make_shared<bool>(false);
  wf.on_failure(
      "refund",
      [bank, t, taken](step_info const& info) -> awaitable<void> {
        if (*taken)
          co_await bank.get<account>(t.from).with(repeatable(info)).execute<deposit>("refund", t.amount);
      },
      options);
  auto const take = [&](step_info const& info) -> awaitable<std::string> {
    command_outcome const outcome =
        co_await bank.get<account>(t.from).with(repeatable(info)).try_execute<withdraw>(t.amount);
    auto const* const why = std::get_if<rejection>(&outcome);
    co_return why ? why->code : "";
  };
  std::string const refused = co_await wf.step("withdraw", take, options);
  if (!refused.empty())
    co_return refused;
  *taken = true;
  bool const closed = is_refused(wf.id());
  auto const give = [&](step_info const& info) -> awaitable<bool> {
    if (closed)
      co_return false;
    co_await bank.get<account>(t.to).with(repeatable(info)).execute<deposit>(wf.id(), t.amount);
    co_return true;
  };
  bool const given = co_await wf.step("deposit", give, options);
  if (!given)
    throw std::runtime_error("the account is closed");
  co_return std::string("moved");
}

awaitable<void> host_transfers(boost::asio::io_context& context, std::string url, std::string stream,
                               std::string name) {
  auto const store = std::make_shared<jetstream_event_store>(co_await open_store(std::move(url), std::move(stream)));
  actor_host bank(context.get_executor(), store);
  workflow_host_options options;
  options.name = std::move(name);
  options.step_timeout = 20s;
  options.takeover_after = 30s;
  workflow_host host(context.get_executor(), store, options);
  host.add(transfer_type, [bank](workflow wf, transfer t) { return move_money(bank, wf, t); });
  co_await host.open();
  boost::asio::signal_set signals(context, SIGTERM);
  co_await signals.async_wait(boost::asio::use_awaitable);
  co_await host.close();
  co_await bank.close();
}

class killed_host {
public:
  killed_host(int number, std::string stream, std::filesystem::path const& directory)
      : name_("host-" + std::to_string(number)), stream_(std::move(stream)), log_(directory / (name_ + ".log")) {
    start();
  }
  void kill() {
    process_.kill();
    start();
  }
  void end() {
    process_.terminate();
    auto const exit_code = process_.wait(1s);
    BOOST_TEST_REQUIRE(exit_code.has_value());
    BOOST_TEST(*exit_code == 0, read_file(log_));
  }

private:
  void start() {
    std::vector<std::string> command{
        "/proc/self/exe", "--run_test=workflow_host_process/serve", "--", shared_server().url(), stream_, name_};
    process_ = child_process(std::move(command), log_);
  }

  std::string name_, stream_;
  std::filesystem::path log_;
  child_process process_;
};

} // namespace

// Not a test but the program that the test below starts and kills, from this very executable.

BOOST_AUTO_TEST_CASE(serve) { // -- URL STREAM NAME
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_TEST_REQUIRE(suite.argc == 4);
  std::string const url = suite.argv[1], stream = suite.argv[2], name = suite.argv[3];
  run([&](boost::asio::io_context& context) { return host_transfers(context, url, stream, name); }, on(1, 600s));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(workflows_of_processes, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace workflow_host_process;

BOOST_AUTO_TEST_CASE(no_money_is_made_or_lost_while_hosts_are_killed) {
  auto const stream = new_stream();
  temporary_directory const directory;
  std::vector<std::unique_ptr<killed_host>> all;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const store = std::make_shared<jetstream_event_store>(co_await open_store(stream));
        actor_host bank(context.get_executor(), store);
        for (int i = 0; i < accounts; ++i)
          co_await bank.get<account>(account_name(i)).execute<deposit>("opening", opening);
        for (int i = 0; i < hosts; ++i)
          all.push_back(std::make_unique<killed_host>(i, stream, directory.path()));
        workflow_client const client(context.get_executor(), store);
        std::minstd_rand random(7);
        for (int i = 0, killed = 0; i < transfers; ++i) {
          transfer const t = transfer_of(i);
          co_await client.start(transfer_type, std::to_string(i), t);
          if (killed < kills && i >= transfers * (killed + 1) / (kills + 2)) {
            all[random() % hosts]->kill();
            ++killed;
            co_await machine_time()->sleep_for(std::chrono::milliseconds(random() % 50));
          }
        }
        std::map<std::string, int> ends;
        for (int i = 0; i < transfers; ++i) {
          std::string how;
          try {
            how = co_await client.result(transfer_type, std::to_string(i));
          } catch (workflow_failed const& e) {
            how = "failed";
            BOOST_TEST(e.failure().message == "the account is closed");
            BOOST_TEST(e.failure().undo_failed.empty());
          }
          ++ends[how];
          auto const expected = i % 10 == 7 ? "failed" : i % 10 == 3 ? "insufficient_funds" : "moved";
          BOOST_TEST((how == expected || how == "insufficient_funds"), "transfer " << i << ": " << how);
        }
        BOOST_TEST_MESSAGE(ends["moved"] << " moved, " << ends["insufficient_funds"] << " without funds, "
                                         << ends["failed"] << " undone");
        BOOST_TEST(ends["moved"] > transfers / 2);
        std::int64_t total = 0;
        for (int i = 0; i < accounts; ++i) {
          auto const history = co_await store->get_events(account_name(i));
          std::set<std::string> ids;
          for (event const& e : history)
            BOOST_TEST((e.command_id.empty() || ids.insert(e.command_id).second), e.command_id << " counts twice");
          total += co_await bank.get<account>(account_name(i)).query(&balance_of, freshness::latest());
        }
        BOOST_TEST(total == accounts * opening);
        co_await bank.close();
      },
      on(1, 120s));
  for (auto const& host : all)
    host->end();
}

BOOST_AUTO_TEST_SUITE_END()
