// Ids of any characters: they come back as they were, and no two actors ever meet.
#include <contract/contract.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(contract_ids)

using namespace aether;
using namespace aether::test;

namespace {

std::vector<std::string> odd_ids() {
  std::vector<std::string> ids{
      "order-1",
      "order",
      "-",
      "--",
      "-order",
      "order-",
      "order 1",
      "order_1",
      "order.1",
      "order*1",
      "order>1",
      "order%1",
      "order%201",
      "order%20",
      "order%2E1",
      "order%2e1",
      "order.%",
      ".",
      "..",
      "*",
      ">",
      "%",
      "%%",
      " ",
      "  ",
      "a.b-c.d",
      "a-b-c",
      "unknown",
      "unknown-1",
      "events",
      "$JS.API.INFO",
      "_INBOX.x",
      "\r\n",
      "x\r\nPUB y 0\r\n\r\n",
      "\t",
      "tab\tinside",
      "\x01",
      "\x7F",
      "ORDER-1",
      "\xC3\xA9",
      "e\xCC\x81", // the same letter, composed
      "\xE6\xB3\xA8\xE6\x96\x87-1",
      "\xF0\x9F\x98\x80",
      "\xEF\xBB\xBForder-1",
      "\"quoted\"",
      "back\\slash",
      "{}",
      "null",
      std::string(255, 'x'),
      std::string(254, 'x'),
      std::string(255, '.'),
      std::string(127, '.') + "-" + std::string(127, '.'),
  };
  for (int c = 1; c < 128; ++c)
    ids.push_back(std::string("byte-") + static_cast<char>(c));
  return ids;
}

BOOST_DATA_TEST_CASE(odd_actor_ids_round_trip_and_never_meet, all_stores(), provider) {
  std::vector<std::string> const ids = odd_ids();
  BOOST_TEST(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    std::int64_t version = 0;
    for (std::string const& id : ids) { // each at another version, so that whoever met another would be seen
      save_outcome const outcome = co_await store.try_save_event(event_of(id, ++version));
      BOOST_TEST(stored(outcome, version));
      co_await store.save_snapshot(snapshot_of(id, version));
    }
    version = 0;
    for (std::string const& id : ids) {
      ++version;
      std::vector<event> const events = co_await store.get_events(id);
      BOOST_TEST_REQUIRE(events.size() == 1u);
      BOOST_TEST(events[0].actor_id == id);
      BOOST_TEST(events[0].version == version);
      std::int64_t const latest = co_await store.latest_version(id);
      BOOST_TEST(latest == version);
      std::optional<event> const found = co_await store.find_event(id, version);
      BOOST_TEST((found && *found == events[0]));
      actor_snapshot const s = co_await store.latest_snapshot(id);
      BOOST_TEST(s.actor_id == id);
      BOOST_TEST(s.version == version);
    }
  });
}

BOOST_DATA_TEST_CASE(odd_event_ids_types_and_commands_round_trip, all_stores(), provider) {
  std::vector<std::string> const ids = odd_ids();
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    std::vector<event> expected;
    std::int64_t version = 0;
    for (std::string const& id : ids) {
      event e = event_of("order-1", ++version, id);
      e.event_type = id;
      e.command_id = id;
      save_outcome outcome = co_await store.try_save_event(e);
      BOOST_TEST(stored(outcome, version));
      outcome = co_await store.try_save_event(e);
      BOOST_TEST(already(outcome, version));
      expected.push_back(std::move(e));
    }
    std::vector<event> const events = co_await store.get_events("order-1");
    BOOST_TEST((events == expected));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
