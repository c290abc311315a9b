// Which servers several replicas and batches are trusted with.
#include <nats/server_version.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(server_versions)

using namespace aether::nats::detail;

namespace {

bool replicas_are_safe(int api_level, char const* version) {
  server_facts f;
  f.api_level = api_level;
  f.version = parse_server_version(version);
  return f.replicas_are_safe();
}

} // namespace

BOOST_AUTO_TEST_CASE(versions_are_read) {
  BOOST_TEST((parse_server_version("2.10.27") == server_version{2, 10, 27, true}));
  BOOST_TEST((parse_server_version("v2.9.0") == server_version{2, 9, 0, true}));
  BOOST_TEST((parse_server_version("2.11.0-RC.2") == server_version{2, 11, 0, false}));
  BOOST_TEST((parse_server_version("2.11.0+build") == server_version{2, 11, 0, true}));
  for (char const* bad :
       {"", "2", "2.10", "2.10.", "2..1", "a.b.c", "2.10.x", "2.10.1x", "-2.1.1", "2.10.99999999999", " 2.1.1"})
    BOOST_TEST(!parse_server_version(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(versions_are_ordered) {
  char const* const rising[] = {"2.9.25",  "2.10.4",      "2.10.20-beta", "2.10.20",
                                "2.10.21", "2.11.0-RC.1", "2.11.0",       "3.0.0"};
  for (std::size_t i = 1; i != std::size(rising); ++i)
    BOOST_TEST((*parse_server_version(rising[i - 1]) < *parse_server_version(rising[i])), rising[i]);
}

BOOST_AUTO_TEST_CASE(replicas_need_proof) {
  BOOST_TEST(replicas_are_safe(1, ""));
  BOOST_TEST(replicas_are_safe(0, "2.10.20"));
  BOOST_TEST(replicas_are_safe(0, "2.10.27"));
  BOOST_TEST(!replicas_are_safe(0, ""));
  BOOST_TEST(!replicas_are_safe(0, "2.9.25"));
  BOOST_TEST(!replicas_are_safe(0, "2.10.19"));
  BOOST_TEST(!replicas_are_safe(0, "2.10.20-beta.1"));
}

BOOST_AUTO_TEST_CASE(batches_come_with_api_level_2) {
  server_facts f;
  BOOST_TEST(!f.may_have_batches());
  f.api_level = 1;
  BOOST_TEST(!f.may_have_batches());
  f.api_level = 2;
  BOOST_TEST(f.may_have_batches());
}

BOOST_AUTO_TEST_SUITE_END()
