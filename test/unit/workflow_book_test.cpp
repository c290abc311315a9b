// What a book makes of a journal's events, and what it tells a run that asks.
#include "workflow_book.hpp"

#include <aether/error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(workflow_books)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;
using journal::entry_kind;

namespace {

constexpr auto actor = "sum-1";

journal::entry made(entry_kind kind, std::string name) {
  journal::entry e;
  e.kind = kind;
  e.name = std::move(name);
  return e;
}

journal::entry completed(std::string name, int value) {
  auto e = made(entry_kind::step_completed, std::move(name));
  e.value = value;
  return e;
}

journal::entry taken(std::string key, std::string id) {
  auto e = made(entry_kind::signal_taken, std::move(key));
  e.signal = std::move(id);
  return e;
}

struct writer {
  workflow_book book{actor};
  std::int64_t version = 0;

  template <class Body> void write(Body const& body, std::string id = {}) {
    auto e = to_event(actor, ++version, body);
    if (!id.empty())
      e.id = std::move(id);
    book.apply(e);
  }
  void start(std::string host = "a") {
    journal::started first;
    first.workflow = "sum";
    first.input = 7;
    first.host = std::move(host);
    write(first);
  }
  void advance(std::vector<journal::entry> entries, std::string host = "a") {
    journal::advanced more;
    more.host = std::move(host);
    more.entries = std::move(entries);
    write(more);
  }
  void signal(std::string name, int value, std::string id) {
    journal::signalled sent;
    sent.host = "a";
    sent.name = std::move(name);
    sent.value = value;
    write(sent, std::move(id));
  }
};

template <class Function> errc error_of(Function function) {
  try {
    function();
  } catch (error const& e) {
    return static_cast<errc>(e.code().value());
  }
  return errc{};
}

} // namespace

BOOST_AUTO_TEST_CASE(what_a_journal_says) {
  writer w;
  w.start();
  BOOST_TEST(w.book.workflow() == "sum");
  BOOST_TEST(w.book.run() == 1);
  BOOST_TEST(w.book.since() == 1);
  BOOST_TEST(w.book.last_host() == "a");
  w.advance({completed("one", 1), made(entry_kind::timer_fired, "pause"), made(entry_kind::claimed, "")}, "b");
  BOOST_TEST(w.book.last_host() == "b");
  BOOST_TEST(w.book.version() == 2);
  BOOST_TEST(w.book.entries() == 3u);
  BOOST_TEST(w.book.unasked() == (std::vector<std::string>{"one", "pause"}), boost::test_tools::per_element());
  BOOST_TEST((w.book.ask(operation_kind::step, "one") == asked_answer::recorded));
  BOOST_TEST(w.book.record("one").value == boost::json::value(1));
  BOOST_TEST((w.book.ask(operation_kind::timer, "pause") == asked_answer::recorded));
  BOOST_TEST((w.book.ask(operation_kind::step, "two") == asked_answer::not_recorded));
  BOOST_TEST(w.book.unasked().empty());
  BOOST_TEST(!w.book.has_record("two"));
  w.book.settle(completed("two", 2));
  BOOST_TEST(w.book.has_record("two"));
  BOOST_TEST(w.book.unasked().empty());
  w.book.wrote(3, "c");
  BOOST_TEST(w.book.version() == 3);
  BOOST_TEST(w.book.last_host() == "c");
}

BOOST_AUTO_TEST_CASE(whether_it_was_parked) {
  writer w;
  w.start();
  BOOST_TEST(!w.book.was_parked());
  w.advance({completed("one", 1), made(entry_kind::parked, "")});
  BOOST_TEST(w.book.was_parked());
  w.signal("go", 1, "first"); // it waits for whoever takes it
  BOOST_TEST(w.book.was_parked());
  w.advance({made(entry_kind::timer_fired, "pause")});
  BOOST_TEST(!w.book.was_parked());
}

BOOST_AUTO_TEST_CASE(journals_that_are_none) {
  auto const begins_with_advanced = [] {
    writer w;
    w.advance({completed("one", 1)});
  };
  BOOST_TEST((error_of(begins_with_advanced) == errc::malformed_event));
  auto const begins_twice = [] {
    writer w;
    w.start();
    w.start();
  };
  BOOST_TEST((error_of(begins_twice) == errc::malformed_event));
  auto const goes_back = [] {
    writer w;
    w.start();
    w.version = 0;
    w.advance({});
  };
  BOOST_TEST((error_of(goes_back) == errc::version_order));
  auto const settles_twice = [] {
    writer w;
    w.start();
    w.advance({completed("one", 1)});
    w.advance({completed("one", 1)});
  };
  BOOST_TEST((error_of(settles_twice) == errc::malformed_event));
  auto const has_no_name = [] {
    writer w;
    w.start();
    journal::entry nameless;
    nameless.kind = entry_kind::step_completed;
    w.advance({nameless});
  };
  BOOST_TEST((error_of(has_no_name) == errc::malformed_event));
  auto const takes_what_never_came = [] {
    writer w;
    w.start();
    w.advance({taken("signal go 1", "unknown")});
  };
  BOOST_TEST((error_of(takes_what_never_came) == errc::malformed_event));
  auto const is_another = [] {
    writer w;
    auto e = to_event(actor, 1, journal::started());
    e.event_type = "something_else";
    w.book.apply(e);
  };
  BOOST_TEST((error_of(is_another) == errc::unknown_event_type));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_used_twice) {
  writer w;
  w.start();
  w.advance({completed("one", 1)});
  w.book.ask(operation_kind::step, "one");
  BOOST_TEST((error_of([&] { w.book.ask(operation_kind::step, "one"); }) == errc::workflow_name_used));
  w.book.ask(operation_kind::step, "two");
  BOOST_TEST((error_of([&] { w.book.ask(operation_kind::timer, "two"); }) == errc::workflow_name_used));
  w.book.settle(completed("two", 2));
  BOOST_TEST((error_of([&] { w.book.ask(operation_kind::step, "two"); }) == errc::workflow_name_used));
}

