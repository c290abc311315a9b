// The inspector's doctor on a real server: its findings for people and for programs, and its exit codes.
#include "run_cli.hpp"

#include <integration/store_support.hpp>

#include <algorithm>
#include <fstream>

BOOST_AUTO_TEST_SUITE(cli_doctor, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;

namespace {

cli_result doctor(std::vector<std::string> arguments, std::string url = shared_server().url()) {
  arguments.insert(arguments.begin(), "doctor");
  arguments.insert(arguments.end(), {"--url", std::move(url)});
  return run_cli(std::move(arguments));
}

std::string text_at(boost::json::object const& o, std::string_view name) { return o.at(name).as_string().c_str(); }

boost::json::object finding_of(std::vector<boost::json::object> const& all, std::string const& check) {
  for (auto const& o : all)
    if (text_at(o, "kind") == "finding" && text_at(o, "check") == check)
      return o;
  BOOST_FAIL("there is no finding " << check);
  return {};
}

void make_stream(std::string name, std::string storage, std::string url = shared_server().url()) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect(url);
    auto config = go_stream_config(name);
    config["storage"] = storage;
    co_await raw.api("STREAM.CREATE." + name, config);
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(findings_for_people_and_for_programs) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    nats::jetstream_config config;
    config.name_space = "tenant";
    auto store = co_await open_store(name, config);
  });
  auto const text = doctor({name, "--namespace", "tenant"});
  BOOST_TEST(text.code == 0, text.err);
  BOOST_TEST(text.err == "");
  BOOST_TEST(text.out.starts_with("LEVEL    CHECK"), text.out);
  BOOST_TEST(contains(text.out, "warning  num_replicas"), text.out);
  BOOST_TEST(contains(text.out, "0 critical, "), text.out);
  for (auto const& line : text.lines())
    BOOST_TEST(line.size() <= 120u, line);
  auto const json = doctor({"tenant_" + name, "--json"});
  BOOST_TEST(json.code == 0);
  auto const all = json.objects();
  auto const alone = finding_of(all, "num_replicas");
  BOOST_TEST(text_at(alone, "level") == "warning");
  BOOST_TEST(alone.at("known").as_bool());
  BOOST_TEST(contains(text_at(alone, "found"), "1 replica"));
  BOOST_TEST(!text_at(alone, "advice").empty());
  BOOST_TEST(!finding_of(all, "sync_interval").at("known").as_bool());
  auto const& summary = all.back();
  BOOST_TEST(text_at(summary, "kind") == "summary");
  BOOST_TEST(summary.at("critical").to_number<int>() == 0);
  auto const warnings =
      std::count_if(all.begin(), all.end() - 1, [](auto const& o) { return text_at(o, "level") == "warning"; });
  BOOST_TEST(summary.at("warnings").to_number<int>() == warnings);
}

BOOST_AUTO_TEST_CASE(what_is_critical_is_told_by_the_exit_code) {
  auto const name = new_stream();
  make_stream(name, "memory");
  auto const text = doctor({name});
  BOOST_TEST(text.code == 1);
  BOOST_TEST(contains(text.out, "critical  storage"), text.out);
  BOOST_TEST(contains(text.out, "1 critical, "), text.out);
  auto const json = doctor({name, "--json"});
  BOOST_TEST(json.code == 1);
  BOOST_TEST(text_at(json.objects().front(), "check") == "storage"); // the gravest first
}

BOOST_AUTO_TEST_CASE(what_only_servers_tell) {
  auto const page_port = std::to_string(free_port());
  nats_server_options options;
  options.extra_config = "http: \"127.0.0.1:" + page_port + "\"\n" + R"(
accounts {
  SYS { users: [{user: sys, password: sys-password}] }
  APP { jetstream: enabled, users: [{user: app, password: app}] }
}
system_account: SYS
no_auth_user: app
)";
  nats_server server(options);
  make_stream("orders", "file", server.url());
  auto const page = "http://127.0.0.1:" + page_port;
  auto const by_page = doctor({"orders", "--json", "--monitoring-url", page}, server.url()).objects();
  BOOST_TEST(contains(text_at(finding_of(by_page, "sync_interval"), "found"), "2 min on "));
  temporary_directory const directory;
  auto const file = (directory.path() / "password").string();
  std::ofstream(file) << "sys-password\n";
  auto const with_user = "nats://app:app@127.0.0.1:" + std::to_string(server.port());
  auto const by_account =
      doctor({"orders", "--json", "--system-user", "sys", "--system-password-file", file}, with_user).objects();
  BOOST_TEST(contains(text_at(finding_of(by_account, "sync_interval"), "found"), "2 min on "));
  auto const other = doctor({"orders", "--system-user", "app", "--system-password-file", file}, server.url());
  BOOST_TEST(other.code == 3);
  BOOST_TEST(!contains(other.err, "sys-password"), other.err);
  auto const nobody = doctor({"orders", "--monitoring-url", "http://127.0.0.1:" + std::to_string(free_port())});
  BOOST_TEST(nobody.code == 3); // no such stream on that server
  auto const wrong = doctor({"orders", "--monitoring-url", "https://127.0.0.1:8222"}, server.url());
  BOOST_TEST(wrong.code == 2);
  BOOST_TEST(contains(wrong.err, "TLS"), wrong.err);
  auto const down = "http://127.0.0.1:" + std::to_string(free_port());
  auto const without = doctor({"orders", "--json", "--monitoring-url", page + ',' + down}, server.url());
  BOOST_TEST(without.code == 0);
  BOOST_TEST(contains(text_at(finding_of(without.objects(), "monitoring"), "found"), down));
  BOOST_TEST(finding_of(without.objects(), "sync_interval").at("known").as_bool());
}

BOOST_AUTO_TEST_CASE(a_reader_may_examine) {
  nats_server_options options;
  options.extra_config = read_file(AETHER_PERMISSIONS_FILE);
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    nats::connection_options administrator;
    administrator.servers = {server.url()};
    administrator.user = "administrator";
    administrator.password = "administrator-secret";
    administrator.inbox_prefix = "_INBOX_administrator";
    auto on_server = co_await nats::connection::connect(administrator);
    auto store = co_await nats::jetstream_event_store::open(on_server, "orders");
  });
  temporary_directory const directory;
  auto const file = (directory.path() / "password").string();
  std::ofstream(file) << "reader-secret\n";
  auto const told =
      doctor({"orders", "--user", "reader", "--password-file", file, "--inbox-prefix", "_INBOX_reader"}, server.url());
  BOOST_TEST(told.code == 0, told.err);
  BOOST_TEST(contains(told.out, "num_replicas"), told.out);
  BOOST_TEST(!contains(told.out, "account_storage"), told.out);
  auto const missing =
      doctor({"bills", "--user", "reader", "--password-file", file, "--inbox-prefix", "_INBOX_reader"}, server.url());
  BOOST_TEST(missing.code == 3);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_examined_is_told) {
  auto const missing = doctor({"there-is-none"});
  BOOST_TEST(missing.code == 3);
  BOOST_TEST(missing.out == "");
  BOOST_TEST(contains(missing.err, "there-is-none"), missing.err);
  auto const help = run_cli({"doctor", "--help"});
  BOOST_TEST(help.code == 0);
  BOOST_TEST(contains(help.out, "--monitoring-url URL"), help.out);
}

BOOST_AUTO_TEST_SUITE_END()
