// The version macros agree with each other.
#include <aether/version.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(version)

BOOST_AUTO_TEST_CASE(the_text_and_the_numbers_are_one_version) {
  auto const text = std::to_string(AETHER_VERSION_MAJOR) + '.' + std::to_string(AETHER_VERSION_MINOR) + '.' +
                    std::to_string(AETHER_VERSION_PATCH);
  BOOST_TEST(text == AETHER_VERSION_STRING);
}

BOOST_AUTO_TEST_CASE(versions_compare_as_numbers) {
  BOOST_TEST(AETHER_VERSION == AETHER_VERSION_MAJOR * 10000 + AETHER_VERSION_MINOR * 100 + AETHER_VERSION_PATCH);
  static_assert(AETHER_VERSION >= 100);
}

BOOST_AUTO_TEST_SUITE_END()
