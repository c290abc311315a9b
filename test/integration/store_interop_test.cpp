// Streams shared with other writers: those of the Go library, those that meet on one subject, and nats-py.
#include <integration/store_support.hpp>
#include <support/nats_py.hpp>

#include <aether/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fstream>

BOOST_AUTO_TEST_SUITE(store_interop, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace json = boost::json;
using namespace aether;
using namespace aether::test;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

jetstream_config adopting() {
  jetstream_config config;
  config.on_existing = nats::existing_stream::adopt;
  config.subject_encoding = nats::subject_encoding::underscore;
  return config;
}

awaitable<void> go_publish(raw_client raw, std::string stream, std::string subject_end, std::string id,
                           std::string actor, std::int64_t version, std::string data) {
  nats::header_list headers;
  headers.emplace_back("Nats-Msg-Id", id);
  co_await raw.publish(stream + ".events." + subject_end, go_event(id, actor, version, data), std::move(headers));
}

std::vector<std::string> settings_of(jetstream_event_store const& store) {
  std::vector<std::string> names;
  for (auto const& w : store.weakened())
    names.push_back(w.setting);
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_of_the_go_library_is_adopted_read_and_written) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto raw = co_await raw_client::connect();
    auto const created = co_await raw.api_error("STREAM.CREATE." + name, go_stream_config(name));
    BOOST_TEST_REQUIRE(created == 0);
    co_await go_publish(raw, name, "order.order-1", "g-1", "order-1", 1, "null");
    co_await go_publish(raw, name, "order.order-1", "g-2", "order-1", 2, R"({"amount":5,"note":"ä"})");
    co_await go_publish(raw, name, "unknown.lonely", "g-3", "lonely", 1, "{}");
    co_await raw.publish(name + ".snapshots.order.order-1",
                         R"({"actorId":"order-1","version":1,"state":null,"timestamp":"2024-05-06T07:08:09Z"})");

    auto const plain = co_await failure_of(open_store(name)); // not taken unasked
    BOOST_TEST(plain.code == errc::stream_settings_differ);
    BOOST_TEST(contains(plain.text, "adopt"), plain.text);

    auto store = co_await open_store(name, adopting());
    BOOST_TEST(store.weakened().empty(), "an UPDATE could set everything: " << store.weakened().size());
    auto const config = co_await raw.stream_config(name);
    for (auto const* setting : {"allow_direct", "deny_delete", "deny_purge"})
      BOOST_TEST(config.at(setting).as_bool(), setting);

    auto const events = co_await store.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 2u);
    BOOST_TEST(events[0].id == "g-1");
    BOOST_TEST(events[0].data.empty());
    BOOST_TEST(events[1].data.at("amount").to_number<std::int64_t>() == 5);
    BOOST_TEST(format_time(events[0].timestamp) == "2024-05-06T05:08:09.123456789Z");
    auto const lonely = co_await store.latest_version("lonely");
    BOOST_TEST(lonely == 1);
    auto const snapshot = co_await store.latest_snapshot("order-1");
    BOOST_TEST(snapshot.version == 1);
    BOOST_TEST(snapshot.state.empty());

    auto outcome = co_await store.try_save_event(event_of("order-1", 2));
    BOOST_TEST(refused(outcome, 2));
    outcome = co_await store.try_save_event(event_of("order-1", 3));
    BOOST_TEST(stored(outcome, 3));
    co_await go_publish(raw, name, "order.order-1", "g-4", "order-1", 4, "null"); // and it goes on writing
    outcome = co_await store.try_save_event(event_of("order-1", 4));
    BOOST_TEST(refused(outcome, 4));
    outcome = co_await store.try_save_event(event_of("order-1", 5));
    BOOST_TEST(stored(outcome, 5));
    event own = event_of("order-1", 4, "g-4"); // the Go library's event, saved again here
    auto fresh = co_await open_store(name, adopting());
    own.version = 5;
    outcome = co_await fresh.try_save_event(std::move(own));
    BOOST_TEST(refused(outcome, 5));
  });
}

