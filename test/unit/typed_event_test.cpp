// Typed events: names, versions, upcasters, sets of types, and the handlers of each.
#include <aether/typed_event.hpp>

#include <aether/awaitable.hpp>

#include "support/run.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

BOOST_AUTO_TEST_SUITE(typed_event)

namespace {

using aether::errc;

/// At its third version: `cents` was `amount` in whole euros once, and `reference` came with version 2.
struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  static constexpr int event_version = 3;
  static constexpr std::array<std::string_view, 2> former_event_types{"MoneyPaidIn", "PaidIn"};

  static void upcast(aether::from_version<1>, boost::json::object& data) {
    if (data.contains("burst"))
      throw std::runtime_error("it burst");
    data["reference"] = "none";
  }
  static void upcast(aether::from_version<2>, boost::json::object& data) {
    if (data.contains("leak"))
      throw 5;
    data["cents"] = data.at("amount").as_int64() * 100;
    data.erase("amount");
  }

  std::string reference;
  std::int64_t cents = 0;
  friend bool operator==(deposited const&, deposited const&) = default;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (reference, cents))

struct line {
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(line, (), (amount))

struct withdrawn {
  static constexpr std::string_view event_type = "Withdrawn";
  std::vector<line> items;
};
BOOST_DESCRIBE_STRUCT(withdrawn, (), (items))

struct closed {
  static constexpr char const* event_type = "Closed";
};
BOOST_DESCRIBE_STRUCT(closed, (), ())

/// Of a library: cannot be changed.
struct foreign {
  int value = 0;
};
BOOST_DESCRIBE_STRUCT(foreign, (), (value))

struct by_hand {
  static constexpr std::string_view event_type = "ByHand";
  int value = 0;
};
void tag_invoke(boost::json::value_from_tag, boost::json::value& to, by_hand const& from) {
  if (from.value == 0)
    to = 0; // no object
  else
    to = {{"v", from.value}};
}
by_hand tag_invoke(boost::json::value_to_tag<by_hand>, boost::json::value const& from) {
  return by_hand{static_cast<int>(from.at("v").as_int64())};
}

struct nameless {};
BOOST_DESCRIBE_STRUCT(nameless, (), ())
struct undescribed {
  static constexpr std::string_view event_type = "Undescribed";
};
struct gap {
  static constexpr std::string_view event_type = "Gap";
  static constexpr int event_version = 3;
  static void upcast(aether::from_version<2>, boost::json::object&) {}
};
BOOST_DESCRIBE_STRUCT(gap, (), ())
struct imposter {
  static constexpr std::string_view event_type = "PaidIn";
};
BOOST_DESCRIBE_STRUCT(imposter, (), ())

} // namespace

BOOST_AUTO_TEST_SUITE_END()

template <> struct aether::event_traits<typed_event::foreign> {
  static constexpr std::string_view event_type = "Foreign";
  static constexpr int event_version = 2;
  static void upcast(from_version<1>, boost::json::object& data) { data["value"] = 1; }
};

BOOST_AUTO_TEST_SUITE(typed_event)

