// A node's lease: what is done next, and who owns what, on times that the test chooses.
#include "lease_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(lease_machine_rules)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;

namespace {

using time = lease_machine::time;

constexpr time lease = 12s; // renewed each 3 s, owned for 8 s, listed each 6 s

placed_node node_named(std::string name, std::string incarnation = "1") {
  placed_node n;
  n.name = std::move(name);
  n.incarnation = std::move(incarnation);
  return n;
}

node_record record(std::string name, std::uint64_t renewal, std::string incarnation = "1") {
  node_record r;
  r.node = node_named(std::move(name), std::move(incarnation));
  r.renewal = renewal;
  return r;
}

kept_record kept(node_record r, std::uint64_t sequence, bool is_mark = false) {
  kept_record k;
  k.value = std::move(r);
  k.sequence = sequence;
  k.is_mark = is_mark;
  return k;
}

std::string names(lease_machine const& m) {
  std::string all;
  for (auto const& n : m.nodes())
    all += (all.empty() ? "" : " ") + n.name;
  return all;
}

/// A bucket that answers at once, and one node "a" on it. What others write is in `others`.
struct scene {
  lease_machine machine;
  time now = 100s;
  std::uint64_t sequence = 0;
  std::optional<kept_record> own;
  std::vector<kept_record> others;
  bool answers = true;
  bool loses_answers = false; ///< what is written is stored
  std::string bucket = "b1";
  int writes = 0, opens = 0, lists = 0;

  explicit scene(bool observes = false) : machine(settings_for(observes), 100s) {}
  static lease_machine::settings settings_for(bool observes) {
    lease_machine::settings s;
    s.self = node_named("a");
    s.lease = lease;
    s.observes = observes;
    return s;
  }

  std::vector<kept_record> all() const {
    auto list = others;
    if (own)
      list.push_back(*own);
    return list;
  }

  void write(lease_action const& a) {
    ++writes;
    auto const last = own ? own->sequence : 0;
    bool const stores = (answers || loses_answers) && a.expected == last;
    if (stores)
      own = kept(record("a", a.renewal), ++sequence, a.what == lease_step::mark);
    if (!answers)
      machine.unanswered(now);
    else if (stores)
      machine.stored(a.renewal, sequence, now);
    else
      machine.refused(now);
  }

