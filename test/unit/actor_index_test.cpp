// Which actors are in memory, which of them goes first, and who waits for one.
#include "actor_index.hpp"

#include <aether/detail/actor_templates.hpp>
#include <support/account.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(actor_indexes)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;
using test::account;

namespace {

struct other_account : account {};

aether::detail::actor_type const& type() { return actor_type_of<account>::instance(); }

std::string names(std::vector<actor_index::entry_ptr> const& entries) {
  std::string all;
  for (auto const& e : entries)
    all += e->id;
  return all;
}

std::shared_ptr<actor_call> command() {
  auto const c = std::make_shared<actor_call>();
  c->command = std::make_unique<actor_command_of<account, test::withdraw>>(std::in_place, 1);
  return c;
}
std::shared_ptr<actor_call> query() { return std::make_shared<actor_call>(); }

actor_index::entry_ptr idle(actor_index& index, actor_entry& entry, std::chrono::nanoseconds now, bool drop) {
  entry.used_at = now;
  return index.idle(entry, drop);
}

BOOST_AUTO_TEST_CASE(an_actor_is_one_of_its_type_and_id) {
  actor_index index(10);
  auto const a = index.use(type(), "a");
  BOOST_TEST(index.use(type(), "a") == a);
  BOOST_TEST(index.use(type(), "b") != a);
  BOOST_TEST(index.use(actor_type_of<other_account>::instance(), "a") != a);
  BOOST_TEST(index.size() == 3u);
  BOOST_TEST(!index.has_idle());
  BOOST_TEST(idle(index, *a, 1s, true) == a); // of no more use
  BOOST_TEST(index.size() == 2u);
  BOOST_TEST(index.use(type(), "a") != a);
}

BOOST_AUTO_TEST_CASE(those_idle_longest_go_first) {
  actor_index index(10);
  auto now = 1s;
  for (auto const* id : {"a", "b", "c", "d"}) {
    BOOST_TEST(!idle(index, *index.use(type(), id), now, false));
    now += 1s;
  }
  BOOST_TEST((index.idle_longest_since() == 1s));
  auto const b = index.use(type(), "b"); // from the middle
  auto const a = index.use(type(), "a"); // and the end
  BOOST_TEST((index.idle_longest_since() == 3s));
  BOOST_TEST(names(index.take_idle_since(3s - 1ns)) == "");
  BOOST_TEST(names(index.take_idle_since(3s)) == "c");
  BOOST_TEST(!idle(index, *a, now, false));
  BOOST_TEST(names(index.take_idle_since(1h)) == "da");
  BOOST_TEST(!index.has_idle());
  BOOST_TEST(index.size() == 1u); // in use
  BOOST_TEST(!idle(index, *b, now, false));
  auto const again = index.use(type(), "b"); // the only one
  BOOST_TEST(again == b);
  BOOST_TEST(!index.has_idle());
  BOOST_TEST(names(index.take_idle_since(1h)) == "");
}

BOOST_AUTO_TEST_CASE(too_many_push_out_the_one_idle_longest) {
  actor_index index(2);
  auto const a = index.use(type(), "a"), b = index.use(type(), "b"), c = index.use(type(), "c");
  BOOST_TEST(index.size() == 3u); // none of them can go
  BOOST_TEST(idle(index, *b, 1s, false) == b);
  BOOST_TEST(!idle(index, *c, 2s, false));
  BOOST_TEST(!idle(index, *a, 3s, false));
  BOOST_TEST(idle(index, *index.use(type(), "d"), 4s, false) == c);
  BOOST_TEST(index.size() == 2u);
  BOOST_TEST(names(index.take_idle_since(1h)) == "ad");
}

std::string order(actor_entry& e, std::vector<std::pair<actor_call*, char>> const& known) {
  std::string all;
  while (auto const c = e.pop_front())
    for (auto const& [call, letter] : known)
      if (call == c.get())
        all += letter;
  BOOST_TEST(e.commands + e.queries == 0u);
  BOOST_TEST(e.last == nullptr);
  return all;
}

BOOST_AUTO_TEST_CASE(calls_wait_in_order) {
  for (int removed = -1; removed < 4; ++removed) {
    actor_entry e(type(), "a");
    std::vector<std::shared_ptr<actor_call>> const calls{command(), query(), command(), query()};
    std::vector<std::pair<actor_call*, char>> known;
    for (std::size_t i = 0; i < calls.size(); ++i)
      known.emplace_back(calls[i].get(), static_cast<char>('a' + i));
    std::string expected = "abcd";
    e.push_back(calls[2]);
    e.push_back(calls[3]);
    e.push_front({calls[0], calls[1]});
    BOOST_TEST(e.queries == 2u);
    if (removed >= 0) {
      auto& call = *calls[static_cast<std::size_t>(removed)];
      BOOST_TEST(e.remove(call));
      BOOST_TEST((call.where == actor_call::place::nowhere));
      BOOST_TEST(!e.remove(call));
      expected.erase(static_cast<std::size_t>(removed), 1);
    }
    auto const behind = command(); // the end is where it should be
    e.push_back(behind);
    known.emplace_back(behind.get(), 'z');
    BOOST_TEST(order(e, known) == expected + "z");
    e.push_front({calls[0]});
    e.push_back(calls[1]);
    BOOST_TEST(order(e, known) == "ab");
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
