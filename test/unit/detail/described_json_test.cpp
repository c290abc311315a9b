// C++ values as JSON and back: every kind of type, what does not fit and where, members that come and go.
#include <aether/detail/described_json.hpp>

#include <aether/json.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <vector>

BOOST_AUTO_TEST_SUITE(described_json)

namespace {

using aether::detail::json_convertible;
using namespace std::chrono_literals;

enum class status { placed, paid, lost = -3 };
BOOST_DESCRIBE_ENUM(status, placed, paid, lost)
enum class undescribed { a };

struct item {
  std::string sku;
  std::int64_t amount = 0;
  std::optional<std::string> note;
  friend bool operator==(item const&, item const&) = default;
};
BOOST_DESCRIBE_STRUCT(item, (), (sku, amount, note))

struct numbered {
  int number = 0;
  friend bool operator==(numbered const&, numbered const&) = default;
};
BOOST_DESCRIBE_STRUCT(numbered, (), (number))

struct order : numbered {
  status is = status::placed;
  std::vector<item> items;
  std::map<std::string, item> by_name;
  friend bool operator==(order const&, order const&) = default;
};
BOOST_DESCRIBE_STRUCT(order, (numbered), (is, items, by_name))

struct tree {
  int value = 0;
  std::vector<tree> children;
  friend bool operator==(tree const&, tree const&) = default;
};
BOOST_DESCRIBE_STRUCT(tree, (), (value, children))

struct nothing {
  friend bool operator==(nothing const&, nothing const&) = default;
};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

/// Converts itself, though it is described.
struct cents {
  std::int64_t count = 0;
  friend bool operator==(cents const&, cents const&) = default;
};
BOOST_DESCRIBE_STRUCT(cents, (), (count))
void tag_invoke(boost::json::value_from_tag, boost::json::value& to, cents const& from) {
  to = std::to_string(from.count) + " ct";
}
cents tag_invoke(boost::json::value_to_tag<cents>, boost::json::value const& from) {
  if (!from.is_string())
    throw std::runtime_error("no amount of money");
  return cents{std::stoll(std::string(from.get_string().data(), from.get_string().size()))};
}

/// Reads by the form of Boost.JSON that does not throw.
struct half {
  int value = 0;
  friend bool operator==(half const&, half const&) = default;
};
void tag_invoke(boost::json::value_from_tag, boost::json::value& to, half const& from) { to = from.value * 2; }
boost::json::result<half> tag_invoke(boost::json::try_value_to_tag<half>, boost::json::value const& from) {
  if (!from.is_int64())
    return boost::json::make_error_code(boost::json::error::not_number);
  return half{static_cast<int>(from.get_int64() / 2)};
}

/// Only written: cannot be kept.
struct one_way {};
[[maybe_unused]] void tag_invoke(boost::json::value_from_tag, boost::json::value& to, one_way const&) { to = 1; }

struct holds_pointer {
  int fine = 0;
  std::unique_ptr<int> not_fine;
};
BOOST_DESCRIBE_STRUCT(holds_pointer, (), (fine, not_fine))
struct deep {
  std::map<std::string, std::vector<std::optional<holds_pointer>>> parts;
};
BOOST_DESCRIBE_STRUCT(deep, (), (parts))
struct no_default {
  explicit no_default(int) {}
  int value = 0;
};
BOOST_DESCRIBE_STRUCT(no_default, (), (value))
struct fixed {
  int const value = 0;
};
BOOST_DESCRIBE_STRUCT(fixed, (), (value))

static_assert(json_convertible<bool> && json_convertible<std::uint8_t> && json_convertible<float>);
static_assert(json_convertible<order> && json_convertible<tree> && json_convertible<nothing>);
static_assert(json_convertible<cents> && json_convertible<half> && json_convertible<aether::event>);
static_assert(json_convertible<std::vector<std::optional<std::map<std::string, std::array<tree, 2>>>>>);
static_assert(json_convertible<std::chrono::hours> && json_convertible<std::chrono::sys_days>);
static_assert(!json_convertible<char> && !json_convertible<wchar_t> && !json_convertible<long double>);
static_assert(!json_convertible<void*> && !json_convertible<char const*> && !json_convertible<std::string_view>);
static_assert(!json_convertible<undescribed> && !json_convertible<one_way>);
static_assert(!json_convertible<holds_pointer> && !json_convertible<deep>);
static_assert(!json_convertible<no_default> && !json_convertible<fixed>);
static_assert(!json_convertible<std::map<int, int>> && !json_convertible<std::multimap<std::string, int>>);
static_assert(!json_convertible<std::variant<int, std::string>> && !json_convertible<std::monostate>);
static_assert(!json_convertible<std::chrono::duration<double>> && !json_convertible<std::wstring>);
static_assert(!json_convertible<std::chrono::steady_clock::time_point>);

template <class T> std::string text_of(T const& from) {
  return boost::json::serialize(aether::detail::to_json_value(from));
}

/// Into JSON of this text, and from it the same again.
template <class T> void same(T const& from, std::string const& text) {
  BOOST_TEST_CONTEXT(text) {
    BOOST_TEST(text_of(from) == text);
    T back{};
    std::string why;
    BOOST_TEST(aether::detail::from_json_value(boost::json::parse(text), back, why), why);
    BOOST_TEST((back == from));
  }
}

/// What is told about this text; "fits" when it does.
template <class T> std::string why_not(std::string const& text) {
  T read{};
  std::string why = "untouched";
  return aether::detail::from_json_value(boost::json::parse(text), read, why) ? "fits" : why;
}

template <class T> T from_text(std::string const& text) {
  T read{};
  std::string why;
  if (!aether::detail::from_json_value(boost::json::parse(text), read, why))
    BOOST_ERROR(text + ": " + why);
  return read;
}

} // namespace

