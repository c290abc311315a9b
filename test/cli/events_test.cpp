// The inspector on a real server: streams, actors, histories, following, checking.
#include "run_cli.hpp"

#include <integration/store_support.hpp>

#include <aether/json.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>

BOOST_AUTO_TEST_SUITE(cli_events, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using nats::jetstream_event_store;

namespace {

event placed(std::string actor, std::int64_t version, std::string note = "tea") {
  boost::json::object data;
  data["note"] = std::move(note);
  return make_event("OrderPlaced", std::move(actor), version, std::move(data));
}

/// Three events of order-1 with one message between them that is none, and one of account-1.
std::string filled_stream(nats::jetstream_config config = {}) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(name, config);
    co_await store.save_event(placed("order-1", 1));
    co_await store.save_event(placed("order-1", 2, "\x1b[31mred\x7f"));
    auto raw = co_await raw_client::connect();
    co_await raw.publish(store.stream() + ".events.order.order-1", "no \x1b event \xff");
    co_await store.save_event(placed("order-1", 5));
    co_await store.save_event(placed("account-1", 1));
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

bool is_printable(std::string const& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return c == '\n' || (byte >= 0x20 && byte != 0x7F && byte != 0xFF);
  });
}

std::int64_t streams_on_server() {
  std::int64_t total = 0;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const answer = co_await raw.api("STREAM.NAMES");
    total = answer.at("total").to_number<std::int64_t>();
  });
  return total;
}

} // namespace

BOOST_AUTO_TEST_CASE(streams_are_listed) {
  nats::jetstream_config config;
  config.name_space = "tenant";
  auto const name = filled_stream(config);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    boost::json::object other;
    other["name"] = "other";
    other["subjects"] = boost::json::array{"other.things"};
    co_await raw.api("STREAM.CREATE.other", other);
  });
  auto const text = inspect({"streams"});
  BOOST_TEST(text.code == 0);
  BOOST_TEST(text.err == "");
  BOOST_TEST(text.out.starts_with("STREAM "), text.out);
  BOOST_TEST(contains(text.out, "tenant_" + name));
  BOOST_TEST(!contains(text.out, "other"));
  auto const json = inspect({"streams", "--json", "--namespace", "tenant"});
  auto const objects = json.objects();
  auto const at = std::find_if(objects.begin(), objects.end(),
                               [&](auto const& o) { return text_at(o, "name") == "tenant_" + name; });
  BOOST_REQUIRE(at != objects.end());
  BOOST_TEST(text_at(*at, "namespace") == "tenant");
  BOOST_TEST(text_at(*at, "stream") == name);
  BOOST_TEST(at->at("recorded").as_bool());
  BOOST_TEST(at->at("messages").to_number<int>() == 5);
  BOOST_TEST(at->at("subjects").to_number<int>() == 2);
  BOOST_TEST(at->at("replicas").to_number<int>() == 1);
  BOOST_TEST(at->at("bytes").to_number<int>() > 0);
  BOOST_TEST(at->at("lastTime").is_string());
  BOOST_TEST(inspect({"streams", "--namespace", "nobody"}).out == "no stream holds events\n");
}

BOOST_AUTO_TEST_CASE(more_streams_than_a_page_holds) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect(server.url());
    for (int i = 0; i < 300; ++i) {
      auto const name = "s" + std::to_string(i);
      boost::json::object config;
      config["name"] = name;
      config["storage"] = "memory";
      config["subjects"] = boost::json::array{boost::json::value(name + ".events.>")};
      co_await raw.api("STREAM.CREATE." + name, config);
    }
  });
  auto const listed = run_cli({"streams", "--json", "--url", server.url()});
  BOOST_TEST(listed.objects().size() == 300u);
}

