// A stream's settings: what is asked for, what an existing stream lacks, and what may be done about it.
#include <nats/config_defaults.hpp>
#include <nats/stream_settings.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <ostream>
#include <tuple>

BOOST_AUTO_TEST_SUITE(stream_settings)

namespace json = boost::json;
using namespace aether::nats;
using namespace aether::nats::detail;
using namespace std::chrono_literals;
using aether::errc;

namespace {

using kind = difference_kind;

wanted_stream wanted(jetstream_config const& config = {}, bool batches = false) {
  return make_wanted(resolved(config), "orders", batches);
}

jetstream_config in_namespace(std::string name_space) {
  jetstream_config c;
  c.name_space = std::move(name_space);
  return c;
}

/// What a server echoes of a configuration: the settings it was not given have their defaults.
json::object echoed(json::object config) {
  for (char const* limit : {"max_consumers", "max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size"})
    config.emplace(limit, -1);
  for (char const* flag : {"allow_direct", "mirror_direct", "sealed", "deny_delete", "deny_purge", "allow_rollup_hdrs"})
    config.emplace(flag, false);
  config.emplace("discard", "old");
  config.emplace("duplicate_window", 120'000'000'000);
  return config;
}

/// As the Go library makes it.
json::object go_stream() {
  return echoed({{"name", "orders"},
                 {"subjects", {"orders.events.>", "orders.snapshots.>"}},
                 {"retention", "limits"},
                 {"storage", "file"},
                 {"max_age", 31'536'000'000'000'000},
                 {"num_replicas", 1}});
}

std::vector<std::string> names(std::vector<difference> const& differences) {
  std::vector<std::string> list;
  for (auto const& d : differences)
    list.push_back(d.setting);
  return list;
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

struct change {
  char const* setting;
  json::value value;
  difference_kind kind;
  std::string wanted;
  std::string actual;
};
std::ostream& operator<<(std::ostream& out, change const& c) { return out << c.setting << " = " << c.value; }

change const changes[] = {
    {"max_age", 86'400'000'000'000, kind::differs, "365 days", "1 day"},
    {"max_age", 0, kind::differs, "365 days", "forever"},
    {"max_age", "1y", kind::differs, "365 days", "\"1y\""},
    {"duplicate_window", 100'000'000, kind::differs, "2 min", "100 ms"},
    {"num_replicas", 3, kind::differs, "1", "3"},
    {"storage", "memory", kind::differs, "\"file\"", "\"memory\""},
    {"max_bytes", 1000, kind::differs, "unlimited", "1000"},
    {"max_msgs", 5, kind::differs, "unlimited", "5"},
    {"max_msgs_per_subject", 1, kind::differs, "unlimited", "1"},
    {"max_msg_size", 512, kind::differs, "unlimited", "512"},
    {"max_consumers", 1, kind::differs, "unlimited", "1"},
    {"discard_new_per_subject", true, kind::differs, "false", "true"},
    {"allow_rollup_hdrs", true, kind::differs, "false", "true"},
    {"allow_msg_ttl", true, kind::differs, "false", "true"},
    {"allow_msg_schedules", true, kind::differs, "false", "true"},
    {"subject_delete_marker_ttl", 1'000'000'000, kind::differs, "none", "1 s"},
    {"persist_mode", "async", kind::differs, "\"default\"", "\"async\""},
    {"allow_direct", false, kind::differs, "true", "false"},
    {"deny_delete", false, kind::differs, "true", "false"},
    {"deny_purge", false, kind::differs, "true", "false"},
    {"retention", "workqueue", kind::unusable, "\"limits\"", "\"workqueue\""},
    {"retention", "interest", kind::unusable, "\"limits\"", "\"interest\""},
    {"sealed", true, kind::unusable, "false", "true"},
    {"no_ack", true, kind::unusable, "false", "true"},
    {"allow_msg_counter", true, kind::unusable, "false", "true"},
};

/// `subjects` of an existing stream, and whether a store can live there and finds nothing to say about it.
struct subjects_row {
  json::array subjects;
  bool usable;
  bool same;
};

} // namespace

BOOST_AUTO_TEST_CASE(what_is_asked_for) {
  auto const w = wanted();
  BOOST_TEST(w.name == "orders");
  BOOST_TEST((w.config == json::parse(R"({"name":"orders",
    "description":"{\"aether\":1,\"namespace\":\"\",\"stream\":\"orders\",\"encoding\":\"percent\"}",
    "subjects":["orders.events.>","orders.snapshots.>"],"retention":"limits","storage":"file",
    "max_age":31536000000000000,"num_replicas":1,"duplicate_window":120000000000,
    "allow_direct":true,"deny_delete":true,"deny_purge":true})")
                              .as_object()));
}

BOOST_AUTO_TEST_CASE(options_reach_the_configuration) {
  jetstream_config c;
  c.name_space = "tenant";
  c.stream_retention = retention::forever;
  c.replica_count = 3;
  c.duplicate_window = 5min;
  c.max_stream_bytes = 1'000'000;
  c.subject_encoding = subject_encoding::underscore;
  auto const w = wanted(c, true);
  BOOST_TEST(w.name == "tenant_orders");
  BOOST_TEST((w.config.at("subjects") == json::array{"tenant_orders.events.>", "tenant_orders.snapshots.>"}));
  BOOST_TEST((w.config.at("max_age") == json::value(0)));
  BOOST_TEST((w.config.at("num_replicas") == json::value(3)));
  BOOST_TEST((w.config.at("duplicate_window") == json::value(300'000'000'000)));
  BOOST_TEST((w.config.at("max_bytes") == json::value(1'000'000)));
  BOOST_TEST((w.config.at("discard") == json::value("new")));
  BOOST_TEST((w.config.at("allow_atomic") == json::value(true)));
  BOOST_TEST(has(std::string(w.config.at("description").as_string()), "underscore"));
  BOOST_CHECK_THROW(make_wanted(resolved({}), "a.b", false), aether::error);
}

BOOST_AUTO_TEST_CASE(what_is_left_open_is_taken_after_a_stream) {
  boost::json::object actual{
      {"max_age", 0}, {"num_replicas", 3}, {"max_bytes", 1'000'000'000}, {"duplicate_window", 300'000'000'000}};
  auto taken = taken_after(actual, jetstream_config());
  BOOST_TEST((taken.stream_retention == retention::forever));
  BOOST_TEST(taken.replica_count == 3);
  BOOST_TEST(taken.max_stream_bytes == 1'000'000'000u);
  BOOST_TEST((taken.duplicate_window == std::chrono::minutes(5)));
  actual["max_age"] = 3'600'000'000'000;
  actual["max_bytes"] = -1;
  taken = taken_after(actual, jetstream_config());
  BOOST_TEST((taken.stream_retention == std::chrono::hours(1)));
  BOOST_TEST(taken.max_stream_bytes == 0u);
  jetstream_config said;
  said.stream_retention = std::chrono::hours(2);
  said.replica_count = 1;
  said.max_stream_bytes = 5;
  said.duplicate_window = std::chrono::seconds(1);
  taken = taken_after(actual, said);
  BOOST_TEST((taken.stream_retention == said.stream_retention && taken.duplicate_window == said.duplicate_window));
  BOOST_TEST((taken.replica_count == 1 && taken.max_stream_bytes == 5u));
}

BOOST_AUTO_TEST_CASE(the_record_round_trips_and_fits) {
  for (auto const encoding : {subject_encoding::percent, subject_encoding::underscore}) {
    stream_record r;
    r.name_space = std::string(200, 'n');
    r.stream_name = std::string(200, 's');
    r.encoding = encoding;
    stream_record back;
    BOOST_TEST(description_of(r).size() < 4'096u);
    BOOST_TEST((parse_description(description_of(r), back) == record_state::read));
    BOOST_TEST((back == r));
  }
}

BOOST_AUTO_TEST_CASE(other_descriptions_are_told_apart) {
  stream_record r;
  for (char const* none : {"", "orders of the shop", "{", "[]", "{}", R"({"stream":"orders"})", "\xFF", "null"})
    BOOST_TEST((parse_description(none, r) == record_state::none), none);
  for (char const* broken : {R"({"aether":2,"namespace":"","stream":"orders","encoding":"percent"})", R"({"aether":1})",
                             R"({"aether":"1","namespace":"","stream":"orders","encoding":"percent"})",
                             R"({"aether":1,"namespace":null,"stream":"orders","encoding":"percent"})",
                             R"({"aether":1,"namespace":"","stream":7,"encoding":"percent"})",
                             R"({"aether":1,"namespace":"","stream":"orders","encoding":"base64"})",
                             R"({"aether":-1,"namespace":"","stream":"orders","encoding":"percent"})"})
    BOOST_TEST((parse_description(broken, r) == record_state::broken), broken);
}

BOOST_AUTO_TEST_CASE(a_record_with_a_layout_reads_back) {
  stream_record r;
  r.stream_name = "orders-0003";
  auto& layout = r.layout.emplace();
  layout.store = "orders";
  layout.streams = 16;
  layout.index = 3;
  layout.hash = "siphash-2-4-128/jump";
  layout.version = 2;
  stream_record back;
  for (std::size_t const adding : {0u, 32u}) {
    layout.adding = adding;
    BOOST_TEST((parse_description(description_of(r), back) == record_state::read));
    BOOST_TEST((back == r));
  }
  auto const text = description_of(r);
  for (auto const& [part, instead] :
       {std::pair(R"("streams":16)", R"("streams":3)"), std::pair(R"("streams":16)", R"("streams":-1)"),
        std::pair(R"("index":3)", R"("index":"3")"), std::pair(R"("version":2)", R"("version":0)"),
        std::pair(R"("hash":)", R"("hush":)"), std::pair(R"("store":"orders")", R"("store":7)"),
        std::pair(R"("adding":32)", R"("adding":null)")}) {
    auto broken = text;
    broken.replace(broken.find(part), std::string_view(part).size(), instead);
    BOOST_TEST((parse_description(broken, back) == record_state::broken), broken);
  }
}

BOOST_AUTO_TEST_CASE(a_stream_of_a_sharded_store_is_none_of_its_own) {
  jetstream_config const config = resolved({});
  stream_layout layout;
  layout.store = "orders";
  layout.streams = 16;
  layout.index = 3;
  layout.hash = "siphash-2-4-128/jump";
  layout.version = 1;
  auto const part = make_wanted(config, "orders-0003", false, layout);
  auto const whole = make_wanted(config, "orders-0003", false);
  for (auto const* wanted : {&part, &whole}) {
    auto const& other = wanted == &part ? whole : part;
    auto const refused = refusal(*wanted, compare(*wanted, other.config), existing_stream::adopt);
    BOOST_TEST_REQUIRE(refused.has_value());
    BOOST_TEST((refused->code() == errc::stream_settings_differ));
    std::string const text = refused->what();
    BOOST_TEST(text.find("stream 3 of the 16 of sharded store \"orders\"") != std::string::npos, text);
    BOOST_TEST(text.find("a store of its own") != std::string::npos, text);
    BOOST_TEST(!refusal(*wanted, compare(*wanted, wanted->config), existing_stream::require).has_value());
  }
}

BOOST_AUTO_TEST_CASE(our_own_stream_is_as_wanted) {
  jetstream_config limited;
  limited.max_stream_bytes = 1'000;
  for (auto const& w : {wanted(), wanted({}, true), wanted(limited), wanted(in_namespace("t"))}) {
    auto const d = compare(w, echoed(w.config));
    BOOST_TEST(d.empty(), (d.empty() ? "" : d.front().setting));
    BOOST_TEST(!refusal(w, d, existing_stream::require).has_value());
    BOOST_TEST(!mended(w.config, d).has_value());
    BOOST_TEST(weakened(d).empty());
  }
}

BOOST_AUTO_TEST_CASE(what_takes_nothing_away_is_not_compared) {
  auto actual = echoed(wanted().config);
  actual["compression"] = "s2";
  actual["placement"] = json::object{{"cluster", "east"}};
  actual["republish"] = json::object{{"src", ">"}, {"dest", "copy.>"}};
  actual["metadata"] = json::object{{"_nats.level", "5"}};
  actual["consumer_limits"] = json::object{};
  actual["allow_atomic"] = true; // made by a store that knew of batches
  actual["something_new"] = true;
  BOOST_TEST(compare(wanted(), actual).empty());
}

BOOST_DATA_TEST_CASE(each_setting_is_compared, boost::unit_test::data::make(changes), c) {
  auto const w = wanted();
  auto actual = echoed(w.config);
  actual[c.setting] = c.value;
  auto const all = compare(w, actual);
  auto const d = std::find_if(all.begin(), all.end(), [&](auto const& x) { return x.setting == c.setting; });
  BOOST_REQUIRE(d != all.end());
  BOOST_TEST((d->kind == c.kind));
  BOOST_TEST(d->wanted == c.wanted);
  BOOST_TEST(d->actual == c.actual);

  auto const required = refusal(w, all, existing_stream::require);
  BOOST_REQUIRE(required.has_value());
  BOOST_TEST((required->code() == errc::stream_settings_differ));
  BOOST_TEST(has(required->what(), "\"orders\""));
  BOOST_TEST(has(required->what(), std::string(c.setting) + " is " + c.actual + ", wanted " + c.wanted));
  BOOST_TEST(has(required->what(), "on_existing") == (c.kind == kind::differs));
  auto const adopted = refusal(w, all, existing_stream::adopt);
  BOOST_TEST(adopted.has_value() == (c.kind == kind::unusable));
  if (adopted) {
    BOOST_TEST((adopted->code() == errc::stream_settings_differ));
    BOOST_TEST(has(adopted->what(), c.setting));
  }
}

BOOST_AUTO_TEST_CASE(a_full_stream_must_not_drop_events) {
  jetstream_config limited;
  limited.max_stream_bytes = 1'000;
  auto actual = echoed(wanted(limited).config);
  actual["discard"] = "old";
  BOOST_TEST((names(compare(wanted(limited), actual)) == std::vector<std::string>{"discard"}));
  BOOST_TEST((names(compare(wanted(), actual)) == std::vector<std::string>{"max_bytes", "discard"}));
}

BOOST_AUTO_TEST_CASE(where_messages_come_from_and_go_to) {
  for (auto const& [setting, value, expected] :
       {std::tuple("mirror", json::value{{"name", "other"}}, kind::unusable),
        std::tuple("subject_transform", json::value{{"src", ">"}, {"dest", "x.>"}}, kind::unusable),
        std::tuple("sources", json::value(json::array{json::object{{"name", "other"}}}), kind::differs)}) {
    auto actual = echoed(wanted().config);
    actual[setting] = value;
    auto const d = compare(wanted(), actual);
    BOOST_TEST_REQUIRE(d.size() == 1u);
    BOOST_TEST(d.front().setting == setting);
    BOOST_TEST((d.front().kind == expected));
    actual[setting] = nullptr;
    BOOST_TEST(compare(wanted(), actual).empty());
  }
}

BOOST_AUTO_TEST_CASE(subjects_must_cover_both_trees) {
  subjects_row const rows[] = {
      {{"orders.events.>", "orders.snapshots.>"}, true, true},
      {{"orders.snapshots.>", "orders.events.>"}, true, true},
      {{"orders.events.>", "orders.snapshots.>", "orders.more"}, true, false},
      {{"orders.>"}, true, false},
      {{">"}, true, false},
      {{"*.events.>", "orders.*.>"}, true, false},
      {{"orders.events.>"}, false, false},
      {{"orders.events.*", "orders.snapshots.*"}, false, false},
      {{"orders.events.*.*", "orders.snapshots.>"}, false, false},
      {{"order.events.>", "orders.snapshots.>"}, false, false},
      {{"orders.events.a.>", "orders.snapshots.>"}, false, false},
      {{"orders", "orders.events"}, false, false},
      {{7, nullptr}, false, false},
      {{}, false, false},
  };
  for (auto const& row : rows) {
    auto actual = echoed(wanted().config);
    actual["subjects"] = row.subjects;
    auto const d = compare(wanted(), actual);
    BOOST_TEST(d.empty() == row.same, row.subjects);
    BOOST_TEST(refusal(wanted(), d, existing_stream::adopt).has_value() != row.usable, row.subjects);
  }
  auto actual = echoed(wanted().config);
  actual["subjects"] = "orders.>";
  BOOST_TEST(refusal(wanted(), compare(wanted(), actual), existing_stream::adopt).has_value());
}

BOOST_AUTO_TEST_CASE(a_stream_of_another_pair_is_refused_whatever_is_allowed) {
  jetstream_config a_b;
  a_b.name_space = "a";
  auto const theirs = make_wanted(resolved(a_b), "b_c", false);
  a_b.name_space = "a_b";
  auto const ours = make_wanted(resolved(a_b), "c", false);
  BOOST_TEST(theirs.name == ours.name);
  auto const d = compare(ours, echoed(theirs.config));
  for (auto const on_existing : {existing_stream::require, existing_stream::adopt}) {
    auto const e = refusal(ours, d, on_existing);
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST((e->code() == errc::stream_of_another));
    for (char const* part : {"\"a_b_c\"", "\"a\"", "\"b_c\"", "\"a_b\"", "\"c\""})
      BOOST_TEST(has(e->what(), part), part);
  }
  BOOST_TEST(!mended(theirs.config, d).has_value());
}

BOOST_AUTO_TEST_CASE(another_encoding_or_a_later_record_is_refused) {
  jetstream_config underscore;
  underscore.subject_encoding = subject_encoding::underscore;
  auto const d = compare(wanted(), echoed(wanted(underscore).config));
  auto const e = refusal(wanted(), d, existing_stream::adopt);
  BOOST_REQUIRE(e.has_value());
  BOOST_TEST((e->code() == errc::stream_settings_differ));
  BOOST_TEST(has(e->what(), "underscore"));

  auto later = echoed(wanted().config);
  later["description"] = R"({"aether":2,"tenant":"x"})";
  auto const refused = refusal(wanted(), compare(wanted(), later), existing_stream::adopt);
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST((refused->code() == errc::stream_settings_differ));
}

BOOST_AUTO_TEST_CASE(the_go_library_s_stream_is_adopted_and_mended) {
  auto const w = wanted({}, true);
  auto const d = compare(w, go_stream());
  BOOST_TEST((names(d) ==
              std::vector<std::string>{"description", "allow_direct", "deny_delete", "deny_purge", "allow_atomic"}));
  BOOST_TEST(refusal(w, d, existing_stream::require).has_value());
  BOOST_TEST(!refusal(w, d, existing_stream::adopt).has_value());

  auto const update = mended(go_stream(), d);
  BOOST_REQUIRE(update.has_value());
  BOOST_TEST(compare(w, *update).empty());
  json::object expected = go_stream();
  expected["description"] = description_of(w.record);
  for (char const* on : {"allow_direct", "deny_delete", "deny_purge", "allow_atomic"})
    expected[on] = true;
  BOOST_TEST((*update == expected));

  // When the server or its permissions refuse the update, this is what stays weaker.
  auto const weaker = weakened(d);
  BOOST_TEST_REQUIRE(weaker.size() == 4u);
  BOOST_TEST((weaker[1] == weakened_setting("allow_direct", "true", "false")));
}

BOOST_AUTO_TEST_CASE(what_would_harm_the_owner_is_left_alone) {
  auto actual = go_stream();
  actual["description"] = "the shop's orders";
  actual["allow_rollup_hdrs"] = true; // excludes deny_purge
  actual["max_age"] = 86'400'000'000'000;
  actual["num_replicas"] = 3;
  auto const update = mended(actual, compare(wanted(), actual));
  BOOST_REQUIRE(update.has_value());
  for (char const* kept : {"description", "allow_rollup_hdrs", "max_age", "num_replicas", "deny_purge"})
    BOOST_TEST((update->at(kept) == actual.at(kept)), kept);
  auto const left = names(compare(wanted(), *update));
  BOOST_TEST(
      (left == std::vector<std::string>{"description", "num_replicas", "max_age", "allow_rollup_hdrs", "deny_purge"}));
}

BOOST_AUTO_TEST_CASE(a_feature_the_server_got_later_is_never_refused) {
  auto const w = wanted({}, true);
  auto const older = echoed(wanted().config);
  auto const d = compare(w, older);
  BOOST_TEST((names(d) == std::vector<std::string>{"allow_atomic"}));
  BOOST_TEST(!refusal(w, d, existing_stream::require).has_value());
  BOOST_TEST(weakened(d).empty());
  auto const update = mended(older, d);
  BOOST_REQUIRE(update.has_value());
  BOOST_TEST(compare(w, *update).empty());
}

BOOST_AUTO_TEST_CASE(an_answer_that_makes_no_sense_is_not_trusted) {
  auto const d = compare(wanted(), {});
  BOOST_TEST(refusal(wanted(), d, existing_stream::adopt).has_value());
  auto hostile = echoed(wanted().config);
  for (auto& member : hostile)
    member.value() = json::array{-1, nullptr, "x"};
  auto const e = refusal(wanted(), compare(wanted(), hostile), existing_stream::adopt);
  BOOST_REQUIRE(e.has_value());
  BOOST_TEST(has(e->what(), "subjects"));
}

BOOST_AUTO_TEST_SUITE_END()
