// Opening a store: the stream it makes, and the existing streams it takes, mends or refuses.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <boost/json/serialize.hpp>

BOOST_AUTO_TEST_SUITE(store_setup, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace json = boost::json;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;

namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t number(json::object const& config, char const* name) {
  auto const* value = config.if_contains(name);
  return value ? value->to_number<std::int64_t>() : 0;
}

bool flag(json::object const& config, char const* name) {
  auto const* value = config.if_contains(name);
  return value && value->as_bool();
}

awaitable<failure> opening(std::string stream, jetstream_config config = {}) {
  return failure_of(open_store(std::move(stream), std::move(config)));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_new_stream_is_as_the_contract_says) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name);
    BOOST_TEST(store.name_space() == "");
    BOOST_TEST(store.stream_name() == name);
    BOOST_TEST(store.stream() == name);
    BOOST_TEST(store.weakened().empty());
    auto raw = co_await raw_client::connect();
    auto const config = co_await raw.stream_config(name);
    BOOST_TEST(json::serialize(config.at("subjects")) == "[\"" + name + ".events.>\",\"" + name + ".snapshots.>\"]");
    BOOST_TEST(config.at("retention").as_string() == "limits");
    BOOST_TEST(config.at("storage").as_string() == "file");
    BOOST_TEST(config.at("discard").as_string() == "old"); // nothing limits it, so nothing is discarded
    BOOST_TEST(number(config, "max_age") == 365 * 24 * 3600 * second);
    BOOST_TEST(number(config, "duplicate_window") == 120 * second);
    BOOST_TEST(number(config, "num_replicas") == 1);
    for (auto const* name_of_limit : {"max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size"})
      BOOST_TEST(number(config, name_of_limit) == -1, name_of_limit);
    BOOST_TEST(flag(config, "allow_direct"));
    BOOST_TEST(flag(config, "deny_delete"));
    BOOST_TEST(flag(config, "deny_purge"));
    BOOST_TEST(!flag(config, "allow_rollup_hdrs"));
    BOOST_TEST(!flag(config, "allow_msg_ttl"));
    BOOST_TEST(flag(config, "allow_atomic") == shared_server().at_least(2, 12, 1));
    BOOST_TEST(store.supports_batches() == shared_server().at_least(2, 12, 1));
    json::object record;
    record["aether"] = 1;
    record["namespace"] = "";
    record["stream"] = name;
    record["encoding"] = "percent";
    BOOST_TEST(config.at("description").as_string() == json::serialize(record));
  });
}

BOOST_AUTO_TEST_CASE(what_is_asked_for_is_what_the_stream_has) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    jetstream_config wanted;
    wanted.stream_retention = 2h;
    wanted.duplicate_window = 30s;
    wanted.max_stream_bytes = 10'000'000;
    wanted.name_space = "tenant";
    wanted.subject_encoding = nats::subject_encoding::underscore;
    auto const name = new_stream();
    auto store = co_await open_store(name, wanted);
    BOOST_TEST(store.name_space() == "tenant");
    BOOST_TEST(store.stream_name() == name);
    BOOST_TEST(store.stream() == "tenant_" + name);
    auto raw = co_await raw_client::connect();
    auto const config = co_await raw.stream_config("tenant_" + name);
    BOOST_TEST(number(config, "max_age") == 7200 * second);
    BOOST_TEST(number(config, "duplicate_window") == 30 * second);
    BOOST_TEST(number(config, "max_bytes") == 10'000'000);
    BOOST_TEST(config.at("discard").as_string() == "new");
    BOOST_TEST(contains(std::string(config.at("description").as_string()), "\"encoding\":\"underscore\""));
    auto again = co_await open_store(name, wanted);
    BOOST_TEST(again.weakened().empty());
  });
}

BOOST_AUTO_TEST_CASE(retention_may_be_for_ever_or_shorter_than_the_usual_window) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    jetstream_config wanted;
    wanted.stream_retention = nats::retention::forever;
    auto const kept = new_stream();
    auto store = co_await open_store(kept, wanted);
    auto config = co_await raw.stream_config(kept);
    BOOST_TEST(number(config, "max_age") == 0);
    BOOST_TEST(number(config, "duplicate_window") == 120 * second);
    wanted.stream_retention = 30s;
    auto const brief = new_stream();
    auto other = co_await open_store(brief, wanted);
    config = co_await raw.stream_config(brief);
    BOOST_TEST(number(config, "max_age") == 30 * second);
    BOOST_TEST(number(config, "duplicate_window") == 30 * second);
  });
}

