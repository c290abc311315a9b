// Stored messages that are no well-formed event: reported, skipped where that was asked for, and never in the way.
#include <integration/store_support.hpp>

BOOST_AUTO_TEST_SUITE(store_malformed, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using nats::jetstream_event_store;

namespace {

struct bad_event {
  std::string text;
  std::string field; ///< that the reason names
};

bad_event bad(std::string field, std::string from, std::string to) {
  std::string text = R"({"id":"x-1","eventType":"T","actorId":"order-1","version":9,"data":{},)"
                     R"("metadata":{"userId":"u"},"timestamp":"2024-05-06T07:08:09Z"})";
  text.replace(text.find(from), from.size(), to);
  return {std::move(text), std::move(field)};
}

std::vector<bad_event> bad_events() {
  std::vector<bad_event> all{
      {"", ""},   {"not JSON", ""},        {"[]", ""},           {"42", ""}, {"null", ""},
      {"{}", ""}, {"{\"id\":\"x-1\"", ""}, {"\x01\xff\xfe", ""},
  };
  std::vector<std::pair<std::string, std::string>> const fields{{"id", "\"id\":\"x-1\","},
                                                                {"eventType", "\"eventType\":\"T\","},
                                                                {"actorId", "\"actorId\":\"order-1\","},
                                                                {"version", "\"version\":9,"},
                                                                {"data", "\"data\":{},"}};
  for (auto const& [name, text] : fields) {
    all.push_back(bad(name, text, ""));
    all.push_back(bad(name, text, "\"" + name + "\":[],"));
  }
  all.push_back(bad("timestamp", ",\"timestamp\":\"2024-05-06T07:08:09Z\"", ""));
  all.push_back(bad("timestamp", "\"2024-05-06T07:08:09Z\"", "\"yesterday\""));
  all.push_back(bad("timestamp", "\"2024-05-06T07:08:09Z\"", "1714979289"));
  for (std::string const version : {"0", "-1", "1.5", "\"9\"", "9223372036854775808"})
    all.push_back(bad("version", "\"version\":9", "\"version\":" + version));
  all.push_back(bad("metadata", "{\"userId\":\"u\"}", "{\"userId\":5}"));
  all.push_back(bad("metadata", "{\"userId\":\"u\"}", "[]"));
  all.push_back(bad("actorId", "order-1", "order-2"));
  all.push_back(bad("nested deeper", "\"data\":{}", "\"data\":" + std::string(40, '[') + std::string(40, ']')));
  return all;
}

std::string subject_of(jetstream_event_store const& store, std::string const& actor) {
  return store.stream() + ".events.order." + actor;
}

} // namespace

BOOST_AUTO_TEST_CASE(each_is_counted_whoever_meets_it) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await store.save_event(event_of("order-1", 1));
    co_await raw.publish(subject_of(store, "order-1"), "not JSON");
    co_await raw.publish(subject_of(store, "order-1"), "{}");
    co_await store.get_events("order-1");
    BOOST_TEST(store.metrics().malformed_messages == 2u);
    co_await store.get_events_with_errors("order-1");
    BOOST_TEST(store.metrics().malformed_messages == 4u);
    auto reader = store.read_events("order-1");
    auto e = co_await reader.next();
    while (e)
      e = co_await reader.next();
    BOOST_TEST(store.metrics().malformed_messages == 6u);
    auto subscription = co_await store.subscribe();
    auto item = co_await subscription.next();
    while (!std::holds_alternative<caught_up>(*item))
      item = co_await subscription.next();
    BOOST_TEST(store.metrics().malformed_messages == 8u);
  });
}

