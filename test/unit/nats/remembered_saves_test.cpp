// Saves of unknown outcome are found by their identity, expire with the stream, and say so when one was lost.
#include "nats/remembered_saves.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(remembered_saves_suite)

namespace {

using namespace std::chrono_literals;
using aether::nats::detail::remembered_save;
using aether::nats::detail::remembered_saves;

remembered_save save(std::string actor, std::int64_t version, std::string id, std::uint64_t sequence) {
  remembered_save s;
  s.save.actor_id = std::move(actor);
  s.save.version = version;
  s.save.event_id = std::move(id);
  s.sequence = sequence;
  s.since = std::chrono::steady_clock::now();
  return s;
}

} // namespace

BOOST_AUTO_TEST_CASE(finds_only_the_same_event) {
  remembered_saves saves(10, 0ns);
  BOOST_TEST(saves.empty());
  saves.remember(save("a", 3, "id", 17));
  BOOST_TEST(!saves.empty());
  BOOST_REQUIRE(saves.find("a", 3, "id").has_value());
  BOOST_TEST(saves.find("a", 3, "id")->sequence == 17u);
  BOOST_TEST(!saves.find("a", 4, "id"));
  BOOST_TEST(!saves.find("a", 3, "other"));
  BOOST_TEST(!saves.find("b", 3, "id"));
  BOOST_TEST(saves.all().size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_under_way_is_open_and_not_yet_to_be_resolved) {
  remembered_saves saves(10, 0ns);
  saves.note_under_way(save("a", 3, "id", 0).save);
  BOOST_TEST(saves.is_open("a", 3, "id"));
  BOOST_TEST(!saves.is_open("a", 3, "other"));
  BOOST_TEST(!saves.find("a", 3, "id"));
  saves.ended("a", 3, "id");
  BOOST_TEST(saves.empty());
  saves.note_under_way(save("a", 3, "id", 0).save);
  saves.remember(save("a", 3, "id", 17)); // it has ended unknown
  saves.ended("a", 3, "id");              // what came too late takes nothing back
  BOOST_REQUIRE(saves.find("a", 3, "id").has_value());
  saves.note_under_way(save("a", 3, "id", 0).save);
  BOOST_TEST(saves.find("a", 3, "id")->sequence == 17u);
  BOOST_TEST(saves.is_open("a", 3, "id"));
}

BOOST_AUTO_TEST_CASE(identity_does_not_run_together) {
  remembered_saves saves(10, 0ns);
  saves.remember(save("a", 1, "bc", 1));
  BOOST_TEST(!saves.find("ab", 1, "c"));
}

BOOST_AUTO_TEST_CASE(remembering_again_replaces_and_forgetting_removes) {
  remembered_saves saves(10, 0ns);
  saves.remember(save("a", 1, "id", 1));
  saves.remember(save("a", 1, "id", 9));
  BOOST_TEST(saves.all().size() == 1u);
  BOOST_TEST(saves.find("a", 1, "id")->sequence == 9u);
  saves.forget("a", 1, "id");
  BOOST_TEST(saves.empty());
  BOOST_TEST(!saves.find("a", 1, "id"));
  saves.forget("a", 1, "id");
  BOOST_TEST(!saves.is_forgetful());
}

BOOST_AUTO_TEST_CASE(beyond_its_bound_the_oldest_goes_and_it_is_forgetful_from_then_on) {
  remembered_saves saves(2, 0ns);
  saves.remember(save("a", 1, "1", 1));
  BOOST_TEST(!saves.remember(save("a", 2, "2", 2)));
  BOOST_TEST(!saves.remember(save("a", 2, "2", 5))); // the same once more
  BOOST_TEST(!saves.is_forgetful());
  auto const dropped = saves.remember(save("a", 3, "3", 3));
  BOOST_TEST_REQUIRE(dropped.has_value());
  BOOST_TEST(dropped->event_id == "1");
  BOOST_TEST(dropped->version == 1);
  BOOST_TEST(saves.is_forgetful());
  BOOST_TEST(saves.all().size() == 2u);
  BOOST_TEST(!saves.find("a", 1, "1"));
  BOOST_TEST(saves.find("a", 2, "2").has_value());
  BOOST_TEST(!saves.forget("a", 1, "1"));
  BOOST_TEST(saves.forget("a", 2, "2"));
  BOOST_TEST(!saves.forget("a", 2, "2"));
}

BOOST_AUTO_TEST_CASE(what_is_older_than_the_retention_is_gone_and_no_loss) {
  remembered_saves saves(10, 1h);
  auto old = save("a", 1, "id", 1);
  old.since -= 2h;
  saves.remember(old);
  BOOST_TEST(!saves.find("a", 1, "id"));
  BOOST_TEST(saves.empty());
  BOOST_TEST(!saves.is_forgetful());
}

BOOST_AUTO_TEST_SUITE_END()