BOOST_AUTO_TEST_CASE(opening_again_takes_the_stream_as_it_is) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto first = co_await open_store(name);
    co_await first.save_event(event_of("order-1", 1));
    for (auto const create : {true, false}) {
      jetstream_config config;
      config.create = create;
      auto again = co_await open_store(name, config);
      BOOST_TEST(again.weakened().empty());
      auto const versions = co_await versions_of(again, "order-1");
      BOOST_TEST(versions.size() == 1u);
    }
  });
}

BOOST_AUTO_TEST_CASE(other_settings_are_refused_each_by_its_name) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name);
    jetstream_config other;
    other.stream_retention = 48h;
    other.duplicate_window = 10s;
    other.max_stream_bytes = 5'000'000;
    auto const refused = co_await opening(name, other);
    BOOST_TEST(refused.code == errc::stream_settings_differ);
    for (auto const* part : {"max_age", "2 days", "365 days", "duplicate_window", "10 s", "2 min", "max_bytes",
                             "5000000", "discard", "adopt", "another stream name"})
      BOOST_TEST(contains(refused.text, part), part << " is not named in: " << refused.text);
    auto const unchanged = co_await opening(name); // nothing was changed by the attempt
    BOOST_TEST(!unchanged.code, unchanged.text);
  });
}

BOOST_AUTO_TEST_CASE(other_settings_can_be_adopted_and_are_told) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name);
    jetstream_config other;
    other.stream_retention = 48h;
    other.on_existing = nats::existing_stream::adopt;
    auto adopted = co_await open_store(name, other);
    BOOST_TEST_REQUIRE(adopted.weakened().size() == 1u);
    BOOST_TEST(adopted.weakened()[0].setting == "max_age");
    BOOST_TEST(adopted.weakened()[0].wanted == "2 days");
    BOOST_TEST(adopted.weakened()[0].actual == "365 days");
    auto raw = co_await raw_client::connect();
    auto const config = co_await raw.stream_config(name);
    BOOST_TEST(number(config, "max_age") == 365 * 24 * 3600 * second);
  });
}

BOOST_AUTO_TEST_CASE(the_stream_of_another_pair_is_refused) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    jetstream_config first, other;
    first.name_space = "a_b";
    other.name_space = "a";
    auto store = co_await open_store(name, first); // stream a_b_{name}
    for (auto const how : {nats::existing_stream::require, nats::existing_stream::adopt}) {
      other.on_existing = how;
      auto const refused = co_await opening("b_" + name, other); // the same
      BOOST_TEST(refused.code == errc::stream_of_another);
      BOOST_TEST(contains(refused.text, "\"a_b\""), refused.text);
      BOOST_TEST(contains(refused.text, "\"b_" + name + "\""), refused.text);
    }
    auto const whole = co_await opening("a_b_" + name);
    BOOST_TEST(whole.code == errc::stream_of_another);
  });
}

BOOST_AUTO_TEST_CASE(another_encoding_is_refused) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name);
    jetstream_config other;
    other.subject_encoding = nats::subject_encoding::underscore;
    for (auto const how : {nats::existing_stream::require, nats::existing_stream::adopt}) {
      other.on_existing = how;
      auto const refused = co_await opening(name, other);
      BOOST_TEST(refused.code == errc::stream_settings_differ);
      BOOST_TEST(contains(refused.text, "underscore"), refused.text);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_stream_that_cannot_hold_events_is_refused_even_when_adopted) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    jetstream_config adopting;
    adopting.on_existing = nats::existing_stream::adopt;
    struct unusable {
      std::string setting;
      json::value value;
      unusable(std::string s, json::value v) : setting(std::move(s)), value(std::move(v)) {}
    };
    std::vector<unusable> cases;
    cases.emplace_back("retention", "workqueue");
    cases.emplace_back("retention", "interest");
    cases.emplace_back("no_ack", true);
    for (auto const& c : cases) {
      auto const name = new_stream();
      auto config = go_stream_config(name);
      config[c.setting] = c.value;
      auto const created = co_await raw.api_error("STREAM.CREATE." + name, config);
      BOOST_TEST_REQUIRE(created == 0);
      auto const refused = co_await opening(name, adopting);
      BOOST_TEST(refused.code == errc::stream_settings_differ);
      BOOST_TEST(contains(refused.text, c.setting), refused.text);
    }
    auto const name = new_stream();
    auto config = go_stream_config(name);
    config["subjects"] = json::array{json::value(name + ".events.>")};
    co_await raw.api("STREAM.CREATE." + name, config);
    auto const refused = co_await opening(name, adopting);
    BOOST_TEST(refused.code == errc::stream_settings_differ);
    BOOST_TEST(contains(refused.text, name + ".snapshots.>"), refused.text);
  });
}