BOOST_AUTO_TEST_CASE(actors_are_listed) {
  auto const name = filled_stream();
  auto const text = inspect({"actors", name});
  BOOST_TEST(text.code == 0);
  BOOST_TEST(text.err == "");
  BOOST_TEST(text.lines().size() == 3u);
  BOOST_TEST(text.out.starts_with("ACTOR "), text.out);
  auto const json = inspect({"actors", name, "--type", "order", "--json"}).objects();
  BOOST_TEST_REQUIRE(json.size() == 1u);
  BOOST_TEST(text_at(json[0], "actor") == "order-1");
  BOOST_TEST(text_at(json[0], "type") == "order");
  BOOST_TEST(json[0].at("messages").to_number<int>() == 4);
  BOOST_TEST(json[0].at("version").to_number<int>() == 5);
  BOOST_TEST(text_at(json[0], "lastType") == "OrderPlaced");
  BOOST_TEST(inspect({"actors", name, "--type", "none"}).out == "no actor has events\n");
}

BOOST_AUTO_TEST_CASE(a_history_with_what_is_no_event) {
  auto const name = filled_stream();
  auto const text = inspect({"history", name, "order-1"});
  BOOST_TEST(text.code == 0);
  BOOST_TEST(text.lines().size() == 5u);
  BOOST_TEST(is_printable(text.out), text.out);
  BOOST_TEST(contains(text.out, "malformed_event"));
  BOOST_TEST(contains(text.out, "no \\x1B event \\xFF"));
  auto const all = inspect({"history", name, "order-1", "--json"});
  BOOST_TEST(is_printable(all.out), all.out);
  auto const json = all.objects();
  BOOST_TEST_REQUIRE(json.size() == 4u);
  BOOST_TEST(json[0].at("sequence").to_number<int>() == 1);
  BOOST_TEST(json[0].at("stored").is_string());
  event const first = boost::json::value_to<event>(json[0].at("event"));
  BOOST_TEST(first.actor_id == "order-1");
  BOOST_TEST(text_at(json[2], "error") == "malformed_event");
  BOOST_TEST(json[2].at("sequence").to_number<int>() == 3);
  BOOST_TEST(!json[2].at("reason").as_string().empty());
  BOOST_TEST(text_at(json[2], "rawBase64") == "bm8gGyBldmVudCD/");
}

BOOST_AUTO_TEST_CASE(a_part_of_a_history) {
  auto const name = filled_stream();
  auto const versions = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"history", name, "order-1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::string out;
    for (auto const& o : inspect(std::move(arguments)).objects())
      if (o.contains("event"))
        out += std::to_string(o.at("event").at("version").to_number<int>());
    return out;
  };
  BOOST_TEST(versions({}) == "125");
  BOOST_TEST(versions({"--after", "1"}) == "25");
  BOOST_TEST(versions({"--limit", "2"}) == "12");
  BOOST_TEST(versions({"--reverse"}) == "521");
  BOOST_TEST(versions({"--reverse", "--limit=1"}) == "5");
  BOOST_TEST(inspect({"history", name, "order-9"}).out == "the actor has no events\n");
}

BOOST_AUTO_TEST_CASE(checking_says_what_is_wrong) {
  auto const name = filled_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await raw.publish(name + ".events.order.order-1", go_event("late", "order-1", 4, "{}"));
    co_await raw.publish(name + ".events.order.order-1", go_event("other", "order-2", 9, "{}"));
  });
  auto const text = inspect({"check", name});
  BOOST_TEST(text.code == 1);
  BOOST_TEST(text.err == "");
  BOOST_TEST(contains(text.out, "5 events of 2 actors: 3 findings"), text.out);
  BOOST_TEST(is_printable(text.out), text.out);
  auto const json = inspect({"check", name, "--json", "--policy", "contiguous"});
  BOOST_TEST(json.code == 1);
  auto const found = json.objects();
  BOOST_TEST_REQUIRE(found.size() == 5u);
  BOOST_TEST(text_at(found[0], "kind") == "malformed_event");
  BOOST_TEST(text_at(found[1], "kind") == "gap");
  BOOST_TEST(found[1].at("version").to_number<int>() == 5);
  BOOST_TEST(text_at(found[2], "kind") == "version_order");
  BOOST_TEST(found[2].at("sequence").to_number<int>() == 6);
  BOOST_TEST(text_at(found[3], "kind") == "actor_mismatch");
  BOOST_TEST(text_at(found[3], "actor") == "order-2");
  BOOST_TEST(text_at(found[4], "kind") == "summary");
  BOOST_TEST(found[4].at("findings").to_number<int>() == 4);
}

