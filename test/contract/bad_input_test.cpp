// Arguments that are refused: a clear error, nothing stored, and the store goes on.
#include <contract/contract.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(contract_bad_input)

using namespace aether;
using namespace aether::test;

namespace {

std::vector<std::string> bad_ids() {
  using namespace std::string_literals;
  return {""s, std::string(256, 'x'), "a\0b"s, "\0"s, "\xFF\xFE"s, "cut \xE2\x82"s, "overlong \xC0\xAF"s};
}

boost::json::object nested(int levels) {
  boost::json::object object;
  for (int i = 1; i < levels; ++i) {
    boost::json::object outer;
    outer["inner"] = std::move(object);
    object = std::move(outer);
  }
  return object;
}

// Refused with this error, and then a good event of the same actor is taken.
awaitable<void> refuses(event_store& store, event bad, errc why, save_options options = {}) {
  boost::system::error_code thrown = co_await error_of(store.try_save_event(bad, options));
  BOOST_TEST(thrown == make_error_code(why));
  thrown = co_await error_of(store.save_event(bad, options));
  BOOST_TEST(thrown == make_error_code(why));
  std::vector<event> batch;
  batch.push_back(std::move(bad));
  thrown = co_await error_of(store.try_save_events(batch, options));
  BOOST_TEST(thrown == make_error_code(why));
}

awaitable<void> still_works(event_store& store) {
  std::int64_t version = co_await store.latest_version("order-1");
  BOOST_TEST(version == 0);
  save_outcome const outcome = co_await store.try_save_event(event_of("order-1", 1));
  BOOST_TEST(stored(outcome, 1));
}

BOOST_DATA_TEST_CASE(ids_of_events, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    std::vector<std::string> const bad = bad_ids();
    for (std::string const& id : bad) {
      event e = event_of("order-1", 1);
      e.actor_id = id;
      co_await refuses(store, e, errc::invalid_id);
      e = event_of("order-1", 1);
      e.id = id;
      co_await refuses(store, e, errc::invalid_id);
      e = event_of("order-1", 1);
      e.event_type = id;
      co_await refuses(store, e, errc::invalid_id);
      e = event_of("order-1", 1);
      e.command_id = id;
      if (!id.empty())
        co_await refuses(store, e, errc::invalid_id);
    }
    co_await still_works(store);
  });
}

BOOST_DATA_TEST_CASE(the_message_names_field_and_value, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.event_type = "bad\r\n\xFFtype";
    std::string what;
    try {
      co_await store.save_event(e);
    } catch (error const& thrown) {
      what = thrown.what();
    }
    BOOST_TEST(what.find("event_type") != std::string::npos);
    BOOST_TEST(what.find("bad\\x0D\\x0A\\xFFtype") != std::string::npos);
    e = event_of("order-1", -3);
    try {
      co_await store.save_event(e);
    } catch (error const& thrown) {
      what = thrown.what();
    }
    BOOST_TEST(what.find("version is -3") != std::string::npos);
  });
}

BOOST_DATA_TEST_CASE(ids_of_reads_and_snapshots, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    auto const invalid = make_error_code(errc::invalid_id);
    std::vector<std::string> const bad = bad_ids();
    for (std::string const& id : bad) {
      boost::system::error_code thrown = co_await error_of(store.get_events(id));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.get_events_with_errors(id));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.latest_version(id));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.find_event(id, 1));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.find_latest_event(id));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.latest_snapshot(id));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.find_snapshot(id));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.save_snapshot(snapshot_of(id, 1)));
      BOOST_TEST(thrown == invalid);
    }
    co_await still_works(store);
  });
}

BOOST_DATA_TEST_CASE(versions_below_one, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    auto const invalid = make_error_code(errc::invalid_version);
    for (std::int64_t version : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
      co_await refuses(store, event_of("order-1", version), errc::invalid_version);
      boost::system::error_code thrown = co_await error_of(store.find_event("order-1", version));
      BOOST_TEST(thrown == invalid);
      thrown = co_await error_of(store.save_snapshot(snapshot_of("order-1", version)));
      BOOST_TEST(thrown == invalid);
      if (version < 0) {
        thrown = co_await error_of(store.get_events("order-1", version));
        BOOST_TEST(thrown == invalid);
      }
    }
    co_await still_works(store);
  });
}

BOOST_DATA_TEST_CASE(expectations_that_make_no_sense, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t expected : {-1, 3, 4})
      co_await refuses(store, event_of("order-1", 3), errc::invalid_version, expecting(expected));
    co_await still_works(store);
  });
}

BOOST_DATA_TEST_CASE(negative_timeouts, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    save_options saving;
    saving.timeout = std::chrono::nanoseconds(-1);
    call_options calling;
    calling.timeout = std::chrono::seconds(-1);
    co_await refuses(store, event_of("order-1", 1), errc::invalid_argument, saving);
    boost::system::error_code thrown = co_await error_of(store.get_events("order-1", 0, calling));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    thrown = co_await error_of(store.save_snapshot(snapshot_of("order-1", 1), calling));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    co_await still_works(store);
  });
}

BOOST_DATA_TEST_CASE(level_32_passes_and_level_33_is_too_deep, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.data = nested(33);
    co_await refuses(store, e, errc::data_too_deep);
    actor_snapshot s = snapshot_of("order-1", 1);
    s.state = nested(33);
    boost::system::error_code const thrown = co_await error_of(store.save_snapshot(s));
    BOOST_TEST(thrown == make_error_code(errc::data_too_deep));
    co_await still_works(store);
    e = event_of("order-1", 2);
    e.data = nested(32);
    co_await store.save_event(e);
    std::optional<event> const found = co_await store.find_latest_event("order-1");
    BOOST_TEST((found && *found == e));
    s.state = nested(32);
    co_await store.save_snapshot(s);
    actor_snapshot const latest = co_await store.latest_snapshot("order-1");
    BOOST_TEST((latest == s));
  });
}

BOOST_DATA_TEST_CASE(what_json_cannot_hold, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.data["value"] = std::numeric_limits<double>::infinity();
    co_await refuses(store, e, errc::invalid_argument);
    e.data["value"] = std::numeric_limits<double>::quiet_NaN();
    co_await refuses(store, e, errc::invalid_argument);
    e.data["value"] = "\xFF";
    co_await refuses(store, e, errc::invalid_argument);
    e = event_of("order-1", 1);
    e.metadata.set("key", "\xFF");
    co_await refuses(store, e, errc::invalid_argument);
    actor_snapshot s = snapshot_of("order-1", 1);
    s.state["value"] = "\xFF";
    boost::system::error_code const thrown = co_await error_of(store.save_snapshot(s));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    co_await still_works(store);
  });
}

BOOST_DATA_TEST_CASE(too_large, all_stores(), provider) {
  std::string const text(provider.too_large, 'x');
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.data["text"] = text;
    co_await refuses(store, e, errc::event_too_large);
    actor_snapshot s = snapshot_of("order-1", 1);
    s.state["text"] = text;
    boost::system::error_code const thrown = co_await error_of(store.save_snapshot(s));
    BOOST_TEST(thrown == make_error_code(errc::event_too_large));
    co_await still_works(store);
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
