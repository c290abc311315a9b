// What is refused of a call's arguments, with which code, and that the text names field and value.
#include "store_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>

BOOST_AUTO_TEST_SUITE(store_checks)

using namespace aether;
using namespace aether::detail;

namespace {

event good(std::int64_t version = 1) {
  event e;
  e.id = "id-" + std::to_string(version);
  e.event_type = "Placed";
  e.actor_id = "order-1";
  e.version = version;
  return e;
}

std::vector<event> goods(std::int64_t first, std::int64_t last) {
  std::vector<event> events;
  for (std::int64_t version = first; version <= last; ++version)
    events.push_back(good(version));
  return events;
}

save_options expecting(std::int64_t version) {
  save_options options;
  options.expected_version = version;
  return options;
}

// The check throws this code, and its text has all these parts.
void refuses(errc code, std::vector<std::string> parts, std::function<void()> check) {
  try {
    check();
    BOOST_ERROR("nothing was refused");
  } catch (error const& e) {
    BOOST_TEST(e.code() == make_error_code(code));
    std::string const what = e.what();
    for (std::string const& part : parts)
      BOOST_TEST(what.find(part) != std::string::npos, "no " << part << " in: " << what);
  }
}

void refuses_event(errc code, std::vector<std::string> parts, std::function<void(event&)> change) {
  event e = good();
  change(e);
  refuses(code, std::move(parts), [&] { check_event(e); });
}

void refuses_batch(errc code, std::vector<std::string> parts, std::function<void(std::vector<event>&)> change,
                   version_policy policy = version_policy::increasing) {
  std::vector<event> batch = goods(1, 3);
  change(batch);
  refuses(code, std::move(parts), [&] { check_batch(batch, {}, policy); });
}

} // namespace

BOOST_AUTO_TEST_CASE(a_good_event_passes) {
  check_event(good());
  event e = good(std::numeric_limits<std::int64_t>::max());
  e.id = e.event_type = e.actor_id = e.command_id = std::string(255, 'x');
  check_event(e);
  check_save(e, expecting(std::numeric_limits<std::int64_t>::max() - 1));
  check_save(e, expecting(0));
}

BOOST_AUTO_TEST_CASE(ids_are_refused_by_name) {
  refuses_event(errc::invalid_id, {"actor_id is empty"}, [](event& e) { e.actor_id.clear(); });
  refuses_event(errc::invalid_id, {"id is empty"}, [](event& e) { e.id.clear(); });
  refuses_event(errc::invalid_id, {"event_type has 256 bytes", "255", "\"yyyy"},
                [](event& e) { e.event_type = std::string(256, 'y'); });
  refuses_event(errc::invalid_id, {"command_id", "\\x00"}, [](event& e) { e.command_id = std::string("a\0b", 3); });
  refuses_event(errc::invalid_id, {"actor_id", "UTF-8", "\\xFF"}, [](event& e) { e.actor_id = "\xFF"; });
}