BOOST_AUTO_TEST_CASE(without_create_the_stream_must_be_there) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    jetstream_config config;
    config.create = false;
    auto const missing = co_await opening(name, config);
    BOOST_TEST(missing.code == errc::stream_not_found);
    BOOST_TEST(contains(missing.text, name), missing.text);
    auto raw = co_await raw_client::connect();
    auto const not_found = co_await raw.api_error("STREAM.INFO." + name);
    BOOST_TEST(not_found == 10059);
  });
}

BOOST_AUTO_TEST_CASE(without_create_an_adopted_stream_is_not_changed) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto raw = co_await raw_client::connect();
    co_await raw.api("STREAM.CREATE." + name, go_stream_config(name));
    jetstream_config config;
    config.create = false;
    config.on_existing = nats::existing_stream::adopt;
    auto const before = co_await raw.stream_config(name);
    auto store = co_await open_store(name, config);
    auto const after = co_await raw.stream_config(name);
    BOOST_TEST(json::serialize(after) == json::serialize(before));
    BOOST_TEST(!store.weakened().empty());
    co_await store.save_event(event_of("order-1", 1));
    auto const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(subjects_of_another_stream_are_not_taken) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto raw = co_await raw_client::connect();
    json::object config;
    config["name"] = "other-" + name;
    config["subjects"] = json::array{json::value(name + ".events.order.>")};
    co_await raw.api("STREAM.CREATE.other-" + name, config);
    auto const refused = co_await opening(name);
    BOOST_TEST(refused.code == errc::server_error);
    BOOST_TEST(contains(refused.text, "10065"), refused.text);
  });
}

BOOST_AUTO_TEST_CASE(many_openings_at_once_make_one_stream) {
  constexpr int rounds = 10, clients = 8;
  std::atomic<int> opened = 0;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const open_one = [](nats::connection on, std::string stream, int i,
                                 std::atomic<int>& count) -> awaitable<void> {
          auto store = co_await nats::jetstream_event_store::open(std::move(on), std::move(stream));
          co_await store.save_event(event_of("order-" + std::to_string(i), 1));
          ++count;
        };
        std::vector<nats::connection> connections;
        for (int i = 0; i < clients; ++i)
          connections.push_back(co_await nats::connection::connect(shared_server().url()));
        for (int round = 0; round < rounds; ++round) {
          auto const name = new_stream();
          task_group group(context.get_executor());
          for (int i = 0; i < clients; ++i)
            group.spawn(open_one(connections[static_cast<std::size_t>(i)], name, i, opened));
          co_await group.join();
        }
      },
      on(4));
  BOOST_TEST(opened == rounds * clients);
}

BOOST_AUTO_TEST_CASE(names_and_options_that_cannot_be_are_refused_before_anything_is_asked) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto on = raw.connection();
    auto const sent = on.statistics().messages_out;
    std::string const long_name(201, 'x');
    for (std::string const& name : {std::string(), std::string("a.b"), std::string("a b"), std::string("a>"),
                                    std::string("a*"), std::string("\r\nPUB"), std::string("\xc3\xa4"), long_name}) {
      auto const refused = co_await failure_of(nats::jetstream_event_store::open(on, name));
      BOOST_TEST(refused.code == errc::invalid_id, name << ": " << refused.text);
    }
    jetstream_config config;
    config.name_space = "a.b";
    auto refused = co_await failure_of(nats::jetstream_event_store::open(on, "S", config));
    BOOST_TEST(refused.code == errc::invalid_argument);
    BOOST_TEST(contains(refused.text, "name_space"), refused.text);
    jetstream_config negative;
    negative.stream_retention = -1s;
    refused = co_await failure_of(nats::jetstream_event_store::open(on, "S", negative));
    BOOST_TEST(refused.code == errc::invalid_argument);
    BOOST_TEST(contains(refused.text, "stream_retention"), refused.text);
    BOOST_TEST(on.statistics().messages_out == sent);
    nats::connection const none;
    refused = co_await failure_of(nats::jetstream_event_store::open(none, "S"));
    BOOST_TEST(refused.code == errc::not_open);
  });
}

BOOST_AUTO_TEST_SUITE_END()
