// Dead letters: what a group gives up on is kept, listed, and can be retried or discarded.
#include <contract/groups.hpp>

#include <aether/json.hpp>

BOOST_AUTO_TEST_SUITE(dead_letters)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

using names = std::vector<std::string>;

awaitable<void> reject_one(event_group& group, std::string reason) {
  auto e = co_await group.next(soon());
  BOOST_TEST_REQUIRE(e.has_value());
  co_await e->reject(std::move(reason));
}

} // namespace

BOOST_DATA_TEST_CASE(beyond_max_attempts_an_event_is_a_dead_letter, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await save_some(store, "order-1", 1, 2);
    auto options = group_named("g");
    options.max_attempts = 3;
    auto group = co_await store.join_group(options);
    position where;
    event failing;
    bool other_came = false;
    for (unsigned attempt = 1; attempt <= 3; ++attempt) {
      auto e = co_await group.next(soon());
      BOOST_TEST_REQUIRE(e.has_value());
      if (e->event().version == 2) { // the other one came in between
        co_await e->acknowledge();
        other_came = true;
        --attempt;
        continue;
      }
      BOOST_TEST(e->attempt() == attempt);
      where = e->recorded().position();
      failing = e->event();
      co_await e->retry_later(0ns);
    }
    auto const rest = co_await take_all(group, other_came ? 0 : 1);
    BOOST_TEST(rest.size() == (other_came ? 0u : 1u));
    auto const letters = co_await letters_to_come(store, group, "g");
    BOOST_TEST_REQUIRE(letters.size() == 1u);
    auto const& letter = letters.front();
    BOOST_TEST(letter.group == "g");
    BOOST_TEST((letter.cause == dead_letter_cause::max_attempts));
    BOOST_TEST(letter.attempts == 3u);
    BOOST_TEST((letter.position == where));
    BOOST_TEST(letter.sequence == where.places().front().sequence);
    BOOST_TEST_REQUIRE(letter.event.has_value());
    BOOST_TEST((*letter.event == failing));
    BOOST_TEST((event_from_json(letter.bytes) == failing));
    BOOST_TEST((letter.given_up >= letter.stored));
  });
}

BOOST_DATA_TEST_CASE(one_that_never_ends_in_time_is_a_dead_letter, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await save_some(store, "order-1", 1, 1);
    auto options = group_named("g", 150ms);
    options.max_attempts = 2;
    auto group = co_await store.join_group(options);
    for (int i = 0; i < 2; ++i) {
      auto e = co_await group.next(soon());
      BOOST_TEST_REQUIRE(e.has_value());
    }
    auto const letters = co_await letters_to_come(store, group, "g");
    BOOST_TEST_REQUIRE(letters.size() == 1u);
    BOOST_TEST(letters.front().attempts == 2u);
  });
}

BOOST_DATA_TEST_CASE(reject_makes_one_at_once, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await save_some(store, "order-1", 1, 2);
    auto group = co_await store.join_group(group_named("g"));
    auto const reason = "no such customer: \"\xC3\xA4\"\r\nX: y" + std::string(3000, '.');
    co_await reject_one(group, reason);
    auto const rest = co_await take_all(group, 1);
    BOOST_TEST(rest == (names{"order-1/2"}), boost::test_tools::per_element());
    auto const letters = co_await letters_of(store, "g");
    BOOST_TEST_REQUIRE(letters.size() == 1u);
    BOOST_TEST((letters.front().cause == dead_letter_cause::rejected));
    BOOST_TEST(letters.front().reason == reason.substr(0, 1024));
    BOOST_TEST(letters.front().attempts == 1u);
  });
}

