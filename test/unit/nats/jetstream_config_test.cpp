// A store's options: their defaults, and the nonsense that validate() refuses by name.
#include <aether/nats/jetstream_config.hpp>
#include <nats/config_defaults.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>
#include <ostream>

BOOST_AUTO_TEST_SUITE(jetstream_config_options)

using namespace aether::nats;
using namespace std::chrono_literals;
using aether::errc;

namespace {

using change = std::function<void(jetstream_config&)>;

struct refused_config {
  char const* name;  ///< what the text must name
  char const* value; ///< and show
  change set;
};
std::ostream& operator<<(std::ostream& out, refused_config const& r) { return out << r.name << " = " << r.value; }

auto const minus_one = std::numeric_limits<std::size_t>::max();

refused_config const refused[] = {
    {"stream_retention", "-1 s", [](auto& c) { c.stream_retention = -1s; }},
    {"stream_retention", "5 s", [](auto& c) { c.stream_retention = 5s; }}, // below the default timeout
    {"stream_retention", "1 min", [](auto& c) { c.stream_retention = 1min, c.duplicate_window = 2min; }},
    {"stream_retention", "50 ms", [](auto& c) { c.stream_retention = 50ms, c.operation_timeout = 10ms; }},
    {"stream_retention", "365 days", [](auto& c) { c.operation_timeout = 366 * 24h; }},
    {"duplicate_window", "-1 ns", [](auto& c) { c.duplicate_window = -1ns; }},
    {"duplicate_window", "99 ms", [](auto& c) { c.duplicate_window = 99ms; }},
    {"operation_timeout", "-10 s", [](auto& c) { c.operation_timeout = -10s; }},
    {"request_timeout", "-1 ms", [](auto& c) { c.request_timeout = -1ms; }},
    {"request_timeout", "11 s", [](auto& c) { c.request_timeout = 11s; }},
    {"replica_count", "-1", [](auto& c) { c.replica_count = -1; }},
    {"replica_count", "6", [](auto& c) { c.replica_count = 6; }},
    {"name_space", "\"a.b\"", [](auto& c) { c.name_space = "a.b"; }},
    {"name_space", "\"a\\x0D\\x0Ab\"", [](auto& c) { c.name_space = "a\r\nb"; }},
    {"api_prefix", "\"$JS.API.\"", [](auto& c) { c.api_prefix = "$JS.API."; }},
    {"api_prefix", "\"a..b\"", [](auto& c) { c.api_prefix = "a..b"; }},
    {"api_prefix", "\"a.>\"", [](auto& c) { c.api_prefix = "a.>"; }},
    {"api_prefix", "aaaa", [](auto& c) { c.api_prefix = std::string(201, 'a'); }},
    {"domain", "\"a.b\"", [](auto& c) { c.domain = "a.b"; }},
    {"domain", "\" \"", [](auto& c) { c.domain = " "; }},
    {"domain", "\"hub\"", [](auto& c) { c.domain = "hub", c.api_prefix = "$JS.API"; }},
    {"max_stream_bytes", "-1", [](auto& c) { c.max_stream_bytes = minus_one; }},
    {"max_waiting_saves", "-1", [](auto& c) { c.max_waiting_saves = minus_one; }},
    {"max_saves_in_flight", "-1", [](auto& c) { c.max_saves_in_flight = minus_one; }},
    {"version_cache_bytes", "-1", [](auto& c) { c.version_cache_bytes = minus_one; }},
    {"max_remembered_saves", "-1", [](auto& c) { c.max_remembered_saves = minus_one; }},
    {"max_history_events", "-1", [](auto& c) { c.max_history_events = minus_one; }},
    {"max_history_bytes", "-1", [](auto& c) { c.max_history_bytes = minus_one; }},
    {"read_batch_bytes", "-1", [](auto& c) { c.read_batch_bytes = minus_one; }},
    {"strands", "-1", [](auto& c) { c.strands = minus_one; }},
    {"strands", "1025", [](auto& c) { c.strands = 1025; }},
    {"on_existing", "7", [](auto& c) { c.on_existing = static_cast<existing_stream>(7); }},
    {"version_policy", "7", [](auto& c) { c.version_policy = static_cast<aether::version_policy>(7); }},
    {"subject_encoding", "7", [](auto& c) { c.subject_encoding = static_cast<subject_encoding>(7); }},
};

change const accepted[] = {
    [](auto&) {},
    [](auto& c) { c.stream_retention = retention::forever; },
    [](auto& c) { c.stream_retention = 10s; }, // the window's default shrinks with it
    [](auto& c) { c.stream_retention = 2min, c.duplicate_window = 2min; },
    [](auto& c) { c.operation_timeout = 1s; }, // and so does request_timeout's
    [](auto& c) { c.replica_count = 5; },
    [](auto& c) { c.name_space = "tenant-1_a"; },
    [](auto& c) { c.domain = "hub"; },
    [](auto& c) { c.api_prefix = "from.hub.$JS.API"; },
    [](auto& c) { c.strands = 1, c.max_saves_in_flight = 1, c.version_cache_bytes = 1, c.max_waiting_saves = 1; },
};

} // namespace

