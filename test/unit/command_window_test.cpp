// The last ids of an actor's commands: what is found, what is forgotten, and what a snapshot keeps.
#include "command_window.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(command_windows)

using aether::detail::command_place;
using aether::detail::command_window;

namespace {

std::optional<command_place> newest(command_window const& w, std::string_view id) {
  std::size_t before = 0;
  return w.find(command_window::hash_of(id), before);
}

std::string name(std::int64_t number) { return "c-" + std::to_string(number); }

command_window filled(std::int64_t ids) {
  command_window w;
  for (std::int64_t i = 1; i <= ids; ++i)
    w.add(name(i), i);
  return w;
}

// Snapshots of other releases hold these.
BOOST_AUTO_TEST_CASE(the_hash_stays_what_it_is) {
  BOOST_TEST(command_window::hash_of("c-1") == command_window::hash_of("c-1"));
  BOOST_TEST(command_window::hash_of("c-1") != command_window::hash_of("c-2"));
  BOOST_TEST(command_window::hash_of("c-1") == 2'824'965'226u);
}

BOOST_AUTO_TEST_CASE(what_was_added_is_found) {
  command_window w;
  BOOST_TEST(w.size() == 0u);
  BOOST_TEST(w.is_complete());
  BOOST_TEST(!newest(w, "c-1").has_value());
  w.add("", 1); // none
  BOOST_TEST(w.size() == 0u);
  w.add("c-1", 2);
  w.add("", 3);
  w.add("c-2", 4);
  BOOST_TEST((newest(w, "c-1") == command_place{2, command_window::hash_of("c-1"), 1}));
  BOOST_TEST((newest(w, "c-2") == command_place{4, command_window::hash_of("c-2"), 1}));
  BOOST_TEST(!newest(w, "").has_value());
  w.clear();
  BOOST_TEST(!newest(w, "c-1").has_value());
}

BOOST_AUTO_TEST_CASE(the_events_of_a_command_are_one_place) {
  command_window w;
  for (std::int64_t version = 5; version <= 7; ++version)
    w.add("c-1", version);
  BOOST_TEST(w.size() == 1u);
  BOOST_TEST((newest(w, "c-1") == command_place{7, command_window::hash_of("c-1"), 3}));
  w.add("c-1", 9); // another's stands between: a second place
  BOOST_TEST(w.size() == 2u);
  std::size_t before = 0;
  auto const hash = command_window::hash_of("c-1");
  BOOST_TEST((w.find(hash, before) == command_place{9, hash, 1}));
  BOOST_TEST((w.find(hash, before) == command_place{7, hash, 3}));
  BOOST_TEST(!w.find(hash, before).has_value());
}

BOOST_AUTO_TEST_CASE(the_oldest_is_forgotten_first) {
  auto const most = static_cast<std::int64_t>(command_window::most);
  for (std::int64_t ids : {std::int64_t(1), most - 1, most, most + 1, 2 * most, 2 * most + 5}) {
    auto const w = filled(ids);
    auto const forgotten = ids > most ? ids - most : 0;
    BOOST_TEST(w.size() == static_cast<std::size_t>(ids - forgotten));
    BOOST_TEST(w.is_complete() == (forgotten == 0), ids);
    for (std::int64_t i = 1; i <= ids; ++i) {
      auto const found = newest(w, name(i));
      BOOST_TEST(found.has_value() == (i > forgotten), i << " of " << ids);
      BOOST_TEST((!found || found->last_version == i));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_newest_of_a_full_ring_grows_in_place) {
  auto w = filled(40);
  w.add(name(40), 41);
  BOOST_TEST(w.size() == command_window::most);
  BOOST_TEST((newest(w, name(40)) == command_place{41, command_window::hash_of(name(40)), 2}));
  BOOST_TEST(newest(w, name(9)).has_value()); // nothing had to go for it
}

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_it) {
  for (std::int64_t ids : {0, 1, 31, 32, 33, 70}) {
    auto const w = filled(ids);
    command_window read;
    read.add("another", 99);
    BOOST_TEST_REQUIRE(read.from_json(w.to_json()));
    BOOST_TEST(read.to_json() == w.to_json());
    BOOST_TEST(!newest(read, "another").has_value());
    BOOST_TEST((newest(read, name(ids)) == newest(w, name(ids))));
    BOOST_TEST((w.is_complete() || !read.is_complete()), ids); // what was forgotten may have come
    read.add("one more", ids + 1);
    BOOST_TEST((newest(read, "one more")->last_version == ids + 1));
    BOOST_TEST(newest(read, name(ids)).has_value() == (ids > 0));
    BOOST_TEST(newest(read, name(ids > 31 ? ids - 31 : 0)).has_value() == false); // and the oldest goes
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_window_is_refused) {
  for (auto const* text :
       {"[1]", "[[]]", "[[1,2]]", "[[1,2,3,4]]", R"([["1",2,3]])", "[[1.5,2,3]]", "[[-1,2,3]]", "[[1,-2,3]]",
        "[[1,2,-3]]", "[[1,4294967296,3]]", "[[1,2,4294967296]]", "[[1,2,3],null]", "[[18446744073709551615,2,3]]"}) {
    command_window w;
    w.add("c-1", 1);
    BOOST_TEST(!w.from_json(boost::json::parse(text).as_array()), text);
    BOOST_TEST(w.size() == 0u, text);
    BOOST_TEST(w.is_complete(), text);
  }
  boost::json::array too_many(command_window::most + 1, boost::json::parse("[1,2,3]"));
  command_window w;
  BOOST_TEST(!w.from_json(too_many));
  too_many.pop_back();
  BOOST_TEST(w.from_json(too_many));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