BOOST_AUTO_TEST_CASE(what_an_adopted_stream_lacks_is_told) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto raw = co_await raw_client::connect();
    auto config = go_stream_config(name);
    config["description"] = "events of the shop";
    config["max_age"] = std::int64_t{3600} * 1'000'000'000;
    config["max_msgs"] = 1000;
    co_await raw.api("STREAM.CREATE." + name, config);
    auto reading = adopting();
    reading.create = false; // nothing may be changed: all that is weaker is told
    auto store = co_await open_store(name, reading);
    std::vector<std::string> names = settings_of(store);
    std::vector<std::string> const all{"allow_direct", "deny_delete", "deny_purge", "description",
                                       "discard",      "max_age",     "max_msgs"};
    BOOST_TEST(names == all, boost::test_tools::per_element());
    co_await store.save_event(event_of("order-1", 1)); // without direct get
    auto versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 1u);

    auto mended = co_await open_store(name, adopting());
    names = settings_of(mended);
    std::vector<std::string> const left{"description", "discard", "max_age", "max_msgs"};
    BOOST_TEST(names == left, boost::test_tools::per_element());
    auto const now = co_await raw.stream_config(name);
    BOOST_TEST(now.at("description").as_string() == "events of the shop");
    BOOST_TEST(now.at("max_msgs").to_number<std::int64_t>() == 1000);
    co_await mended.save_event(event_of("order-1", 2));
    versions = co_await versions_of(mended, "order-1");
    BOOST_TEST(versions.size() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(underscores_are_where_the_go_library_puts_them) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const name = new_stream();
    jetstream_config config;
    config.subject_encoding = nats::subject_encoding::underscore;
    auto store = co_await open_store(name, config);
    co_await store.save_event(event_of("a b.c-d*e>f", 1));
    auto const message = co_await raw.last_message(name, name + ".events.a_b_c.a_b_c-d_e_f");
    BOOST_TEST(contains(std::string(message.at("data").as_string()), "\"actorId\":\"a b.c-d*e>f\""));
    auto const versions = co_await versions_of(store, "a b.c-d*e>f");
    BOOST_TEST(versions.size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(two_ids_that_meet_on_one_subject_are_never_mixed) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    jetstream_config config;
    config.subject_encoding = nats::subject_encoding::underscore;
    auto store = co_await open_store(name, config);
    co_await store.save_event(event_of("order-1 a", 1));
    co_await store.save_snapshot(snapshot_of("order-1 a", 1));
    auto other = co_await open_store(name, config);
    for (auto* s : {&store, &other}) { // what the first one knows of the subject is of no use to the other actor
      auto code = co_await error_of(s->save_event(event_of("order-1.a", 2)));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->get_events("order-1.a"));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->get_events_with_errors("order-1_a"));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->latest_version("order-1.a"));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->find_event("order-1.a", 1));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->find_latest_event("order-1.a"));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->find_snapshot("order-1.a"));
      BOOST_TEST(code == errc::actor_mismatch);
      code = co_await error_of(s->save_snapshot(snapshot_of("order-1.a", 2)));
      BOOST_TEST(code == errc::actor_mismatch);
    }
    auto raw = co_await raw_client::connect();
    auto const messages = co_await raw.count(name, name + ".>");
    BOOST_TEST(messages == 2);
    auto const outcome = co_await store.try_save_event(event_of("order-1 a", 2));
    BOOST_TEST(stored(outcome, 2));
    auto const code = co_await error_of(store.save_event(event_of("order-1\nb", 1)));
    BOOST_TEST(code == errc::invalid_id); // the encoding has no place for it
  });
}