BOOST_DATA_TEST_CASE(a_retried_letter_is_handed_out_again, all_stores(), provider) {
  with_data(provider, [](store_data& d, boost::asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto const store = co_await d.open(context.get_executor(), settings);
    auto const administrator = co_await d.open(context.get_executor(), settings);
    co_await save_some(*store, "order-1", 1, 3);
    auto options = group_named("g");
    options.max_attempts = 2;
    auto group = co_await store->join_group(options);
    for (int i = 0; i < 3; ++i)
      co_await reject_one(group, "not now");
    auto const letters = co_await letters_of(*administrator, "g");
    BOOST_TEST_REQUIRE(letters.size() == 3u);
    BOOST_TEST(name_of(*letters[1].event) == "order-1/2");
    auto const retried = co_await administrator->retry_dead_letter(letters[1]);
    BOOST_TEST(retried);
    auto const left = co_await letters_of(*administrator, "g");
    BOOST_TEST(left.size() == 2u);
    auto e = co_await group.next(soon());
    BOOST_TEST_REQUIRE(e.has_value());
    BOOST_TEST(name_of(e->event()) == "order-1/2");
    BOOST_TEST(e->attempt() == 1u); // counted anew
    BOOST_TEST((e->recorded().position() == letters[1].position));
    co_await e->acknowledge();
    auto const none = co_await group.next(a_moment());
    BOOST_TEST(!none.has_value());
    auto const twice = co_await administrator->retry_dead_letter(letters[1]);
    BOOST_TEST(!twice);
    auto const discarded = co_await administrator->discard_dead_letter(letters[0]);
    BOOST_TEST(discarded);
    auto const again = co_await administrator->discard_dead_letter(letters[0]);
    BOOST_TEST(!again);
    auto const last = co_await letters_of(*administrator, "g");
    BOOST_TEST_REQUIRE(last.size() == 1u);
    BOOST_TEST(name_of(*last.front().event) == "order-1/3");
  });
}

BOOST_DATA_TEST_CASE(a_retried_letter_that_fails_is_one_again, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await save_some(store, "order-1", 1, 1);
    auto options = group_named("g");
    options.max_attempts = 2;
    auto group = co_await store.join_group(options);
    co_await reject_one(group, "first");
    for (auto const* reason : {"second", "third"}) { // at once: no window in which it is taken for a repetition
      auto const letters = co_await letters_of(store, "g");
      BOOST_TEST_REQUIRE(letters.size() == 1u);
      co_await store.retry_dead_letter(letters.front());
      auto const none = co_await letters_of(store, "g");
      BOOST_TEST(none.empty());
      co_await reject_one(group, reason);
      auto const back = co_await letters_of(store, "g");
      BOOST_TEST_REQUIRE(back.size() == 1u);
      BOOST_TEST(back.front().reason == reason);
      BOOST_TEST((back.front().position == letters.front().position));
    }
    auto const letters = co_await letters_of(store, "g");
    co_await store.retry_dead_letter(letters.front());
    for (int i = 0; i < 2; ++i) {
      auto e = co_await group.next(soon());
      BOOST_TEST_REQUIRE(e.has_value());
      co_await e->retry_later(0ns);
    }
    auto const back = co_await letters_to_come(store, group, "g");
    BOOST_TEST_REQUIRE(back.size() == 1u);
    BOOST_TEST((back.front().cause == dead_letter_cause::max_attempts));
    BOOST_TEST((back.front().position == letters.front().position));
  });
}

BOOST_DATA_TEST_CASE(letters_outlive_their_group, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    auto const nothing = co_await letters_of(store, "g");
    BOOST_TEST(nothing.empty());
    co_await save_some(store, "order-1", 1, 2);
    auto group = co_await store.join_group(group_named("g"));
    co_await reject_one(group, "one");
    co_await reject_one(group, "two");
    co_await store.delete_group("g");
    auto const letters = co_await letters_of(store, "g");
    BOOST_TEST_REQUIRE(letters.size() == 2u);
    co_await store.retry_dead_letter(letters.front());
    auto options = group_named("g");
    options.start = start_from::now();
    auto anew = co_await store.join_group(options); // the retry waits for it
    auto const got = co_await take_all(anew, 1);
    BOOST_TEST(got == (names{"order-1/1"}), boost::test_tools::per_element());
    auto const others = co_await letters_of(store, "other");
    BOOST_TEST(others.empty());
  });
}

BOOST_DATA_TEST_CASE(a_list_goes_on_behind_its_end, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await save_some(store, "order-1", 1, 2);
    auto group = co_await store.join_group(group_named("g"));
    auto list = store.dead_letters("g");
    auto letter = co_await list.next();
    BOOST_TEST(!letter.has_value());
    co_await reject_one(group, "one");
    letter = co_await list.next();
    BOOST_TEST_REQUIRE(letter.has_value());
    BOOST_TEST(letter->reason == "one");
    letter = co_await list.next();
    BOOST_TEST(!letter.has_value());
    co_await reject_one(group, "two");
    letter = co_await list.next();
    BOOST_TEST_REQUIRE(letter.has_value());
    BOOST_TEST(letter->reason == "two");
  });
}

BOOST_AUTO_TEST_SUITE_END()