BOOST_AUTO_TEST_CASE(checking_finds_nothing) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(name);
    for (std::int64_t version = 1; version <= 300; ++version)
      co_await store.save_event(placed("order-" + std::to_string(version % 7), version));
  });
  auto const text = inspect({"check", name});
  BOOST_TEST(text.code == 0);
  BOOST_TEST(text.out == "300 events of 7 actors: nothing was found\n");
}

BOOST_AUTO_TEST_CASE(a_stream_of_the_go_library) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto config = go_stream_config(name);
    co_await raw.api("STREAM.CREATE." + name, config);
    co_await raw.publish(name + ".events.order.order-a_b", go_event("1", "order-a.b", 1, "null"));
    co_await raw.publish(name + ".events.order.order-a_b", go_event("2", "order-a b", 2, "null"));
  });
  auto const streams = inspect({"streams", "--json"}).objects();
  BOOST_TEST(std::any_of(streams.begin(), streams.end(),
                         [&](auto const& o) { return text_at(o, "name") == name && !o.at("recorded").as_bool(); }));
  auto const checked = inspect({"check", name, "--json"});
  BOOST_TEST(checked.code == 1);
  BOOST_TEST(text_at(checked.objects().at(0), "kind") == "actor_mismatch", checked.out);
  BOOST_TEST(inspect({"actors", name}).code == 0);
  auto const history = inspect({"history", name, "order-a.b"});
  BOOST_TEST(history.code == 3);
  BOOST_TEST(contains(history.err, "order-a b"), history.err);
  // Nothing was changed: no record, and what it lacks is still off.
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const config = co_await raw.stream_config(name);
    BOOST_TEST((!config.contains("description") || config.at("description").as_string().empty()));
    BOOST_TEST((!config.contains("deny_delete") || !config.at("deny_delete").as_bool()));
  });
}

BOOST_AUTO_TEST_CASE(a_message_that_somebody_deleted) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto config = go_stream_config(name); // where nothing is denied
    co_await raw.api("STREAM.CREATE." + name, config);
    for (std::int64_t version = 1; version <= 3; ++version)
      co_await raw.publish(name + ".events.order.order-1", go_event(std::to_string(version), "order-1", version, "{}"));
    boost::json::object which;
    which["seq"] = 2;
    co_await raw.api("STREAM.MSG.DELETE." + name, which);
  });
  auto const found = inspect({"check", name, "--json"});
  BOOST_TEST(found.code == 1);
  auto const objects = found.objects();
  BOOST_TEST_REQUIRE(objects.size() == 2u);
  BOOST_TEST(text_at(objects[0], "kind") == "deleted_messages");
  auto const gaps = inspect({"check", name, "--json", "--policy", "contiguous"}).objects();
  BOOST_TEST_REQUIRE(gaps.size() == 3u);
  BOOST_TEST(text_at(gaps[0], "kind") == "gap");
}

BOOST_AUTO_TEST_CASE(following_until_it_is_interrupted) {
  auto const name = filled_stream();
  running_cli all({"follow", name, "--from", "beginning", "--json", "--url", shared_server().url()});
  BOOST_TEST_REQUIRE(all.wait_for_lines(5), all.out());
  running_cli text({"follow", name, "--from", "beginning", "--type", "order", "--url", shared_server().url()});
  BOOST_TEST_REQUIRE(text.wait_for_lines(5), text.out());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(name);
    co_await store.save_event(placed("order-1", 6));
  });
  BOOST_TEST(all.wait_for_lines(6), all.out());
  BOOST_TEST(text.wait_for_lines(6), text.out());
  BOOST_TEST(all.interrupt() == 0);
  BOOST_TEST(text.interrupt() == 0);
  cli_result got;
  got.out = all.out();
  auto const objects = got.objects();
  BOOST_TEST_REQUIRE(objects.size() == 6u);
  BOOST_TEST(text_at(objects[2], "error") == "malformed_event");
  auto const position = std::string(text_at(objects[3], "position"));
  running_cli rest({"follow", name, "--from", position, "--json", "--url", shared_server().url()});
  BOOST_TEST_REQUIRE(rest.wait_for_lines(2), rest.out());
  BOOST_TEST(rest.interrupt() == 0);
  got.out = rest.out();
  BOOST_TEST(text_at(got.objects().at(0).at("event").as_object(), "actorId") == "account-1");
}

