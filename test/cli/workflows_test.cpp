// The inspector on workflows that a real host ran, on a real server.
#include "run_cli.hpp"

#include <integration/store_support.hpp>

#include <aether/workflow_host.hpp>

#include <stdexcept>

BOOST_AUTO_TEST_SUITE(cli_workflows, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using nats::jetstream_event_store;

namespace {

workflow_type<int, int> const charge("charge");
workflow_type<std::string, std::string> const approval("approval");

struct world {
  int attempts = 0;
};

awaitable<int> charged(world& w) {
  if (++w.attempts == 1)
    throw std::runtime_error("not now");
  co_return 41;
}

awaitable<int> refused() {
  throw std::runtime_error("the card is stolen");
  co_return 0;
}

awaitable<int> run_charge(world& w, workflow wf, int amount) {
  auto const effect = [&w] { return charged(w); };
  auto const failing = [] { return refused(); };
  if (amount < 0)
    co_return co_await wf.step("refused", failing);
  retry_options retries;
  retries.max_attempts = 3;
  retries.pauses.initial = std::chrono::milliseconds(1);
  step_options options;
  options.retry = retry_policy(retries);
  int const result = co_await wf.step("charge", effect, options);
  co_return result + amount;
}

awaitable<std::string> run_approval(workflow wf, std::string what) {
  auto const who = co_await wf.signal<std::string>("approve");
  auto const again = co_await wf.signal<std::string>("confirm");
  co_return what + " by " + who + " and " + again;
}

/// charge-1 completed, charge-2 failed, approval-1 waits for its second signal, approval-2 was cancelled, and
/// approval-3 waits for a host.
std::string filled_stream() {
  auto const name = new_stream();
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    world w;
    auto store = std::make_shared<jetstream_event_store>();
    *store = co_await open_store(name);
    workflow_host_options options;
    options.name = "host-a";
    workflow_host host(context.get_executor(), store, options);
    auto const charge_code = [&w](workflow wf, int amount) { return run_charge(w, wf, amount); };
    host.add(charge, charge_code);
    auto const approval_code = [](workflow wf, std::string what) { return run_approval(wf, std::move(what)); };
    host.add(approval, approval_code);
    co_await host.open();
    auto client = host.client();
    co_await client.start(charge, "1", 1);
    co_await client.start(charge, "2", -1);
    co_await client.start(approval, "1", "a tender");
    co_await client.start(approval, "2", "another");
    int const sum = co_await client.result(charge, "1");
    BOOST_TEST(sum == 42);
    auto const failed = co_await failure_of(client.result(charge, "2"));
    BOOST_TEST(failed.code == errc::workflow_failed);
    co_await client.signal(approval, "1", "approve", std::string("Ada"));
    co_await client.signal(approval, "1", "other", 7);
    co_await client.cancel(approval, "2", "too late");
    auto const cancelled = co_await failure_of(client.result(approval, "2"));
    BOOST_TEST(cancelled.code == errc::workflow_cancelled);
    co_await host.close();
    workflow_client starter(context.get_executor(), store);
    co_await starter.start(approval, "3", "nobody's");
    co_await store->save_event(make_event("OrderPlaced", "order-1", 1));
  });
  return name;
}

cli_result inspect(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--url", shared_server().url()});
  return run_cli(std::move(arguments));
}

std::string_view text_at(boost::json::object const& o, std::string_view name) {
  auto const& s = o.at(name).as_string();
  return {s.data(), s.size()};
}

boost::json::object found(std::vector<boost::json::object> const& all, std::string_view name, std::string_view value) {
  for (auto const& o : all)
    if (o.contains(name) && o.at(name).is_string() && text_at(o, name) == value)
      return o;
  BOOST_FAIL("there is no object whose " << name << " is " << value);
  return {};
}

} // namespace

