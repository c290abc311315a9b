// Random UUIDs: form, uniqueness, threads and forks.
#include <aether/event.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(uuid)

BOOST_AUTO_TEST_CASE(it_is_a_version_4_uuid) {
  for (int n = 0; n < 1000; ++n) {
    std::string const id = aether::make_uuid();
    BOOST_TEST_REQUIRE(id.size() == 36u);
    for (std::size_t i = 0; i < id.size(); ++i) {
      bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
      std::string const allowed = dash ? "-" : i == 14 ? "4" : i == 19 ? "89ab" : "0123456789abcdef";
      BOOST_TEST_REQUIRE(allowed.find(id[i]) != std::string::npos, id << " at " << i);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_digit_varies) {
  std::vector<std::set<char>> seen(36);
  for (int n = 0; n < 2000; ++n) {
    std::string const id = aether::make_uuid();
    for (std::size_t i = 0; i < id.size(); ++i)
      seen[i].insert(id[i]);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    bool const fixed = i == 8 || i == 13 || i == 14 || i == 18 || i == 23;
    BOOST_TEST(seen[i].size() == (fixed ? 1u : i == 19 ? 4u : 16u), "digit " << i);
  }
}

BOOST_AUTO_TEST_CASE(threads_never_make_the_same_one) {
  std::array<std::vector<std::string>, 4> made;
  {
    std::vector<std::jthread> threads;
    for (auto& ids : made)
      threads.emplace_back([&ids] {
        for (int n = 0; n < 5000; ++n)
          ids.push_back(aether::make_uuid());
      });
  }
  std::set<std::string> all;
  for (auto const& ids : made)
    all.insert(ids.begin(), ids.end());
  BOOST_TEST(all.size() == 20'000u);
}

BOOST_AUTO_TEST_CASE(a_forked_child_goes_on_with_a_seed_of_its_own) {
  aether::make_uuid(); // the generator is seeded before the fork
  std::array<int, 2> ends{};
  BOOST_TEST_REQUIRE(::pipe(ends.data()) == 0);
  pid_t const child = ::fork();
  BOOST_TEST_REQUIRE(child >= 0);
  if (child == 0) {
    std::string const id = aether::make_uuid();
    bool const written = ::write(ends[1], id.data(), id.size()) == static_cast<ssize_t>(id.size());
    ::_exit(written ? 0 : 1);
  }
  int status = -1;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  std::string id(36, '\0');
  BOOST_TEST(::read(ends[0], id.data(), id.size()) == 36);
  ::close(ends[0]);
  ::close(ends[1]);
  BOOST_TEST(id != aether::make_uuid());
}

BOOST_AUTO_TEST_SUITE_END()