BOOST_AUTO_TEST_CASE(a_long_id_is_not_repeated_whole) {
  event e = good();
  e.id = std::string(100'000, 'z');
  try {
    check_event(e);
    BOOST_ERROR("nothing was refused");
  } catch (error const& thrown) {
    BOOST_TEST(std::string(thrown.what()).size() < 300u);
  }
}

BOOST_AUTO_TEST_CASE(versions_are_refused) {
  refuses_event(errc::invalid_version, {"version is 0"}, [](event& e) { e.version = 0; });
  refuses_event(errc::invalid_version, {"version is -9223372036854775808"},
                [](event& e) { e.version = std::numeric_limits<std::int64_t>::min(); });
  refuses(errc::invalid_version, {"version is 0"}, [] { check_find("order-1", 0, {}); });
  refuses(errc::invalid_version, {"after_version is -1"}, [] { check_read("order-1", -1, {}); });
  check_read("order-1", 0, {});
  check_find("order-1", 1, {});
}

BOOST_AUTO_TEST_CASE(expectations_are_refused) {
  refuses(errc::invalid_version, {"expected_version is -1"}, [] { check_save(good(5), expecting(-1)); });
  refuses(errc::invalid_version, {"expected_version is 5", "5"}, [] { check_save(good(5), expecting(5)); });
  refuses(errc::invalid_version, {"expected_version is 6", "5"}, [] { check_save(good(5), expecting(6)); });
  refuses(errc::invalid_version, {"expected_version is 4", "4"},
          [] { check_batch(goods(4, 6), expecting(4), version_policy::increasing); });
  check_save(good(5), expecting(4));
  check_batch(goods(4, 6), expecting(3), version_policy::increasing);
}

BOOST_AUTO_TEST_CASE(negative_timeouts_are_refused) {
  call_options calling;
  calling.timeout = std::chrono::nanoseconds(-1);
  save_options saving;
  saving.timeout = std::chrono::nanoseconds(-1);
  refuses(errc::invalid_argument, {"timeout", "-1 ns"}, [&] { check_actor("order-1", calling); });
  refuses(errc::invalid_argument, {"timeout"}, [&] { check_save(good(), saving); });
  refuses(errc::invalid_argument, {"timeout"}, [&] { check_batch(goods(1, 2), saving, version_policy::increasing); });
  refuses(errc::invalid_argument, {"timeout"}, [&] { check_snapshot(make_snapshot("order-1", 1), calling); });
}

BOOST_AUTO_TEST_CASE(batches_are_refused) {
  auto const policy = version_policy::increasing;
  refuses_batch(errc::invalid_batch, {"batch is empty"}, [](auto& batch) { batch.clear(); });
  refuses_batch(errc::invalid_batch, {"1001 events", "1000"}, [](auto& batch) { batch = goods(1, 1001); });
  refuses_batch(errc::invalid_batch, {"batch[2]", "\"order-2\"", "\"order-1\""},
                [](auto& batch) { batch[2].actor_id = "order-2"; });
  refuses_batch(errc::invalid_batch, {"batch[1].version is 1"}, [](auto& batch) { batch[1].version = 1; });
  refuses_batch(errc::invalid_batch, {"batch[2].version is 1"}, [](auto& batch) { batch[2].version = 1; });
  refuses_batch(errc::duplicate_event_id, {"\"id-1\""}, [](auto& batch) { batch[2].id = batch[0].id; });
  refuses_batch(errc::invalid_id, {"batch[1].event_type is empty"}, [](auto& batch) { batch[1].event_type.clear(); });
  refuses_batch(errc::invalid_version, {"batch[0].version is 0"}, [](auto& batch) { batch[0].version = 0; });
  check_batch(goods(1, 1000), {}, policy);
  check_batch(goods(7, 7), {}, policy);
}

BOOST_AUTO_TEST_CASE(a_gap_is_refused_where_versions_are_contiguous) {
  auto const gap = [](std::vector<event>& batch) { batch[2].version = 4; };
  refuses_batch(errc::invalid_batch, {"batch[2].version is 4", "2", "contiguous"}, gap, version_policy::contiguous);
  std::vector<event> batch = goods(1, 3);
  check_batch(batch, {}, version_policy::contiguous);
  gap(batch);
  check_batch(batch, {}, version_policy::increasing);
  check_batch(batch, expecting(0), version_policy::contiguous); // an expectation stands in the policy's place
}

BOOST_AUTO_TEST_CASE(snapshots_are_refused) {
  refuses(errc::invalid_id, {"actor_id is empty"}, [] { check_snapshot(make_snapshot("", 1), {}); });
  refuses(errc::invalid_version, {"version is 0"}, [] { check_snapshot(make_snapshot("order-1", 0), {}); });
  check_snapshot(make_snapshot("order-1", 1), {});
}

BOOST_AUTO_TEST_SUITE_END()