BOOST_AUTO_TEST_CASE(workflows_and_their_journals) {
  auto const name = filled_stream();
  auto const text = inspect({"workflows", name});
  BOOST_TEST(text.code == 0, text.err);
  BOOST_TEST(text.err == "");
  BOOST_TEST(text.lines().size() == 6u, text.out);
  BOOST_TEST(text.out.starts_with("ACTOR "), text.out);
  auto const all = inspect({"workflows", name, "--json"}).objects();
  BOOST_TEST(all.size() == 5u);
  auto const completed = found(all, "actor", "charge-1");
  BOOST_TEST(text_at(completed, "state") == "completed");
  BOOST_TEST(text_at(completed, "type") == "charge");
  BOOST_TEST(text_at(completed, "host") == "host-a");
  BOOST_TEST(completed.at("run").to_number<int>() == 1);
  BOOST_TEST(completed.at("result").to_number<int>() == 42);
  BOOST_TEST(completed.at("since").is_string());
  auto const failed = found(all, "actor", "charge-2");
  BOOST_TEST(text_at(failed, "state") == "failed");
  BOOST_TEST(contains(std::string(text_at(failed.at("error").as_object(), "message")), "stolen"));
  BOOST_TEST(text_at(found(all, "actor", "approval-2"), "state") == "cancelled");
  auto const unclaimed = found(all, "actor", "approval-3");
  BOOST_TEST(text_at(unclaimed, "state") == "running");
  BOOST_TEST(text_at(unclaimed, "host") == "");
  auto const some = inspect({"workflows", name, "--json", "--type", "charge", "--state", "failed"}).objects();
  BOOST_TEST_REQUIRE(some.size() == 1u);
  BOOST_TEST(text_at(some[0], "actor") == "charge-2");
  BOOST_TEST(inspect({"workflows", name, "--type", "order"}).out == "there is no such workflow\n");

  auto const journal = inspect({"journal", name, "charge-1", "--json"}).objects();
  auto const started = found(journal, "kind", "started");
  BOOST_TEST(started.at("value").to_number<int>() == 1);
  auto const step = found(journal, "kind", "step_completed");
  BOOST_TEST(text_at(step, "name") == "charge");
  BOOST_TEST(step.at("attempts").to_number<int>() == 2);
  BOOST_TEST(step.at("value").to_number<int>() == 41);
  BOOST_TEST(step.at("run").to_number<int>() == 1);
  BOOST_TEST(text_at(found(journal, "kind", "finished"), "name") == "completed");
  BOOST_TEST(text_at(journal.back(), "kind") == "summary");
  BOOST_TEST(text_at(journal.back(), "state") == "completed");

  auto const refused = inspect({"journal", name, "charge-2"});
  BOOST_TEST(refused.code == 0);
  BOOST_TEST(contains(refused.out, "step_failed"), refused.out);
  BOOST_TEST(contains(refused.out, "the card is stolen"), refused.out);

  auto const waiting = inspect({"journal", name, "approval-1", "--json"}).objects();
  auto const taken = found(waiting, "kind", "signal_taken");
  BOOST_TEST(text_at(taken, "value") == "Ada");
  auto const& summary = waiting.back();
  BOOST_TEST(text_at(summary, "state") == "running");
  BOOST_TEST_REQUIRE(summary.at("untaken").as_array().size() == 1u);
  BOOST_TEST(text_at(summary.at("untaken").at(0).as_object(), "name") == "other");
  BOOST_TEST(summary.at("untaken").at(0).at("value").to_number<int>() == 7);

  auto const nobody = inspect({"journal", name, "approval-9"});
  BOOST_TEST(nobody.code == 3);
  BOOST_TEST(contains(nobody.err, "approval-9"), nobody.err);
  auto const no_workflow = inspect({"journal", name, "order-1"});
  BOOST_TEST(contains(no_workflow.out, "malformed"), no_workflow.out);
}

BOOST_AUTO_TEST_SUITE_END()