BOOST_AUTO_TEST_CASE(the_go_library_can_read_what_is_written_here) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.data = {};
    co_await store.save_event(e);
    co_await store.save_snapshot(snapshot_of("order-1", 1));
    auto raw = co_await raw_client::connect();
    auto message = co_await raw.last_message(store.stream(), store.stream() + ".events.order.order-1");
    auto const parsed = json::parse(std::string_view(message.at("data").as_string()));
    auto const& fields = parsed.as_object();
    for (auto const* field : {"id", "eventType", "actorId", "timestamp"})
      BOOST_TEST(fields.at(field).is_string(), field);
    BOOST_TEST(fields.at("version").is_int64());
    BOOST_TEST(fields.at("data").is_object());
    BOOST_TEST(!fields.contains("commandId"));
    BOOST_TEST(!fields.contains("metadata"));
    message = co_await raw.last_message(store.stream(), store.stream() + ".snapshots.order.order-1");
    auto const snapshot = json::parse(std::string_view(message.at("data").as_string()));
    for (auto const* field : {"actorId", "version", "state", "timestamp"})
      BOOST_TEST(snapshot.as_object().contains(field), field);
  });
}

// Reads every event of the stream, then appends one with the expectation that this library sends, and fails to append
// one at a sequence that has passed.
constexpr char const* client_program = R"(
import asyncio, json, sys
import nats
from nats.js.errors import APIError

async def main(url, stream):
    nc = await nats.connect(url)
    js = nc.jetstream()
    sub = await js.subscribe(stream + ".events.>", ordered_consumer=True)
    events = []
    for _ in range(3):
        message = await sub.next_msg(timeout=10)
        event = json.loads(message.data)
        assert message.headers["Nats-Msg-Id"] == event["id"], message.headers
        events.append(event)
        last = message.metadata.sequence.stream
    assert [e["version"] for e in events] == [1, 2, 3], events
    assert all(e["actorId"] == "order-1" for e in events), events
    assert events[0]["data"] == {"amount": 1}, events
    subject = stream + ".events.order.order-1"
    new = {"id": "from-python", "eventType": "AmountChanged", "actorId": "order-1", "version": 4,
           "data": {"amount": 2.5, "big": 2**53 + 1, "text": "\u00e4\u20ac"}, "timestamp": "2024-05-06T07:08:09Z"}
    headers = {"Nats-Msg-Id": new["id"], "Nats-Expected-Last-Subject-Sequence": str(last)}
    ack = await js.publish(subject, json.dumps(new).encode(), headers=headers)
    assert ack.seq > last
    try:
        headers["Nats-Msg-Id"] = "too-late"
        await js.publish(subject, b"{}", headers=headers)
        raise SystemExit("a passed expectation was accepted")
    except APIError as e:
        assert e.err_code == 10071, e
    print("done")
    await nc.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
)";

BOOST_AUTO_TEST_CASE(an_independent_client_reads_and_writes, *boost::unit_test::precondition(has_nats_py)) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    co_await store.save_event(event_of("order-1", 2));
    co_await store.save_event(event_of("order-1", 3));
    temporary_directory const directory;
    auto const script = directory.path() / "client.py", output = directory.path() / "output";
    std::ofstream(script) << client_program;
    std::vector<std::string> command{nats_py_interpreter().string(), script.string(), shared_server().url(),
                                     store.stream()};
    child_process client(std::move(command), output);
    auto const exit_code = client.wait(scaled(std::chrono::seconds(60)));
    BOOST_TEST_REQUIRE((exit_code && *exit_code == 0), read_file(output));
    auto const events = co_await store.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 4u);
    BOOST_TEST(events[3].id == "from-python");
    BOOST_TEST(events[3].data.at("amount").as_double() == 2.5);
    BOOST_TEST(events[3].data.at("big").as_int64() == 9007199254740993);
    BOOST_TEST(events[3].data.at("text").as_string() == "\xc3\xa4\xe2\x82\xac");
    auto const outcome = co_await store.try_save_event(event_of("order-1", 4));
    BOOST_TEST(refused(outcome, 4));
  });
}

BOOST_AUTO_TEST_SUITE_END()