namespace {

static_assert(aether::described_event<deposited> && aether::described_event<closed>);
static_assert(aether::described_event<foreign> && aether::described_event<by_hand>);
static_assert(!aether::described_event<nameless> && !aether::described_event<undescribed>);
static_assert(!aether::described_event<int>);
static_assert(aether::described_event<gap> && aether::detail::declared_version<gap>() == 3);
static_assert(aether::detail::upcasts_from<gap, 2> && !aether::detail::upcasts_from<gap, 1>);
static_assert(aether::detail::names_differ<deposited, withdrawn, closed>());
static_assert(!aether::detail::names_differ<deposited, withdrawn, imposter>());
static_assert(!aether::detail::names_differ<closed, closed>());
static_assert(!aether::detail::usable_name("") && !aether::detail::usable_name(std::string_view("a\0b", 3)));
static_assert(aether::detail::usable_name("a"));

using account_events = aether::event_set<deposited, withdrawn, closed>;
static_assert(std::is_same_v<account_events::variant, std::variant<deposited, withdrawn, closed>>);

// What visit_event refuses to compile, by the same questions that it asks.
using on_deposited = void (*)(deposited const&);
using on_withdrawn = void (*)(withdrawn const&);
using on_closed = void (*)(closed);
using on_event = void (*)(aether::event const&);
using on_int = void (*)(int);
using skip = aether::detail::skip_unknown const;
template <class... Handlers> using plan = aether::detail::visit_plan<account_events, Handlers...>;
static_assert(plan<on_deposited, on_withdrawn, on_closed, skip>::rest_has_one());
static_assert(plan<on_deposited, on_event, on_withdrawn, on_closed>::rest_has_one());
static_assert(!plan<on_deposited, on_withdrawn, on_closed>::rest_has_one());
static_assert(!plan<on_deposited, on_withdrawn, on_closed, skip, on_event>::rest_has_one());
static_assert(!plan<on_deposited, on_withdrawn, on_closed, on_int>::rest_has_one());
static_assert(aether::detail::count_true(plan<on_deposited, on_closed, skip>::takes<withdrawn>) == 0);
static_assert(aether::detail::count_true(plan<on_closed, on_closed, skip>::takes<closed>) == 2);

using task = aether::awaitable<void>;
template <class... Handlers>
using task_call = aether::detail::visit_call<aether::event_set<deposited, closed>, Handlers...>;
using task_on_unknown = task (*)(aether::event const&);
static_assert(!task_call<task (*)(deposited), task (*)(closed), task_on_unknown>::outlive_bodies());
static_assert(task_call<task (*)(deposited const&), task (*)(closed), task_on_unknown>::outlive_bodies());
static_assert(task_call<task (*)(deposited), decltype([](closed const&) -> task { co_return; }),
                        task_on_unknown>::outlive_bodies());
static_assert(!task_call<void (*)(deposited const&), void (*)(closed), on_event>::outlive_bodies());
using owner = decltype([s = std::string()] { return s; });
static_assert(aether::detail::safe_beside_await<task, on_closed, owner&>());
static_assert(!aether::detail::safe_beside_await<task, on_closed, owner>());
static_assert(aether::detail::safe_beside_await<void, owner>());

aether::event stored(std::string type, boost::json::object data, std::string version = {}) {
  aether::event e = aether::make_event(std::move(type), "account-1", 7, std::move(data));
  if (!version.empty())
    e.metadata.set(aether::metadata::event_version_key, std::move(version));
  return e;
}

/// `errc: text` of what was thrown, without the code's message.
std::string failure_of(std::function<void()> const& call) {
  try {
    call();
    return "nothing";
  } catch (aether::error const& e) {
    std::string const what = e.what();
    std::string const code = e.code() == errc::malformed_event      ? "malformed: "
                             : e.code() == errc::unknown_event_type ? "unknown: "
                             : e.code() == errc::invalid_argument   ? "invalid: "
                                                                    : "other: ";
    return code + what.substr(0, std::min(what.find(": The event's type"), what.find(": The text is no")));
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_struct_becomes_an_event) {
  aether::event const e = aether::to_event("account-1", 7, deposited{"r", 10});
  BOOST_TEST(e.id.size() == 36u);
  BOOST_TEST(e.event_type == "Deposited");
  BOOST_TEST(e.actor_id == "account-1");
  BOOST_TEST(e.version == 7);
  BOOST_TEST(boost::json::serialize(e.data) == R"({"reference":"r","cents":10})");
  BOOST_TEST(e.metadata.get("eventVersion") == "3");
  BOOST_TEST(e.metadata.size() == 1u);
  BOOST_TEST((e.timestamp != aether::time_point()));
  BOOST_TEST((aether::event_as<deposited>(e) == deposited{"r", 10}));
}

BOOST_AUTO_TEST_CASE(the_first_version_is_not_written) {
  BOOST_TEST(aether::to_event("account-1", 1, closed()).metadata.empty());
  BOOST_TEST(aether::to_event("account-1", 1, closed()).data.empty());
}

BOOST_AUTO_TEST_CASE(an_answer_names_its_cause) {
  aether::event const cause = aether::to_event("account-1", 1, closed());
  aether::event const answer = aether::to_event(cause, "account-2", 4, deposited{"r", 10});
  BOOST_TEST(answer.actor_id == "account-2");
  BOOST_TEST(answer.version == 4);
  BOOST_TEST(answer.metadata.causation_id() == cause.id);
  BOOST_TEST(answer.metadata.get("eventVersion") == "3");
}

BOOST_AUTO_TEST_CASE(a_variant_becomes_the_event_that_it_holds) {
  account_events::variant const body = deposited{"r", 10};
  BOOST_TEST(aether::to_event("account-1", 1, body).event_type == "Deposited");
}

BOOST_AUTO_TEST_CASE(writing_a_body_replaces_what_was_there) {
  aether::event e = aether::to_event("account-1", 1, deposited{"r", 10});
  e.metadata.user_id("u");
  aether::detail::write_body(e, withdrawn{{{5}}});
  BOOST_TEST(e.event_type == "Withdrawn");
  BOOST_TEST(boost::json::serialize(e.data) == R"({"items":[{"amount":5}]})");
  BOOST_TEST(!e.metadata.contains("eventVersion"));
  BOOST_TEST(e.metadata.user_id() == "u");
}

BOOST_AUTO_TEST_CASE(traits_name_a_struct_that_cannot_be_changed) {
  aether::event e = aether::to_event("account-1", 1, foreign{4});
  BOOST_TEST(e.event_type == "Foreign");
  BOOST_TEST(e.metadata.get("eventVersion") == "2");
  BOOST_TEST(aether::event_as<foreign>(e).value == 4);
  BOOST_TEST(aether::event_as<foreign>(stored("Foreign", {})).value == 1); // of version 1
}

BOOST_AUTO_TEST_CASE(a_struct_may_convert_itself) {
  aether::event const e = aether::to_event("account-1", 1, by_hand{4});
  BOOST_TEST(boost::json::serialize(e.data) == R"({"v":4})");
  BOOST_TEST(aether::event_as<by_hand>(e).value == 4);
  BOOST_TEST(failure_of([] {
               aether::to_event("account-1", 1, by_hand{0});
             }).starts_with("invalid: the tag_invoke of type ByHand made no object"));
  BOOST_TEST(failure_of([] {
               aether::event_as<by_hand>(stored("ByHand", {}));
             }).starts_with("malformed: actor account-1, version 7, type ByHand: "));
}

BOOST_AUTO_TEST_CASE(old_versions_are_lifted_one_by_one) {
  struct row {
    char const* type;
    char const* version;
    char const* data;
    deposited expected;
  };
  std::vector<row> const table = {
      {"Deposited", "", R"({"amount":4})", {"none", 400}},
      {"Deposited", "1", R"({"amount":4})", {"none", 400}},
      {"MoneyPaidIn", "", R"({"amount":4})", {"none", 400}},
      {"PaidIn", "2", R"({"amount":4,"reference":"r"})", {"r", 400}},
      {"Deposited", "2", R"({"amount":4,"reference":"r"})", {"r", 400}},
      {"Deposited", "3", R"({"cents":4,"reference":"r"})", {"r", 4}},
      {"Deposited", "03", R"({"cents":4,"reference":"r"})", {"r", 4}},
  };
  for (auto const& r : table) {
    aether::event const e = stored(r.type, boost::json::parse(r.data).as_object(), r.version);
    aether::event const before = e;
    BOOST_TEST((aether::event_as<deposited>(e) == r.expected), r.type << ' ' << r.version << ' ' << r.data);
    BOOST_TEST((e == before));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_told) {
  std::string const where = "actor account-1, version 7, type ";
  struct row {
    aether::event e;
    std::string expected;
  };
  std::vector<row> const table = {
      {stored("Withdrawn", {}), "unknown: " + where + "Withdrawn: expected type Deposited"},
      {stored("deposited", {}), "unknown: " + where + "deposited: expected type Deposited"},
      {stored("Deposited", {}, "4"),
       "unknown: " + where + "Deposited: its event version is 4, and this code knows them up to 3"},
      {stored("Deposited", {}, "99999999999999999999"),
       "unknown: " + where + "Deposited: its event version is 2147483647, and this code knows them up to 3"},
      {stored("Deposited", {}, "0"),
       "malformed: " + where + "Deposited: metadata eventVersion: expected an integer of 1 or more"},
      {stored("Deposited", {}, "-1"),
       "malformed: " + where + "Deposited: metadata eventVersion: expected an integer of 1 or more"},
      {stored("Deposited", {}, "2x"),
       "malformed: " + where + "Deposited: metadata eventVersion: expected an integer of 1 or more"},
      {stored("Deposited", {{"reference", "r"}}, "3"), "malformed: " + where + "Deposited: cents: missing"},
      {stored("Deposited", {{"burst", 1}}),
       "malformed: " + where + "Deposited: the upcaster from version 1 threw: it burst"},
      {stored("Deposited", {{"leak", 1}}, "2"),
       "malformed: " + where + "Deposited: the upcaster from version 2 threw: no std::exception"},
  };
  for (auto const& r : table) {
    BOOST_TEST(failure_of([&] { aether::event_as<deposited>(r.e); }) == r.expected);
  }
  aether::event empty = stored("Deposited", {});
  empty.metadata.set("eventVersion", "");
  BOOST_TEST(failure_of([&] { aether::event_as<deposited>(empty); }).starts_with("malformed"));
  BOOST_TEST(failure_of([&] {
               aether::event_as<withdrawn>(stored("Withdrawn", {{"items", {{{"amount", 1}}, {{"amount", "x"}}}}}));
             }) == "malformed: " + where + "Withdrawn: items[1].amount: expected an integer, got a string");
}

BOOST_AUTO_TEST_CASE(one_type_may_be_asked_for) {
  aether::event const e = aether::to_event("account-1", 1, deposited{"r", 10});
  BOOST_TEST(aether::is_event<deposited>(e));
  BOOST_TEST(!aether::is_event<withdrawn>(e));
  BOOST_TEST(aether::is_event<deposited>(stored("PaidIn", {})));
  BOOST_TEST(aether::is_event<deposited>(stored("Deposited", {}, "4"))); // but cannot be read
  BOOST_TEST((aether::event_if<deposited>(e) == deposited{"r", 10}));
  BOOST_TEST(!aether::event_if<withdrawn>(e));
  BOOST_TEST(failure_of([] { aether::event_if<deposited>(stored("Deposited", {}, "4")); }).starts_with("unknown"));
  BOOST_TEST(failure_of([] { aether::event_if<deposited>(stored("Deposited", {}, "3")); }).starts_with("malformed"));
}

BOOST_AUTO_TEST_CASE(an_event_is_one_of_a_set) {
  auto const read = aether::event_as_one_of<account_events>;
  BOOST_TEST((std::get<deposited>(*read(aether::to_event("a-1", 1, deposited{"r", 10}))) == deposited{"r", 10}));
  BOOST_TEST(read(aether::to_event("a-1", 1, withdrawn{}))->index() == 1u);
  BOOST_TEST(read(aether::to_event("a-1", 1, closed()))->index() == 2u);
  BOOST_TEST((std::get<deposited>(*read(stored("PaidIn", {{"amount", 4}}))) == deposited{"none", 400}));
  BOOST_TEST(!read(stored("Opened", {})));
  BOOST_TEST(!read(stored("", {})));
  BOOST_TEST(!read(stored("Deposited", {}, "4")));
  BOOST_TEST(!read(stored("Closed", {}, "2")));
  BOOST_TEST(!read(stored("Opened", {}, "no version"))); // nobody asked for its version
  BOOST_TEST(failure_of([&] { read(stored("Deposited", {}, "3")); }).starts_with("malformed"));
  BOOST_TEST(failure_of([&] { read(stored("Deposited", {}, "no version")); }).starts_with("malformed"));
  using variant = std::variant<withdrawn, closed>;
  BOOST_TEST(aether::event_as_one_of<variant>(aether::to_event("a-1", 1, closed()))->index() == 1u);
  BOOST_TEST(!aether::event_as_one_of<variant>(aether::to_event("a-1", 1, deposited())));
}

BOOST_AUTO_TEST_CASE(each_type_has_its_handler) {
  auto const handled = [](aether::event const& e) {
    return aether::visit_event<account_events>(
        e, [](closed) { return std::string("closed"); }, //
        [](deposited const& d) { return d.reference + std::to_string(d.cents); },
        [](aether::event const& u) { return "unknown " + u.event_type; },
        [](withdrawn w) { return std::to_string(w.items.size()); });
  };
  BOOST_TEST(handled(aether::to_event("a-1", 1, deposited{"r", 10})) == "r10");
  BOOST_TEST(handled(aether::to_event("a-1", 1, withdrawn{{{5}}})) == "1");
  BOOST_TEST(handled(aether::to_event("a-1", 1, closed())) == "closed");
  BOOST_TEST(handled(stored("PaidIn", {{"amount", 4}})) == "none400");
  BOOST_TEST(handled(stored("Opened", {})) == "unknown Opened");
  BOOST_TEST(handled(stored("Closed", {}, "2")) == "unknown Closed");
  BOOST_TEST(failure_of([&] { handled(stored("Withdrawn", {})); }).starts_with("malformed"));
}

BOOST_AUTO_TEST_CASE(what_is_unknown_is_skipped_or_an_error_as_was_chosen) {
  int calls = 0;
  auto const count = [&](auto const&) { ++calls; };
  aether::visit_event<account_events>(stored("Opened", {}), count, aether::unknown_events::skip);
  aether::visit_event<account_events>(stored("Closed", {}, "2"), count, aether::unknown_events::skip);
  BOOST_TEST(calls == 0);
  aether::visit_event<account_events::variant>(stored("Closed", {}), aether::unknown_events::skip, count);
  BOOST_TEST(calls == 1);
  auto const strict = [&](aether::event const& e) {
    return failure_of([&] { aether::visit_event<account_events>(e, aether::unknown_events::error, count); });
  };
  BOOST_TEST(strict(stored("Closed", {})) == "nothing");
  BOOST_TEST(calls == 2);
  BOOST_TEST(strict(stored("Opened", {})) == "unknown: actor account-1, version 7, type Opened: expected one of "
                                             "Deposited, MoneyPaidIn, PaidIn, Withdrawn, Closed");
  BOOST_TEST(strict(stored("Closed", {}, "2")) ==
             "unknown: actor account-1, version 7, type Closed: its event version is 2, newer than this code knows");
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(handlers_may_be_named_change_state_and_return_what_cannot_be_copied) {
  struct totals {
    std::int64_t sum = 0;
    void operator()(deposited const& d) { sum += d.cents; }
    void operator()(withdrawn const& w) { sum -= w.items.at(0).amount; }
    void operator()(closed const&) { sum = 0; }
  } all;
  aether::visit_event<account_events>(aether::to_event("a-1", 1, deposited{"r", 10}), all,
                                      aether::unknown_events::skip);
  aether::visit_event<account_events>(aether::to_event("a-1", 2, withdrawn{{{4}}}), all, aether::unknown_events::skip);
  BOOST_TEST(all.sum == 6);
  auto const made = aether::visit_event<aether::event_set<closed>>(
      stored("Closed", {}), [](closed) { return std::make_unique<int>(5); }, aether::unknown_events::error);
  BOOST_TEST(*made == 5);
}

BOOST_AUTO_TEST_CASE(handlers_may_be_coroutines) {
  std::string seen;
  aether::test::run([&](boost::asio::io_context&) -> aether::awaitable<void> {
    auto const e =
        stored("Deposited", {{"reference", "a reference that is longer than a short string"}, {"cents", 4}}, "3");
    auto const on_unknown = [](aether::event const&) -> aether::awaitable<void> { co_return; };
    co_await aether::visit_event<aether::event_set<deposited>>(
        e,
        [&](deposited d) -> aether::awaitable<void> {
          seen = d.reference;
          co_return;
        },
        on_unknown);
  });
  BOOST_TEST(seen == "a reference that is longer than a short string");
}

BOOST_AUTO_TEST_SUITE_END()