BOOST_DATA_TEST_CASE(nonsense_is_refused_by_name, boost::unit_test::data::make(refused), row) {
  jetstream_config config;
  row.set(config);
  BOOST_CHECK_EXCEPTION(config.validate(), aether::error, [&](aether::error const& e) {
    std::string const text = e.what();
    return e.code() == errc::invalid_argument &&
           text.find("jetstream_config::" + std::string(row.name) + " is ") == 0 &&
           text.find(row.value) != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(sense_is_accepted) {
  for (auto const& set : accepted) {
    jetstream_config config;
    set(config);
    BOOST_CHECK_NO_THROW(config.validate());
    BOOST_CHECK_NO_THROW(detail::resolved(config).validate());
  }
}

BOOST_AUTO_TEST_CASE(the_defaults) {
  auto const c = detail::resolved({});
  BOOST_TEST((c.stream_retention == 365 * 24h));
  BOOST_TEST(c.replica_count == 1);
  BOOST_TEST((c.operation_timeout == 10s));
  BOOST_TEST((c.request_timeout == 2s));
  BOOST_TEST((c.duplicate_window == 2min));
  BOOST_TEST(c.api_prefix == "$JS.API");
  BOOST_TEST(c.max_stream_bytes == 0u);
  BOOST_TEST(c.max_waiting_saves == 65'536u);
  BOOST_TEST(c.version_cache_bytes == 64u * 1024 * 1024);
  BOOST_TEST(c.max_history_events == 1'000'000u);
  BOOST_TEST(c.max_history_bytes == 256u * 1024 * 1024);
  for (auto const size : {c.max_saves_in_flight, c.max_remembered_saves, c.read_batch_bytes, c.strands})
    BOOST_TEST(size != 0u);
}

BOOST_AUTO_TEST_CASE(what_is_given_stays) {
  jetstream_config given;
  given.stream_retention = 1min;
  given.operation_timeout = 1s;
  given.replica_count = 3;
  given.domain = "hub";
  given.strands = 2;
  auto const c = detail::resolved(given);
  BOOST_TEST((c.stream_retention == 1min));
  BOOST_TEST((c.duplicate_window == 1min));
  BOOST_TEST((c.operation_timeout == 1s));
  BOOST_TEST((c.request_timeout == 1s));
  BOOST_TEST(c.replica_count == 3);
  BOOST_TEST(c.api_prefix == "$JS.hub.API");
  BOOST_TEST(c.strands == 2u);
  BOOST_TEST(detail::resolved(c).api_prefix == "$JS.hub.API");
}

BOOST_AUTO_TEST_SUITE_END()
