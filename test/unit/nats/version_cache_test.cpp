// The version cache keeps what fits, forgets what was used least, and never drops an actor whose turn is taken.
#include "nats/save_operation.hpp"
#include "nats/store_core.hpp"
#include "nats/version_cache.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(version_cache_suite)

namespace {

using namespace aether::nats::detail;

void know(version_cache& cache, std::string const& actor, std::int64_t version) {
  auto& entry = cache.at(actor);
  entry.known = true;
  entry.version = version;
  cache.settle(entry);
}

} // namespace

BOOST_AUTO_TEST_CASE(finds_what_it_was_told) {
  version_cache cache(1 << 20);
  BOOST_TEST((cache.find("order-1") == nullptr));
  know(cache, "order-1", 7);
  BOOST_REQUIRE((cache.find("order-1") != nullptr));
  BOOST_TEST(cache.find("order-1")->version == 7);
  BOOST_TEST(cache.find("order-1")->actor_id() == "order-1");
  BOOST_TEST((cache.find("order-10") == nullptr));
}

BOOST_AUTO_TEST_CASE(an_entry_that_knows_nothing_is_not_kept) {
  version_cache cache(1 << 20);
  cache.settle(cache.at("order-1"));
  BOOST_TEST(cache.size() == 0u);
  BOOST_TEST(cache.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(stays_within_its_bytes_and_drops_the_least_recently_used) {
  version_cache one(1 << 20);
  know(one, "a-000", 1);
  auto const size = one.bytes();
  version_cache cache(10 * size);
  for (int i = 0; i < 10; ++i)
    know(cache, "a-00" + std::to_string(i), 1);
  BOOST_TEST(cache.size() == 10u);
  BOOST_REQUIRE((cache.find("a-000") != nullptr)); // used last now
  know(cache, "b-000", 1);
  BOOST_TEST(cache.size() == 10u);
  BOOST_TEST((cache.find("a-001") == nullptr));
  BOOST_TEST((cache.find("a-000") != nullptr));
  BOOST_TEST(cache.bytes() <= 10 * size);
  for (int i = 0; i < 100'000; ++i) {
    know(cache, "many-" + std::to_string(i) + std::string(i % 200, 'x'), i);
    BOOST_REQUIRE(cache.bytes() <= 10 * size);
  }
}

// Also when every one of them is used all the time; and none is lost or mixed up on the way.
BOOST_AUTO_TEST_CASE(keeps_what_is_used_among_what_passes_by) {
  version_cache cache(100'000);
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 50; ++i) {
      auto const name = "used-" + std::to_string(i);
      if (round > 0)
        BOOST_REQUIRE((cache.find(name) != nullptr && cache.find(name)->version == round - 1));
      know(cache, name, round);
    }
    for (int i = 0; i < 100; ++i)
      know(cache, "once-" + std::to_string(100 * round + i), 1);
    BOOST_REQUIRE(cache.bytes() <= 100'000u);
  }
  std::size_t seen = 0;
  cache.for_each([&](actor_entry& entry) { seen += cache.find(entry.actor_id()) == &entry; });
  BOOST_TEST(seen == cache.size());
  BOOST_TEST(seen > 300u);
}

BOOST_AUTO_TEST_CASE(an_entry_larger_than_the_bound_is_dropped_at_once) {
  version_cache cache(1);
  know(cache, "order-1", 1);
  BOOST_TEST(cache.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