BOOST_AUTO_TEST_CASE(scalars_become_json_and_come_back) {
  same(true, "true");
  same(false, "false");
  same<std::int8_t>(-128, "-128");
  same<std::uint8_t>(255, "255");
  same<std::int32_t>(std::numeric_limits<std::int32_t>::min(), "-2147483648");
  same<std::int64_t>(std::numeric_limits<std::int64_t>::max(), "9223372036854775807");
  same<std::int64_t>(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808");
  same<std::uint64_t>(std::numeric_limits<std::uint64_t>::max(), "18446744073709551615");
  same(0.5, "5E-1");
  same(0.25f, "2.5E-1");
  same(std::string("t\"ea"), R"("t\"ea")");
  same(status::paid, R"("paid")");
  same(status::lost, R"("lost")");
  same(boost::json::value(nullptr), "null");
  same(boost::json::object{{"a", 1}}, R"({"a":1})");
  same(boost::json::array{1, "x"}, R"([1,"x"])");
  same(boost::json::string("x"), R"("x")");
}

BOOST_AUTO_TEST_CASE(small_unsigned_numbers_are_held_as_a_reader_of_text_holds_them) {
  BOOST_TEST(aether::detail::to_json_value(std::uint64_t(7)).is_int64());
  BOOST_TEST(aether::detail::to_json_value(std::numeric_limits<std::uint64_t>::max()).is_uint64());
}

BOOST_AUTO_TEST_CASE(times_are_text_and_durations_nanoseconds) {
  same(aether::time_point(1'500'000'001ns), R"("1970-01-01T00:00:01.500000001Z")");
  same(aether::time_point::min(), R"("1677-09-21T00:12:43.145224192Z")");
  same(aether::time_point::max(), R"("2262-04-11T23:47:16.854775807Z")");
  same(std::chrono::sys_seconds(1s), R"("1970-01-01T00:00:01Z")");
  same(std::chrono::sys_days(std::chrono::days(2)), R"("1970-01-03T00:00:00Z")");
  same<std::chrono::nanoseconds>(-7ns, "-7");
  same<std::chrono::milliseconds>(3ms, "3000000");
  same<std::chrono::hours>(2h, "7200000000000");
  BOOST_TEST((from_text<std::chrono::sys_seconds>(R"("1970-01-01T01:00:01+01:00")") == std::chrono::sys_seconds(1s)));
  BOOST_TEST(why_not<std::chrono::sys_seconds>(R"("1970-01-01T00:00:01.5Z")") ==
             "expected a multiple of 1000000000 ns, got a string");
  BOOST_TEST(why_not<std::chrono::milliseconds>("1000001") == "expected a multiple of 1000000 ns, got 1000001");
  BOOST_TEST(why_not<std::chrono::nanoseconds>("0.5") ==
             "expected nanoseconds as an integer, got a number with a fraction");
  BOOST_TEST((why_not<std::chrono::duration<std::int8_t, std::nano>>("128") == "expected a shorter time, got 128"));
  BOOST_TEST(why_not<aether::time_point>(R"("yesterday")") ==
             "expected a time of RFC 3339 such as 2026-01-31T12:00:00Z, got a string");
  BOOST_TEST(why_not<aether::time_point>("5") == "expected a time of RFC 3339 such as 2026-01-31T12:00:00Z, got 5");
}

BOOST_AUTO_TEST_CASE(numbers_fit_or_are_refused) {
  BOOST_TEST(why_not<std::int32_t>("2147483648") ==
             "expected an integer from -2147483648 to 2147483647, got 2147483648");
  BOOST_TEST(why_not<std::int32_t>("-2147483649") ==
             "expected an integer from -2147483648 to 2147483647, got -2147483649");
  BOOST_TEST(why_not<std::uint8_t>("256") == "expected an integer from 0 to 255, got 256");
  BOOST_TEST(why_not<std::uint64_t>("-1") == "expected an integer from 0 to 18446744073709551615, got -1");
  BOOST_TEST(why_not<std::int64_t>("9223372036854775808") ==
             "expected an integer from -9223372036854775808 to 9223372036854775807, got 9223372036854775808");
  BOOST_TEST(why_not<int>("1.5") == "expected an integer, got a number with a fraction");
  BOOST_TEST(why_not<unsigned>("-0.5") == "expected an integer, got a number with a fraction");
  BOOST_TEST(why_not<int>("true") == "expected an integer, got a boolean");
  BOOST_TEST(why_not<int>("null") == "expected an integer, got null");
  BOOST_TEST(why_not<int>(R"("7")") == "expected an integer, got a string");
  BOOST_TEST(why_not<bool>("1") == "expected a boolean, got 1");
  BOOST_TEST(why_not<double>(R"("7")") == "expected a number, got a string");
  BOOST_TEST(why_not<float>("1e300") == "expected a smaller number, got a number");
  // Other writers have only doubles.
  BOOST_TEST(from_text<int>("2.0") == 2);
  BOOST_TEST(from_text<std::uint64_t>("1e19") == 10'000'000'000'000'000'000u);
  BOOST_TEST(why_not<std::uint64_t>("18446744073709551616.0").starts_with("expected an integer from 0 to"));
  BOOST_TEST(why_not<std::int64_t>("9223372036854775808.0").starts_with("expected an integer from -9"));
  BOOST_TEST(from_text<std::int64_t>("-9223372036854775808.0") == std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(from_text<double>("3") == 3.0);
  BOOST_TEST(from_text<double>("18446744073709551615") == 0x1p64);
}

BOOST_AUTO_TEST_CASE(structs_are_objects_with_the_members_of_their_bases) {
  order o;
  o.number = 7;
  o.is = status::paid;
  o.items = {{"tea", 2, {}}, {"cup", 1, "blue"}};
  o.by_name["x"] = {"tea", 3, {}};
  same(o, R"({"number":7,"is":"paid","items":[{"sku":"tea","amount":2},{"sku":"cup","amount":1,"note":"blue"}],)"
          R"("by_name":{"x":{"sku":"tea","amount":3}}})");
  same(nothing(), "{}");
  same(tree{1, {{2, {}}, {3, {{4, {}}}}}},
       R"({"value":1,"children":[{"value":2,"children":[]},{"value":3,"children":[{"value":4,"children":[]}]}]})");
}

BOOST_AUTO_TEST_CASE(members_may_come_and_go) {
  item const plain{"tea", 2, {}};
  BOOST_TEST((from_text<item>(R"({"amount":2,"later":{"x":[]},"sku":"tea"})") == plain));
  BOOST_TEST((from_text<item>(R"({"sku":"tea","amount":2,"note":null})") == plain));
  BOOST_TEST(why_not<item>(R"({"sku":"tea"})") == "amount: missing");
  BOOST_TEST(why_not<item>(R"({"sku":"tea","amount":null})") == "amount: expected an integer, got null");
  BOOST_TEST(why_not<nothing>("[]") == "expected an object, got an array");
  // What was there before does not stay.
  item reused{"cup", 9, "blue"};
  std::string why;
  BOOST_TEST(aether::detail::from_json_value(boost::json::parse(R"({"sku":"tea","amount":2})"), reused, why));
  BOOST_TEST((reused == plain));
}

BOOST_AUTO_TEST_CASE(containers_are_arrays_and_objects) {
  same(std::vector<int>{1, 2}, "[1,2]");
  same(std::vector<bool>{true, false}, "[true,false]");
  same(std::deque<std::string>{"a", "b"}, R"(["a","b"])");
  same(std::list<double>{}, "[]");
  same(std::set<int>{3, 1}, "[1,3]");
  same(std::array<int, 2>{4, 5}, "[4,5]");
  same(std::vector<std::optional<int>>{1, {}, 3}, "[1,null,3]");
  same(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}}, R"({"a":[1],"b":[]})");
  same(std::unordered_map<std::string, status>{{"a", status::placed}}, R"({"a":"placed"})");
  BOOST_TEST(why_not<std::vector<int>>("{}") == "expected an array, got an object");
  BOOST_TEST((why_not<std::map<std::string, int>>("[]") == "expected an object, got an array"));
  BOOST_TEST((why_not<std::array<int, 2>>("[1]") == "expected an array of 2, got one of 1"));
  BOOST_TEST((why_not<std::array<int, 2>>("[1,2,3]") == "expected an array of 2, got one of 3"));
}

BOOST_AUTO_TEST_CASE(a_fault_names_its_path) {
  std::string const good = R"({"number":1,"is":"placed","items":[{"sku":"a","amount":1}],"by_name":{}})";
  BOOST_TEST(why_not<order>(good) == "fits");
  auto const with = [&](std::string const& from, std::string const& to) {
    std::string changed = good;
    return why_not<order>(changed.replace(changed.find(from), from.size(), to));
  };
  BOOST_TEST(with(R"("number":1)", R"("number":{})") == "number: expected an integer, got an object");
  BOOST_TEST(with(R"("placed")", R"("sent")") == "is: expected one of placed, paid, lost, got a string");
  BOOST_TEST(with(R"("placed")", "0") == "is: expected one of placed, paid, lost, got 0");
  BOOST_TEST(with(R"([{"sku")", R"([{"sku":"b","amount":2},{"sku")") == "fits");
  BOOST_TEST(with(R"("amount":1)", R"("amount":1.5)") ==
             "items[0].amount: expected an integer, got a number with a fraction");
  BOOST_TEST(with(R"("amount":1)", R"("amount":1,"note":[])") == "items[0].note: expected a string, got an array");
  BOOST_TEST(with(R"([{"sku")", R"([{"sku":"b","amount":2},7,{"sku")") == "items[1]: expected an object, got 7");
  BOOST_TEST(with(R"("by_name":{})", R"("by_name":{"x":{"sku":"a"}})") == "by_name.x.amount: missing");
  BOOST_TEST(why_not<tree>(R"({"value":1,"children":[{"value":1,"children":[{"value":"x","children":[]}]}]})") ==
             "children[0].children[0].value: expected an integer, got a string");
  BOOST_TEST(why_not<std::vector<std::vector<int>>>("[[1],[2,true]]") == "[1][1]: expected an integer, got a boolean");
}

BOOST_AUTO_TEST_CASE(a_conversion_of_the_users_goes_before_ours) {
  same(cents{5}, R"("5 ct")");
  same(half{4}, "8");
  same(std::vector<cents>{{1}, {2}}, R"(["1 ct","2 ct"])");
  BOOST_TEST(why_not<std::vector<cents>>(R"(["1 ct",5])") == "[1]: no amount of money");
  BOOST_TEST(why_not<half>("true").find("not a number") != std::string::npos, why_not<half>("true"));
  aether::event const e = aether::make_event("T", "a-1", 1, {{"x", 1}});
  aether::event back;
  std::string why;
  BOOST_TEST(aether::detail::from_json_value(aether::detail::to_json_value(e), back, why), why);
  BOOST_TEST((back == e));
}

BOOST_AUTO_TEST_CASE(what_has_no_form_is_refused_when_it_is_written) {
  auto const refused = [](auto const& value) {
    BOOST_CHECK_EXCEPTION(aether::detail::to_json_value(value), aether::error,
                          [](auto const& e) { return e.code() == aether::errc::invalid_argument; });
  };
  refused(static_cast<status>(17));
  refused(std::chrono::hours::max());
  refused(std::chrono::hours::min());
  refused(std::chrono::sys_days::max());
}

BOOST_AUTO_TEST_SUITE_END()