  /// One step; false: it waits or is over.
  bool step() {
    auto const a = machine.next(now);
    if (a.what == lease_step::wait || a.what == lease_step::stop)
      return false;
    if (a.what == lease_step::write || a.what == lease_step::mark) {
      write(a);
    } else if (!answers) {
      machine.failed(now);
    } else if (a.what == lease_step::open) {
      ++opens;
      machine.opened(bucket, now);
    } else if (a.what == lease_step::read) {
      machine.read(own, now);
    } else {
      ++lists;
      machine.listed(all(), now, now);
    }
    return true;
  }
  void settle() {
    for (int i = 0; i < 100 && step(); ++i) {
    }
  }
  /// Lets time pass, stopping where the machine wants to.
  void pass(time by) {
    auto const end = now + by;
    while (true) {
      settle();
      auto const a = machine.next(now);
      if (a.what == lease_step::stop || a.until >= end || end <= now)
        break;
      BOOST_TEST_REQUIRE((a.until > now), "it waits for what has been");
      now = a.until;
    }
    now = end;
    settle();
  }
  bool is_live() const { return machine.is_live(now); }
};

BOOST_AUTO_TEST_CASE(a_node_lists_before_it_owns) {
  scene s;
  s.others.push_back(kept(record("b", 3), ++s.sequence));
  std::vector<lease_step> steps;
  for (int i = 0; i < 4; ++i) {
    steps.push_back(s.machine.next(s.now).what);
    BOOST_TEST(!s.is_live());
    s.step();
  }
  BOOST_TEST((steps == std::vector{lease_step::open, lease_step::list, lease_step::read, lease_step::write}));
  BOOST_TEST(s.is_live());
  BOOST_TEST(names(s.machine) == "a b");
}

BOOST_AUTO_TEST_CASE(it_renews_each_quarter_of_the_lease_behind_what_it_wrote) {
  scene s;
  s.pass(30s);
  BOOST_TEST(s.writes == 11);
  BOOST_TEST(s.own->value.renewal == 11u);
  BOOST_TEST(s.is_live());
  BOOST_TEST(s.opens == 1);
}

BOOST_AUTO_TEST_CASE(it_owns_for_two_thirds_of_the_lease_from_when_the_renewal_was_sent) {
  scene s;
  s.settle();
  s.answers = false;
  s.pass(8s - 1ms);
  BOOST_TEST(s.is_live());
  s.pass(1ms);
  BOOST_TEST(!s.is_live());
  BOOST_TEST((s.machine.state() == placement_state::lapsed));
  BOOST_TEST(names(s.machine) == "");
}

BOOST_AUTO_TEST_CASE(a_late_answer_counts_from_when_it_was_sent) {
  scene s;
  s.settle();
  s.now += 3s;
  auto const a = s.machine.next(s.now);
  BOOST_TEST((a.what == lease_step::write));
  s.now += 4s; // it is answered now
  s.machine.stored(a.renewal, ++s.sequence, s.now);
  s.now += 4s - 1ms; // sent 8 s ago
  BOOST_TEST(s.is_live());
  s.now += 1ms;
  BOOST_TEST(!s.is_live());
}

BOOST_AUTO_TEST_CASE(without_the_clock_of_the_loop_it_lapses_too) { // as a process that was stopped
  scene s;
  s.settle();
  s.now += 60s;
  BOOST_TEST(!s.is_live());
  BOOST_TEST((s.machine.state() == placement_state::live)); // nobody had time to say so
  s.machine.next(s.now);
  BOOST_TEST((s.machine.state() == placement_state::lapsed));
}

BOOST_AUTO_TEST_CASE(what_was_stored_and_not_answered_is_found_and_counts) {
  scene s;
  s.settle();
  s.now += 3s;
  s.answers = false;
  s.loses_answers = true;
  s.step(); // stored, not answered, sent now
  s.loses_answers = false;
  s.answers = true;
  s.now += 1s;
  s.settle(); // refused, read, found
  BOOST_TEST(s.is_live());
  s.now += 7s - 1ms;
  BOOST_TEST(s.is_live());
  s.now += 1ms;
  BOOST_TEST(!s.machine.is_live(s.now));
}

BOOST_AUTO_TEST_CASE(a_node_that_lapsed_lists_before_it_owns_again) {
  scene s;
  s.settle();
  s.now += 60s;
  s.own.reset(); // it ended
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  for (int i = 0; i < 10 && !s.is_live(); ++i) {
    BOOST_TEST(!s.is_live());
    s.step();
  }
  BOOST_TEST(s.is_live());
  BOOST_TEST(names(s.machine) == "a b");
}

BOOST_AUTO_TEST_CASE(a_peer_is_dead_when_it_was_not_seen_renewed_for_a_lease) {
  scene s;
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  s.settle();
  s.pass(11s); // the listing still has it, unchanged
  BOOST_TEST(names(s.machine) == "a b");
  s.pass(1s);
  BOOST_TEST(names(s.machine) == "a");
}

BOOST_AUTO_TEST_CASE(a_renewal_that_is_heard_or_listed_keeps_a_peer) {
  scene heard;
  heard.others.push_back(kept(record("b", 1), ++heard.sequence));
  heard.settle();
  heard.pass(7s);
  heard.machine.heard(record("b", 2), heard.now);
  heard.pass(11s);
  BOOST_TEST(names(heard.machine) == "a b");
  scene listed;
  listed.others.push_back(kept(record("b", 1), ++listed.sequence));
  listed.settle();
  listed.pass(4s);
  listed.others.back() = kept(record("b", 2), ++listed.sequence);
  listed.pass(12s); // listed at 6 s
  BOOST_TEST(names(listed.machine) == "a b");
}

BOOST_AUTO_TEST_CASE(a_peer_that_no_listing_has_is_gone) {
  scene s;
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  s.settle();
  s.others.clear();
  s.pass(6s);
  BOOST_TEST(names(s.machine) == "a");
}

BOOST_AUTO_TEST_CASE(what_is_heard_of_somebody_unknown_is_looked_at) {
  scene s;
  s.settle();
  s.machine.heard(record("b", 1), s.now);
  BOOST_TEST(names(s.machine) == "a"); // it may have been refused
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  s.settle();
  BOOST_TEST(names(s.machine) == "a b");
  s.others.back() = kept(record("b", 0), ++s.sequence, true);
  s.machine.heard_mark("b", s.now);
  s.settle();
  BOOST_TEST(names(s.machine) == "a");
}

BOOST_AUTO_TEST_CASE(a_bucket_made_anew_does_not_kill_those_that_have_not_come_back_yet) {
  scene s;
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  s.others.push_back(kept(record("c", 1), ++s.sequence));
  s.settle();
  s.now += 1s;
  s.bucket = "b2"; // the server came again
  s.own.reset();
  s.others.clear();
  s.machine.reconnected(s.now);
  s.settle();
  BOOST_TEST(names(s.machine) == "a b c");
  s.pass(3s);
  s.others.push_back(kept(record("b", 2), ++s.sequence));
  s.machine.heard(record("b", 2), s.now);
  s.pass(8s);
  BOOST_TEST(names(s.machine) == "a b"); // c did not
  BOOST_TEST(s.is_live());
}

BOOST_AUTO_TEST_CASE(a_listing_without_this_nodes_own_key_says_nothing_of_others) {
  scene s;
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  s.settle();
  auto const before = s.opens;
  s.bucket = "b2";
  s.machine.heard(record("x", 1), s.now); // a listing is due, and nobody has said that the bucket is another one
  s.own.reset();
  s.others.clear();
  s.settle();
  BOOST_TEST(names(s.machine) == "a b");
  BOOST_TEST(s.opens > before);
  BOOST_TEST(s.own.has_value());
}

BOOST_AUTO_TEST_CASE(a_name_whose_owner_lives_is_refused) {
  scene s;
  s.own = kept(record("a", 7, "other"), ++s.sequence);
  s.settle();
  BOOST_TEST((s.machine.state() == placement_state::joining));
  s.pass(2s);
  BOOST_TEST((s.machine.state() == placement_state::joining));
  s.own = kept(record("a", 8, "other"), ++s.sequence);
  s.pass(1s);
  BOOST_TEST((s.machine.state() == placement_state::name_taken));
  BOOST_TEST(s.machine.other_incarnation() == "other");
  BOOST_TEST(s.writes == 0);
}

BOOST_AUTO_TEST_CASE(a_name_whose_owner_is_dead_is_taken_when_its_lease_has_ended) {
  scene forgotten;
  forgotten.own = kept(record("a", 7, "other"), ++forgotten.sequence);
  forgotten.settle();
  forgotten.pass(5s);
  forgotten.own.reset(); // the server has forgotten it
  forgotten.pass(1s);
  BOOST_TEST(forgotten.is_live());

  scene kept_on; // the server's clock is slow
  kept_on.own = kept(record("a", 7, "other"), ++kept_on.sequence);
  kept_on.settle();
  kept_on.pass(12s - 1ms);
  BOOST_TEST(!kept_on.is_live());
  kept_on.pass(1ms);
  BOOST_TEST(kept_on.is_live());
  BOOST_TEST(kept_on.own->value.node.incarnation == "1");
}

BOOST_AUTO_TEST_CASE(a_node_whose_name_was_taken_ends) {
  scene s;
  s.settle();
  s.own = kept(record("a", 1, "other"), ++s.sequence);
  s.pass(3s);
  BOOST_TEST((s.machine.state() == placement_state::name_taken));
  BOOST_TEST(!s.is_live());
  BOOST_TEST((s.machine.next(s.now).what == lease_step::stop));
  scene hears;
  hears.settle();
  hears.own = kept(record("a", 1, "other"), ++hears.sequence);
  hears.machine.heard(record("a", 1, "other"), hears.now);
  hears.settle();
  BOOST_TEST((hears.machine.state() == placement_state::name_taken));
}

BOOST_AUTO_TEST_CASE(a_key_that_somebody_removed_is_written_again) {
  scene s;
  s.settle();
  s.own = kept(record("a", 0), ++s.sequence, true);
  s.pass(3s);
  BOOST_TEST(s.is_live());
  BOOST_TEST(!s.own->is_mark);
}

BOOST_AUTO_TEST_CASE(who_leaves_owns_nothing_at_once_and_marks_its_key) {
  scene s;
  s.settle();
  s.machine.leave(s.now);
  BOOST_TEST(!s.is_live());
  s.settle();
  BOOST_TEST((s.machine.state() == placement_state::left));
  BOOST_TEST(s.own->is_mark);
}

BOOST_AUTO_TEST_CASE(who_leaves_while_a_renewal_is_unanswered_marks_that) {
  scene s;
  s.settle();
  s.now += 3s;
  s.answers = false;
  s.loses_answers = true;
  s.step();
  s.machine.leave(s.now);
  s.loses_answers = false;
  s.answers = true;
  s.pass(1s);
  BOOST_TEST((s.machine.state() == placement_state::left));
  BOOST_TEST(s.own->is_mark);
}

BOOST_AUTO_TEST_CASE(who_leaves_while_a_renewal_is_under_way_marks_behind_it) {
  scene s;
  s.settle();
  s.now += 3s;
  auto const a = s.machine.next(s.now);
  BOOST_TEST_REQUIRE((a.what == lease_step::write));
  s.machine.leave(s.now);
  s.write(a);
  BOOST_TEST(!s.is_live());
  s.settle();
  BOOST_TEST((s.machine.state() == placement_state::left));
  BOOST_TEST(s.own->is_mark);
}

BOOST_AUTO_TEST_CASE(a_bucket_that_may_be_gone_is_opened_again) {
  scene s;
  s.settle();
  s.pass(2s);
  s.answers = false;
  s.pass(1s);
  s.answers = true;
  auto const before = s.opens;
  s.pass(1s);
  BOOST_TEST(s.opens == before + 1);
}

BOOST_AUTO_TEST_CASE(who_cannot_tell_has_left_when_the_server_has_forgotten_it) {
  scene s;
  s.settle();
  s.machine.leave(s.now);
  s.answers = false;
  s.pass(12s - 1ms);
  BOOST_TEST((s.machine.state() == placement_state::lapsed));
  s.pass(1ms);
  BOOST_TEST((s.machine.state() == placement_state::left));
}

BOOST_AUTO_TEST_CASE(who_never_joined_leaves_at_once) {
  scene s;
  s.machine.leave(s.now);
  BOOST_TEST((s.machine.next(s.now).what == lease_step::stop));
}

BOOST_AUTO_TEST_CASE(an_observer_writes_nothing) {
  scene s(true);
  s.others.push_back(kept(record("b", 1), ++s.sequence));
  s.pass(10s);
  BOOST_TEST(s.writes == 0);
  BOOST_TEST(names(s.machine) == "b");
  BOOST_TEST((s.machine.state() == placement_state::observing));
  s.machine.leave(s.now);
  BOOST_TEST((s.machine.next(s.now).what == lease_step::stop));
}

BOOST_AUTO_TEST_CASE(a_stamp_tells_its_age_by_renewals) {
  scene s;
  s.settle();
  lease_stamp stamp;
  BOOST_TEST(s.machine.is_late(stamp)); // nothing is known
  stamp.incarnation = "1";
  stamp.renewal = 1;
  BOOST_TEST(!s.machine.is_late(stamp));
  s.pass(6s); // renewals 2 and 3
  BOOST_TEST(!s.machine.is_late(stamp));
  s.pass(3s);
  BOOST_TEST(s.machine.is_late(stamp));
  stamp.renewal = 4;
  stamp.incarnation = "0";
  BOOST_TEST(s.machine.is_late(stamp)); // for who had the name before
}

// Whatever is not answered, for however long: it owns nothing more than two thirds of a lease after the last renewal,
// owns again soon after all is answered, and never asks without a pause.
BOOST_AUTO_TEST_CASE(outages_of_every_length_at_every_step) {
  for (int first = 0; first < 14; ++first)
    for (auto const length : {100ms, 2'000ms, 7'000ms, 13'000ms, 40'000ms})
      for (bool const loses : {false, true}) {
        scene s;
        s.others.push_back(kept(record("b", 1), ++s.sequence));
        for (int i = 0; i < first; ++i)
          if (!s.step())
            s.now = std::max(s.now, s.machine.next(s.now).until);
        s.answers = false;
        s.loses_answers = loses;
        auto const began = s.now;
        auto const was_live = s.is_live();
        for (int i = 0; s.now < began + length; ++i) {
          BOOST_TEST_REQUIRE(i < 400);
          if (!s.step())
            s.now = std::min(s.machine.next(s.now).until, began + length);
          BOOST_TEST((!s.is_live() || s.now < began + 8s));
        }
        if (!was_live)
          BOOST_TEST(!s.is_live());
        if (length > lease && s.own && !loses)
          s.own.reset();
        s.answers = true;
        s.pass(4s);
        BOOST_TEST(s.is_live(), "first " << first << ", " << length.count() << " ms, loses " << loses);
      }
}

} // namespace

BOOST_AUTO_TEST_SUITE_END()