BOOST_AUTO_TEST_CASE(each_is_reported_with_sequence_bytes_and_cause) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await store.save_event(event_of("order-1", 1));
    auto const all = bad_events();
    std::vector<std::uint64_t> sequences;
    for (auto const& b : all) {
      auto const sequence = co_await raw.publish(subject_of(store, "order-1"), b.text);
      sequences.push_back(sequence);
    }
    auto other = co_await open_store(store.stream_name());
    co_await other.save_event(event_of("order-1", 2));
    auto const read = co_await other.get_events_with_errors("order-1");
    BOOST_TEST(read.events.size() == 2u);
    BOOST_TEST_REQUIRE(read.errors.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      BOOST_TEST_CONTEXT(all[i].text << ": " << read.errors[i].reason) {
        BOOST_TEST(read.errors[i].sequence == sequences[i]);
        BOOST_TEST(read.errors[i].raw_data == all[i].text);
        BOOST_TEST(read.errors[i].error == errc::malformed_event);
        BOOST_TEST(!read.errors[i].reason.empty());
        BOOST_TEST(contains(read.errors[i].reason, all[i].field));
      }
    auto const versions = co_await versions_of(other, "order-1"); // skips them
    std::vector<std::int64_t> const expected{1, 2};
    BOOST_TEST(versions == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(one_that_is_last_blocks_nothing) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    std::int64_t version = 0;
    int actor_number = 0;
    for (auto const& b : bad_events()) {
      auto const actor = "order-1"; // the same actor gathers them all
      version += 2;
      co_await store.save_event(event_of(actor, version));
      co_await raw.publish(subject_of(store, actor), b.text);
      auto fresh = co_await open_store(store.stream_name());
      BOOST_TEST_CONTEXT(b.text) {
        auto const current = co_await fresh.latest_version(actor);
        BOOST_TEST(current == version);
        auto const latest = co_await fresh.find_latest_event(actor);
        BOOST_TEST((latest && latest->version == version));
        auto outcome = co_await fresh.try_save_event(event_of(actor, version));
        BOOST_TEST(refused(outcome, version));
        outcome = co_await store.try_save_event(event_of(actor, version + 1)); // whose cache says otherwise
        BOOST_TEST(stored(outcome, version + 1));
      }
      ++version;
      // The only message of an actor.
      auto const alone = "order-a" + std::to_string(++actor_number);
      co_await raw.publish(subject_of(store, alone), b.text);
      auto const none = co_await fresh.latest_version(alone);
      BOOST_TEST(none == 0);
      save_options const first = expecting(0);
      auto const outcome = co_await fresh.try_save_event(event_of(alone, 1), first);
      BOOST_TEST(stored(outcome, 1));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_long_row_of_them_hides_no_event) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    event const last = event_of("order-1", 7);
    co_await store.save_event(event_of("order-1", 3));
    co_await store.save_event(last);
    for (int i = 0; i < 60; ++i) {
      co_await raw.publish(subject_of(store, "order-1"), "bad " + std::to_string(i));
      co_await raw.publish(subject_of(store, "order-2"), "of another actor");
    }
    auto fresh = co_await open_store(store.stream_name());
    auto const current = co_await fresh.latest_version("order-1");
    BOOST_TEST(current == 7);
    auto outcome = co_await fresh.try_save_event(last);
    BOOST_TEST(already(outcome, 7));
    auto found = co_await fresh.find_event("order-1", 3);
    BOOST_TEST((found && found->version == 3));
    found = co_await fresh.find_event("order-1", 5);
    BOOST_TEST(!found.has_value());
    outcome = co_await fresh.try_save_event(event_of("order-1", 8));
    BOOST_TEST(stored(outcome, 8));
    found = co_await fresh.find_event("order-1", 7);
    BOOST_TEST((found && found->id == last.id));
    auto const read = co_await fresh.get_events_with_errors("order-1");
    BOOST_TEST(read.events.size() == 3u);
    BOOST_TEST(read.errors.size() == 60u);
  });
}

BOOST_AUTO_TEST_CASE(an_event_out_of_order_is_reported_and_not_taken_for_history) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await store.save_event(event_of("order-1", 5));
    for (std::int64_t const version : {5, 3}) // a writer that sends no expectation
      co_await raw.publish(subject_of(store, "order-1"), go_event("late", "order-1", version, "{}"));
    auto fresh = co_await open_store(store.stream_name());
    co_await raw.publish(subject_of(store, "order-1"), go_event("next", "order-1", 6, "{}"));
    auto const read = co_await fresh.get_events_with_errors("order-1");
    BOOST_TEST(read.events.size() == 2u);
    BOOST_TEST_REQUIRE(read.errors.size() == 2u);
    BOOST_TEST(contains(read.errors[0].reason, "version"));
    auto const outcome = co_await fresh.try_save_event(event_of("order-1", 7));
    BOOST_TEST(stored(outcome, 7));
  });
}

BOOST_AUTO_TEST_CASE(what_json_leaves_open_is_read) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await raw.publish(subject_of(store, "order-1"),
                         " \r\n{\"unknown\":[1,{\"a\":null}],\"version\":1,\"timestamp\":\"2024-05-06T07:08:09+14:00\","
                         "\"data\":null,\"actorId\":\"order-1\",\"metadata\":null,\"commandId\":null,"
                         "\"eventType\":\"T\\u00e4\",\"id\":\"x\"}\n ");
    auto const events = co_await store.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 1u);
    BOOST_TEST(events[0].event_type == "T\xc3\xa4");
    BOOST_TEST(events[0].data.empty());
    BOOST_TEST(events[0].metadata.empty());
  });
}

BOOST_AUTO_TEST_SUITE_END()