BOOST_AUTO_TEST_CASE(following_over_a_server_that_restarts) {
  nats_server server;
  auto const save = [&](std::int64_t version) {
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto store = co_await open_store(server.url(), "orders");
      co_await store.save_event(placed("order-1", version));
    });
  };
  save(1);
  running_cli following({"follow", "orders", "--from", "beginning", "--json", "--url", server.url()});
  BOOST_TEST_REQUIRE(following.wait_for_lines(1), following.out());
  server.restart();
  save(2);
  BOOST_TEST(following.wait_for_lines(2), following.out());
  BOOST_TEST(following.interrupt() == 0);
  BOOST_TEST(following.err().starts_with("aether: "), following.err());
}

BOOST_AUTO_TEST_CASE(a_server_that_ends_meanwhile_is_no_end_of_a_check) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    co_await store.save_event(placed("order-1", 1));
  });
  server.pause();
  auto const checked = run_cli({"check", "orders", "--timeout", "1s", "--url", server.url()});
  BOOST_TEST(checked.code == 3);
  BOOST_TEST(checked.out == "");
  server.resume();
}

BOOST_AUTO_TEST_CASE(what_is_interrupted_is_not_done) {
  nats_server server;
  server.pause();
  running_cli waiting({"check", "orders", "--url", server.url()});
  BOOST_TEST(waiting.interrupt() == 128 + SIGINT);
  server.resume();
}

BOOST_AUTO_TEST_CASE(a_name_with_its_namespace) {
  nats::jetstream_config config;
  config.name_space = "tenant";
  auto const name = filled_stream(config);
  auto const whole = inspect({"history", "tenant_" + name, "account-1"});
  BOOST_TEST(whole.code == 0);
  BOOST_TEST(whole.lines().size() == 2u);
  BOOST_TEST(inspect({"history", name, "account-1", "--namespace", "tenant"}).out == whole.out);
  BOOST_TEST(inspect({"history", name, "account-1"}).code == 3);
}

BOOST_AUTO_TEST_CASE(with_the_permissions_of_a_reader) {
  nats_server_options options;
  options.extra_config = read_file(AETHER_PERMISSIONS_FILE);
  nats_server server(options);
  auto const as = [&](std::string const& user) {
    nats::connection_options on;
    on.servers = {server.url()};
    on.user = user;
    on.password = user + "-secret";
    on.inbox_prefix = "_INBOX_" + user;
    return on;
  };
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto administrator = co_await nats::connection::connect(as("administrator"));
    co_await jetstream_event_store::open(administrator, "orders");
    auto writer = co_await nats::connection::connect(as("writer"));
    nats::jetstream_config config;
    config.create = false;
    auto store = co_await jetstream_event_store::open(writer, "orders", config);
    co_await store.save_event(placed("order-1", 1));
  });
  temporary_directory const directory;
  auto const file = (directory.path() / "password").string();
  std::ofstream(file) << "reader-secret";
  auto const read = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--url", server.url(), "--user", "reader", "--password-file", file,
                                       "--inbox-prefix", "_INBOX_reader"});
    return run_cli(std::move(arguments));
  };
  for (std::vector<std::string> const& arguments : std::vector<std::vector<std::string>>{
           {"actors", "orders"}, {"history", "orders", "order-1"}, {"workflows", "orders"}, {"check", "orders"}}) {
    auto const result = read(arguments);
    BOOST_TEST(result.code == 0, result.err);
  }
  auto const streams = read({"streams"});
  BOOST_TEST(streams.code == 3);
  BOOST_TEST(contains(streams.err, "STREAM.LIST"), streams.err);
}

