// What a decider may return, and what makes a type one.
#include <aether/decision.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(decision_)

namespace {

struct opened {
  int by = 0;
};
struct shut {};
struct open_it {
  int who = 0;
};
struct shut_it {};
struct paint_it {};

struct door {
  struct state {
    bool open = false;
  };
  using event = std::variant<opened, shut>;

  static aether::decision<event> decide(open_it const& c, state const& s) {
    if (s.open)
      return aether::rejection("already_open", "go through");
    return opened{c.who};
  }
  static shut decide(shut_it const&, state const&) { return {}; } // what a decision is made of will do, too
  static void evolve(state& s, opened const&) { s.open = true; }
  static void evolve(state& s, shut const&) { s.open = false; }
};

struct forgets_shut {
  using state = door::state;
  using event = door::event;
  static void evolve(state&, opened const&) {}
};
struct has_no_variant {
  using state = door::state;
  using event = opened;
  static void evolve(state&, opened const&) {}
};
struct state_cannot_be_copied {
  using state = std::unique_ptr<int>;
  using event = std::variant<opened>;
  static void evolve(state&, opened const&) {}
};

static_assert(aether::decider<door>);
static_assert(!aether::decider<forgets_shut> && !aether::decider<has_no_variant>);
static_assert(!aether::decider<state_cannot_be_copied> && !aether::decider<int>);
static_assert(aether::handles<door, open_it> && aether::handles<door, shut_it>);
static_assert(!aether::handles<door, paint_it> && !aether::handles<forgets_shut, open_it>);

using decision = aether::decision<door::event>;
static_assert(std::is_convertible_v<opened, decision> && std::is_convertible_v<door::event, decision>);
static_assert(std::is_convertible_v<std::vector<door::event>, decision>);
static_assert(!std::is_convertible_v<open_it, decision> && !std::is_default_constructible_v<decision>);

} // namespace

BOOST_AUTO_TEST_CASE(is_made_of_an_event) {
  decision const d = door::decide(open_it{4}, {});
  BOOST_TEST(!d.is_rejected());
  BOOST_TEST(d.events().size() == 1u);
  BOOST_TEST(std::get<opened>(d.events().at(0)).by == 4);
  BOOST_CHECK_THROW(d.reason(), std::bad_variant_access);
}

BOOST_AUTO_TEST_CASE(is_made_of_several_in_their_order) {
  decision const d = decision::of(shut{}, opened{1}, door::event(shut{}));
  BOOST_TEST(d.events().size() == 3u);
  BOOST_TEST(std::holds_alternative<opened>(d.events().at(1)));
  BOOST_TEST(decision::of().events().empty());
  std::vector<door::event> const many(5, opened{2});
  BOOST_TEST(decision(many).events().size() == 5u);
}

BOOST_AUTO_TEST_CASE(is_made_of_none) {
  decision const d = aether::no_events;
  BOOST_TEST(!d.is_rejected());
  BOOST_TEST(d.events().empty());
}

BOOST_AUTO_TEST_CASE(is_made_of_a_rejection) {
  door::state open;
  open.open = true;
  decision const d = door::decide(open_it{}, open);
  BOOST_TEST(d.is_rejected());
  BOOST_TEST((d.reason() == aether::rejection("already_open", "go through")));
  BOOST_TEST((d.reason() != aether::rejection("already_open")));
  BOOST_CHECK_THROW(d.events(), std::bad_variant_access);
}

BOOST_AUTO_TEST_CASE(a_rejected_command_says_which_and_why) {
  aether::command_rejected const both(aether::rejection("already_open", "go through"), "actor door-1, version 3");
  BOOST_TEST((both.code() == aether::errc::command_rejected));
  BOOST_TEST(std::string(both.what()).starts_with("actor door-1, version 3: already_open: go through"));
  BOOST_TEST(both.reason().code == "already_open");
  aether::command_rejected const code_only(aether::rejection("already_open"), "actor door-1");
  BOOST_TEST(std::string(code_only.what()).starts_with("actor door-1: already_open: The actor refused"));
}

BOOST_AUTO_TEST_SUITE_END()