BOOST_AUTO_TEST_CASE(kinds_that_do_not_fit) {
  struct row {
    entry_kind recorded;
    std::vector<operation_kind> fit;
  };
  using enum operation_kind;
  std::vector<row> const rows{
      {entry_kind::step_completed, {step, child}},
      {entry_kind::step_failed, {step, child}},
      {entry_kind::step_begun, {step}},
      {entry_kind::timer_fired, {timer}},
      {entry_kind::signal_timed_out, {signal_until}},
      {entry_kind::recorded, {operation_kind::recorded}},
      {entry_kind::cancelled, {step, timer, signal, signal_until, operation_kind::recorded, child}}};
  for (auto const& r : rows)
    for (auto const kind : {step, timer, signal, signal_until, operation_kind::recorded, child}) {
      writer w;
      w.start();
      w.advance({made(r.recorded, "x")});
      bool const fits = std::find(r.fit.begin(), r.fit.end(), kind) != r.fit.end();
      auto const expected = fits ? errc{} : errc::workflow_diverged;
      BOOST_TEST((error_of([&] { w.book.ask(kind, "x"); }) == expected));
    }
}

BOOST_AUTO_TEST_CASE(signals_are_taken_in_their_order) {
  writer w;
  w.start();
  w.signal("go", 1, "first");
  w.signal("stop", 9, "other");
  w.signal("go", 2, "second");
  w.signal("go", 2, "second"); // repeated
  BOOST_TEST(w.book.untaken().size() == 3u);
  BOOST_TEST(w.book.has_signal("go"));
  auto const one = w.book.take_signal("go");
  BOOST_TEST_REQUIRE(one.has_value());
  BOOST_TEST(one->id == "first");
  w.advance({taken("signal go 2", "second")});
  BOOST_TEST((w.book.ask(operation_kind::signal_until, "signal go 2") == asked_answer::recorded));
  BOOST_TEST(w.book.record("signal go 2").value == boost::json::value(2));
  BOOST_TEST(!w.book.has_signal("go"));
  BOOST_TEST(!w.book.take_signal("go").has_value());
  w.signal("go", 1, "first"); // it came already, and was taken
  BOOST_TEST(!w.book.has_signal("go"));
  BOOST_TEST(w.book.untaken().front().name == "stop");
}

BOOST_AUTO_TEST_CASE(a_step_that_was_begun_is_in_doubt_until_it_ended) {
  writer w;
  w.start();
  w.advance({made(entry_kind::step_begun, "pay")});
  auto again = w;
  BOOST_TEST((w.book.ask(operation_kind::step, "pay") == asked_answer::in_doubt));
  again.advance({made(entry_kind::step_begun, "pay")}); // by another host: a long step
  again.advance({completed("pay", 5)});
  BOOST_TEST((again.book.ask(operation_kind::step, "pay") == asked_answer::recorded));
  BOOST_TEST(again.book.record("pay").value == boost::json::value(5));
  BOOST_TEST((error_of([&] { again.advance({completed("pay", 5)}); }) == errc::malformed_event));
}

BOOST_AUTO_TEST_CASE(cancelling_and_its_record) {
  writer w;
  w.start();
  journal::cancel_requested asked;
  asked.host = "a";
  w.write(asked);
  BOOST_TEST(w.book.is_cancel_requested());
  BOOST_TEST(!w.book.was_cancel_told());
  w.advance({made(entry_kind::cancelled, "pause")});
  BOOST_TEST(w.book.was_cancel_told());
  BOOST_TEST((w.book.ask(operation_kind::timer, "pause") == asked_answer::cancelled));
}

BOOST_AUTO_TEST_CASE(the_next_run_begins_with_what_was_left) {
  writer w;
  w.start();
  w.advance({completed("one", 1)});
  w.signal("go", 1, "first");
  journal::continued next;
  next.workflow = "sum";
  next.host = "b";
  next.run = 2;
  next.input = 8;
  next.signals = w.book.untaken();
  next.cancelled = "too late";
  w.write(next);
  BOOST_TEST(w.book.run() == 2);
  BOOST_TEST(w.book.since() == 4);
  BOOST_TEST(w.book.entries() == 0u);
  BOOST_TEST(w.book.input() == boost::json::value(8));
  BOOST_TEST(w.book.is_cancel_requested());
  BOOST_TEST(!w.book.has_record("one"));
  w.signal("go", 1, "first"); // repeated over the border
  BOOST_TEST(w.book.untaken().size() == 1u);
  workflow_book later(actor); // read from its beginning on
  later.apply(to_event(actor, 4, next));
  BOOST_TEST(later.run() == 2);
  BOOST_TEST(later.has_signal("go"));
}

BOOST_AUTO_TEST_CASE(the_end) {
  writer w;
  w.start();
  BOOST_TEST(!w.book.outcome().has_value());
  journal::finished end;
  end.host = "a";
  end.entries = {completed("last", 3)};
  end.outcome.result = 42;
  w.write(end);
  BOOST_TEST_REQUIRE(w.book.outcome().has_value());
  BOOST_TEST(*w.book.outcome()->result == boost::json::value(42));
  BOOST_TEST((w.book.ask(operation_kind::step, "last") == asked_answer::recorded));
}

BOOST_AUTO_TEST_SUITE_END()