BOOST_AUTO_TEST_CASE(nothing_is_made) {
  auto const name = filled_stream();
  auto const before = streams_on_server();
  for (std::string const command : {"actors", "check", "workflows", "follow"}) {
    auto const missing = inspect({command, "no-such-stream"});
    BOOST_TEST(missing.code == 3);
    BOOST_TEST(missing.out == "");
    BOOST_TEST(missing.err.starts_with("aether: "), missing.err);
  }
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const config = co_await raw.stream_config(name);
    for (std::string const command : {"check", "actors", "workflows", "journal", "history"}) {
      std::vector<std::string> arguments{command, name};
      if (command == "journal" || command == "history")
        arguments.emplace_back("order-1");
      BOOST_TEST(inspect(arguments).code == (command == "check" ? 1 : 0));
    }
    auto const now = co_await raw.stream_config(name);
    BOOST_TEST(now == config);
    auto const answer = co_await raw.api("CONSUMER.LIST." + name);
    if (auto const* consumers = answer.at("consumers").if_array())
      for (auto const& c : *consumers)
        BOOST_TEST(!c.at("config").as_object().contains("durable_name"));
  });
  BOOST_TEST(streams_on_server() == before);
}

BOOST_AUTO_TEST_CASE(output_that_nobody_reads) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(name);
    for (std::int64_t version = 1; version <= 40; ++version)
      co_await store.save_event(placed("order-1", version, std::string(10'000, 'x')));
  });
  auto const on = " --url " + shared_server().url();
  auto const cut = run_cli_script("\"$AETHER\" history " + name + " order-1" + on +
                                  " | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}");
  BOOST_TEST(cut.out == std::to_string(128 + SIGPIPE) + '\n');
  BOOST_TEST(cut.err == "");
  auto const full = run_cli_script("\"$AETHER\" streams" + on + " >/dev/full; echo $?");
  BOOST_TEST(full.out == "3\n");
  BOOST_TEST(contains(full.err, "cannot write"), full.err);
  auto const closed = run_cli_script("(\"$AETHER\" streams" + on + " >&-); echo $?");
  BOOST_TEST(closed.out == "3\n");
}

BOOST_AUTO_TEST_CASE(a_server_that_is_not_there_and_secrets) {
  auto const nobody = "nats://someone:hidden-secret@127.0.0.1:" + std::to_string(free_port());
  auto const refused = run_cli({"streams", "--url", nobody, "--timeout", "2s"});
  BOOST_TEST(refused.code == 3);
  BOOST_TEST(!contains(refused.err, "hidden-secret"), refused.err);
  auto const missing = run_cli({"streams", "--url", nobody, "--creds", "/no/such/file"});
  BOOST_TEST(missing.code == 3);
  BOOST_TEST(contains(missing.err, "/no/such/file"), missing.err);
}

BOOST_AUTO_TEST_CASE(with_a_password) {
  nats_server_options options;
  options.extra_config = "authorization { users = [ {user: eve, password: eve-password} ] }";
  nats_server server(options);
  temporary_directory const directory;
  auto const file = (directory.path() / "password").string();
  std::ofstream(file) << "eve-password\n";
  auto const good = run_cli({"streams", "--url", server.url(), "--user", "eve", "--password-file", file});
  BOOST_TEST(good.code == 0, good.err);
  std::ofstream(file) << "other-password\n";
  auto const bad = run_cli({"streams", "--url", server.url(), "--user", "eve", "--password-file", file});
  BOOST_TEST(bad.code == 3);
  BOOST_TEST(!contains(bad.err, "other-password"), bad.err);
}

BOOST_AUTO_TEST_CASE(wrong_usage_is_told) {
  auto const wrong = run_cli({"history", "orders"});
  BOOST_TEST(wrong.code == 2);
  BOOST_TEST(wrong.out == "");
  BOOST_TEST(wrong.err == "aether: history needs the id of an actor (see aether --help)\n");
  auto const help = run_cli({"follow", "--help"});
  BOOST_TEST(help.code == 0);
  BOOST_TEST(help.err == "");
  BOOST_TEST(contains(help.out, "--from START"));
}

BOOST_AUTO_TEST_SUITE_END()
