// What is found in which facts: each check of the doctor, what it says nothing about, and what nobody could tell it.
#include "nats/doctor_rules.hpp"

#include <aether/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(doctor_rules)

using namespace aether;
using namespace aether::nats;
using namespace aether::nats::detail;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

json::value parsed_json(std::string const& text) { return json::parse(text); }

time_point time_of(std::string const& text) {
  time_point t{};
  BOOST_TEST_REQUIRE(parse_time(text, t));
  return t;
}

/// Three replicas, everything as this library asks for it but that nothing expires, and all servers heard.
doctor_facts healthy() {
  doctor_facts f;
  auto& s = f.stream;
  s.name = "orders";
  s.config = parsed_json(R"({"name":"orders","subjects":["orders.events.>","orders.snapshots.>"],
    "description":"{\"aether\":1,\"namespace\":\"\",\"stream\":\"orders\",\"encoding\":\"percent\"}",
    "retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,
    "max_msg_size":-1,"discard":"old","storage":"file","num_replicas":3,"duplicate_window":120000000000,
    "allow_direct":true,"allow_atomic":true,"deny_delete":true,"deny_purge":true})")
                 .as_object();
  s.messages = 100;
  s.bytes = 50'000;
  s.first_sequence = 1;
  s.subjects = 10;
  s.first_time = time_of("2026-01-01T00:00:00Z");
  s.tells_copies = true;
  s.leader = "n1";
  for (auto const* name : {"n2", "n3"}) {
    copy_facts copy;
    copy.server = name;
    copy.current = true;
    s.copies.push_back(copy);
  }
  f.account = account_facts();
  f.account->api_level = 5;
  for (auto const* name : {"n1", "n2", "n3"}) {
    server_report r;
    r.name = name;
    r.version = "2.15.2";
    r.has_jetstream = true;
    r.syncs_always = true;
    r.sync_interval = 2min;
    r.file.used = 1'000;
    r.file.limit = 1'000'000;
    f.servers.push_back(r);
  }
  f.now = time_of("2026-02-01T00:00:00Z");
  return f;
}

doctor_facts alone() {
  auto f = healthy();
  f.stream.config["num_replicas"] = 1;
  f.stream.copies.clear();
  f.servers.resize(1);
  return f;
}

std::string text_of(std::vector<finding> const& all) {
  std::string text;
  for (auto const& one : all)
    text += std::string(to_string(one.level)) + ' ' + one.check + ": " + one.found + '\n';
  return text;
}

std::vector<finding> of_check(doctor_facts const& facts, std::string const& check) {
  auto all = diagnose(facts);
  std::erase_if(all, [&](finding const& f) { return f.check != check; });
  return all;
}

/// The one finding of that check.
finding only(doctor_facts const& facts, std::string const& check) {
  auto const all = of_check(facts, check);
  BOOST_TEST_REQUIRE(all.size() == 1u, check << " is not found once: " << text_of(diagnose(facts)));
  return all.front();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

struct setting_case {
  std::string config; ///< members that replace those of a healthy stream
  severity level;
  std::string check;
  std::string part; ///< of what is found
};

} // namespace

BOOST_AUTO_TEST_CASE(of_a_healthy_stream_only_the_sync_interval_is_told) {
  auto const all = diagnose(healthy());
  BOOST_TEST(text_of(all) == "info sync_interval: always on n1, n2, n3\n");
  BOOST_TEST(all.front().known);
  BOOST_TEST(all.front().advice == "");
}

BOOST_AUTO_TEST_CASE(each_risky_setting_is_told_by_its_name) {
  std::vector<setting_case> const all{
      {R"({"num_replicas":1})", severity::warning, "num_replicas", "1 replica"},
      {R"({"num_replicas":2})", severity::warning, "num_replicas", "2 replicas"},
      {R"({"num_replicas":4})", severity::warning, "num_replicas", "4 replicas"},
      {R"({"storage":"memory"})", severity::critical, "storage", "memory"},
      {R"({"persist_mode":"async"})", severity::critical, "persist_mode", "async"},
      {R"({"retention":"workqueue"})", severity::critical, "retention", "workqueue"},
      {R"({"retention":"interest"})", severity::critical, "retention", "interest"},
      {R"({"sealed":true})", severity::critical, "sealed", "true"},
      {R"({"no_ack":true})", severity::critical, "no_ack", "true"},
      {R"({"allow_msg_counter":true})", severity::critical, "allow_msg_counter", "true"},
      {R"({"mirror":{"name":"other"}})", severity::critical, "mirror", "other"},
      {R"({"subject_transform":{"src":">","dest":"x.>"}})", severity::critical, "subject_transform", "dest"},
      {R"({"subjects":["orders.events.>"]})", severity::critical, "subjects", "orders.snapshots.>"},
      {R"({"description":"{\"aether\":9}"})", severity::critical, "description", "aether"},
      {R"({"description":"{\"aether\":1,\"namespace\":\"\",\"stream\":\"bills\",\"encoding\":\"percent\"}"})",
       severity::critical, "description", "bills"},
      {R"({"description":"their orders"})", severity::info, "description", "no record"},
      {R"({"max_msgs":1000})", severity::critical, "max_msgs", "drops the oldest"},
      {R"({"max_bytes":1000000})", severity::critical, "max_bytes", "1.0 MB, and drops the oldest"},
      {R"({"max_msgs_per_subject":5})", severity::critical, "max_msgs_per_subject", "deletes its oldest"},
      {R"({"max_msgs_per_subject":5,"discard":"new"})", severity::critical, "max_msgs_per_subject", "deletes"},
      {R"({"max_msgs_per_subject":5,"discard":"new","discard_new_per_subject":true})", severity::warning,
       "max_msgs_per_subject", "refused"},
      {R"({"max_msg_size":1000})", severity::info, "max_msg_size", "1000 bytes"},
      {R"({"deny_delete":false})", severity::warning, "deny_delete", "deleted"},
      {R"({"deny_purge":false})", severity::warning, "deny_purge", "purged"},
      {R"({"allow_rollup_hdrs":true})", severity::warning, "allow_rollup_hdrs", "Nats-Rollup"},
      {R"({"allow_msg_ttl":true})", severity::warning, "allow_msg_ttl", "time to live"},
      {R"({"subject_delete_marker_ttl":1000000000})", severity::warning, "subject_delete_marker_ttl", "markers"},
      {R"({"allow_msg_schedules":true})", severity::warning, "allow_msg_schedules", "later"},
      {R"({"sources":[{"name":"a"},{"name":"b"}]})", severity::warning, "sources", "2 other streams"},
      {R"({"duplicate_window":1000000000})", severity::info, "duplicate_window", "1 s, less than a call's 10 s"},
      {R"({"duplicate_window":86400000000000})", severity::info, "duplicate_window", "1 day"},
      {R"({"allow_direct":false})", severity::info, "allow_direct", "off"},
      {R"({"allow_atomic":false})", severity::info, "allow_atomic", "the server has them"},
  };
  for (auto const& c : all) {
    BOOST_TEST_CONTEXT(c.config) {
      auto facts = healthy();
      auto const changes = parsed_json(c.config).as_object();
      for (auto const& member : changes)
        facts.stream.config[member.key()] = member.value();
      auto const found = only(facts, c.check);
      BOOST_TEST(to_string(found.level) == to_string(c.level));
      BOOST_TEST(has(found.found, c.part), found.found);
      BOOST_TEST(found.known);
      BOOST_TEST(!found.advice.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_a_server_leaves_out_is_off) {
  auto facts = healthy();
  facts.stream.config = parsed_json(R"({"name":"orders"})").as_object();
  auto const all = text_of(diagnose(facts));
  for (auto const* part : {"warning num_replicas: 1 replica", "critical subjects", "warning deny_delete",
                           "info allow_direct", "info duplicate_window: ids are remembered for 0 s"})
    BOOST_TEST(has(all, part), part << " is not in:\n" << all);
}

BOOST_AUTO_TEST_CASE(a_record_of_a_namespace_and_of_the_other_encoding_is_in_order) {
  auto facts = healthy();
  facts.stream.name = "t_orders";
  facts.stream.config["name"] = "t_orders";
  facts.stream.config["subjects"] = json::array{"t_orders.events.>", "t_orders.snapshots.>"};
  facts.stream.config["description"] = R"({"aether":1,"namespace":"t","stream":"orders","encoding":"underscore"})";
  BOOST_TEST(text_of(diagnose(facts)) == "info sync_interval: always on n1, n2, n3\n");
}

BOOST_AUTO_TEST_CASE(a_stream_of_a_sharded_store_is_in_order) {
  auto facts = healthy();
  facts.stream.name = "orders-0003";
  facts.stream.config["name"] = "orders-0003";
  facts.stream.config["subjects"] = json::array{"orders-0003.events.>", "orders-0003.snapshots.>"};
  facts.stream.config["description"] =
      R"({"aether":1,"namespace":"","stream":"orders-0003","encoding":"percent",)"
      R"("layout":{"store":"orders","streams":16,"index":3,"hash":"siphash-2-4-128/jump","version":1}})";
  BOOST_TEST(text_of(diagnose(facts)) == "info sync_interval: always on n1, n2, n3\n");
}

BOOST_AUTO_TEST_CASE(events_that_expire) {
  auto facts = healthy();
  facts.stream.config["max_age"] = std::chrono::nanoseconds(365 * 24h).count();
  auto found = only(facts, "max_age");
  BOOST_TEST(to_string(found.level) == "info");
  BOOST_TEST(found.found == "events are deleted when they are 365 days old");
  facts.now = time_of("2026-12-01T00:00:00Z"); // the first one is eleven months old
  found = only(facts, "max_age");
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(has(found.found, "the oldest is from 2026-01-01"), found.found);
  facts.now = time_of("2026-01-02T00:00:00Z");
  facts.stream.first_sequence = 8;
  found = only(facts, "max_age");
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(has(found.found, "the first 7 messages are gone"), found.found);
  facts.stream.first_sequence = 0;
  facts.stream.messages = 0;
  facts.stream.first_time = {};
  BOOST_TEST(to_string(only(facts, "max_age").level) == "info");
}

BOOST_AUTO_TEST_CASE(how_full_it_is) {
  struct use_case {
    std::uint64_t used;
    std::string level; ///< empty: nothing is said
  };
  std::vector<use_case> const all{{0, ""},           {799, ""},           {800, "warning"},        {949, "warning"},
                                  {950, "critical"}, {1'000, "critical"}, {99'000'000, "critical"}};
  using setter = std::function<void(doctor_facts&, std::uint64_t)>;
  std::vector<std::pair<std::string, setter>> const checks{
      {"max_bytes",
       [](doctor_facts& f, std::uint64_t used) {
         f.stream.config["max_bytes"] = 1'000;
         f.stream.config["discard"] = "new";
         f.stream.bytes = used;
       }},
      {"max_msgs",
       [](doctor_facts& f, std::uint64_t used) {
         f.stream.config["max_msgs"] = 1'000;
         f.stream.config["discard"] = "new";
         f.stream.messages = used;
       }},
      {"max_consumers",
       [](doctor_facts& f, std::uint64_t used) {
         f.stream.config["max_consumers"] = 1'000;
         f.stream.config["discard"] = "new";
         f.stream.consumers = used;
       }},
      {"account_storage",
       [](doctor_facts& f, std::uint64_t used) {
         f.account->file.limit = 1'000;
         f.account->file.used = used;
       }},
      {"server_storage",
       [](doctor_facts& f, std::uint64_t used) {
         f.servers[1].file.limit = 1'000;
         f.servers[1].file.used = used;
       }},
  };
  for (auto const& [check, set] : checks)
    for (auto const& c : all) {
      BOOST_TEST_CONTEXT(check << " at " << c.used) {
        auto facts = healthy();
        set(facts, c.used);
        auto const found = of_check(facts, check);
        BOOST_TEST_REQUIRE(found.size() == (c.level.empty() ? 0u : 1u));
        if (!c.level.empty())
          BOOST_TEST(to_string(found.front().level) == c.level);
      }
    }
  auto in_memory = healthy();
  in_memory.stream.config["storage"] = "memory";
  in_memory.account->memory.limit = 100;
  in_memory.account->memory.used = 100;
  BOOST_TEST(to_string(only(in_memory, "account_storage").level) == "critical");
}

BOOST_AUTO_TEST_CASE(replicas_that_are_away) {
  auto facts = healthy();
  facts.stream.copies[0].offline = true;
  facts.stream.copies[0].current = false;
  facts.stream.copies[0].silent = 65'300ms;
  auto found = only(facts, "replicas_behind");
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(found.found == "2 of 3 replicas are up to date: n2 is offline, silent for 65 s");
  facts.stream.copies[1].current = false;
  facts.stream.copies[1].lag = 12;
  found = only(facts, "replicas_behind");
  BOOST_TEST(to_string(found.level) == "critical");
  BOOST_TEST(has(found.found, "n3 is 12 operations behind"), found.found);
  facts = healthy();
  facts.stream.copies[0].current = false;
  facts.stream.copies[0].lag = 3;
  BOOST_TEST(to_string(only(facts, "replicas_behind").level) == "info");
  facts.stream.copies[0].silent = 40s; // long before the server calls it offline
  found = only(facts, "replicas_behind");
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(found.found == "2 of 3 replicas are up to date: n2 is silent for 40 s");
  facts = healthy();
  facts.stream.copies.pop_back();
  found = only(facts, "replicas_behind");
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(has(found.found, "1 of 3 have no server"), found.found);
  facts = healthy();
  facts.stream.leader.clear();
  BOOST_TEST(to_string(only(facts, "leader").level) == "critical");
  facts.stream.tells_copies = false;
  facts.stream.copies.clear();
  auto const untold = only(facts, "leader");
  BOOST_TEST(!untold.known);
  facts.stream.config["num_replicas"] = 1; // a server without a cluster, before 2.10
  BOOST_TEST(of_check(facts, "leader").empty());
}

BOOST_AUTO_TEST_CASE(messages_that_are_gone_and_subjects_that_are_many) {
  auto facts = healthy();
  facts.stream.deleted = 4;
  facts.stream.lost = 2;
  BOOST_TEST(to_string(only(facts, "deleted_messages").level) == "warning");
  BOOST_TEST(to_string(only(facts, "lost_messages").level) == "critical");
  facts.stream.subjects = 999'999;
  BOOST_TEST(of_check(facts, "subject_count").empty());
  facts.stream.subjects = 1'000'000;
  BOOST_TEST(to_string(only(facts, "subject_count").level) == "info");
  facts.stream.subjects = 10'000'000;
  BOOST_TEST(to_string(only(facts, "subject_count").level) == "warning");
  facts.stream.subjects.reset();
  BOOST_TEST(!only(facts, "subject_count").known);
}

BOOST_AUTO_TEST_CASE(versions_of_servers) {
  struct version_case {
    std::string version;
    int replicas;
    std::string level; ///< empty: nothing is said
    std::string part;
  };
  std::vector<version_case> const all{
      {"2.15.2", 3, "", ""},
      {"2.14.0", 3, "", ""},
      {"2.12.15", 3, "warning", "no fixes"},
      {"2.11.17", 1, "warning", "no fixes"},
      {"2.10.27", 3, "warning", "no fixes"},
      {"2.10.20", 3, "warning", "no fixes"},
      {"2.10.19", 3, "critical", "several writers"},
      {"2.10.19", 1, "critical", "wrong expectations"},
      {"2.10.18", 1, "warning", "no fixes"},
      {"2.9.10", 3, "critical", "several writers"},
      {"2.9.10", 1, "warning", "no fixes"},
      {"2.8.4", 1, "critical", "2.9"},
      {"2.15.0-RC.1", 1, "warning", "preview"},
      {"whatever", 1, "info", "not understood"},
  };
  for (auto const& c : all) {
    BOOST_TEST_CONTEXT(c.version << " with " << c.replicas) {
      auto facts = c.replicas == 1 ? alone() : healthy();
      for (auto& server : facts.servers)
        server.version = c.version;
      auto const found = of_check(facts, "server_version");
      BOOST_TEST_REQUIRE(found.size() == (c.level.empty() ? 0u : 1u));
      if (c.level.empty())
        continue;
      BOOST_TEST(to_string(found.front().level) == c.level);
      BOOST_TEST(has(found.front().found, c.part), found.front().found);
    }
  }
  auto mixed = healthy();
  mixed.servers[2].version = "2.14.9";
  BOOST_TEST(only(mixed, "server_version").found == "the servers differ: 2.15.2, 2.14.9");
}

BOOST_AUTO_TEST_CASE(a_version_that_no_server_told) {
  auto facts = alone();
  facts.servers.clear();
  BOOST_TEST(of_check(facts, "server_version").empty()); // its API is of level 5
  facts.account->api_level = 4;
  BOOST_TEST(of_check(facts, "server_version").empty());
  facts.account->api_level = 2;
  BOOST_TEST(has(only(facts, "server_version").found, "2.12"));
  facts.account->api_level = 1;
  BOOST_TEST(has(only(facts, "server_version").found, "2.11"));
  facts.account->api_level = 0;
  BOOST_TEST(to_string(only(facts, "server_version").level) == "warning");
  facts.stream.config["num_replicas"] = 3;
  BOOST_TEST(to_string(only(facts, "server_version").level) == "critical");
  facts.version = "2.10.27"; // $SYS.REQ.USER.INFO told
  BOOST_TEST(to_string(only(facts, "server_version").level) == "warning");
  facts.version.clear();
  facts.account.reset();
  facts.no_account = "refused";
  BOOST_TEST(!only(facts, "server_version").known);
  BOOST_TEST(only(facts, "account_storage").found == "unknown: refused");
}

BOOST_AUTO_TEST_CASE(how_often_servers_sync) {
  auto facts = alone();
  facts.servers[0].syncs_always = false;
  auto found = only(facts, "sync_interval");
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(found.found == "2 min on n1");
  facts.servers[0].sync_interval.reset();
  found = only(facts, "sync_interval");
  BOOST_TEST(!found.known);
  BOOST_TEST(to_string(found.level) == "warning");
  BOOST_TEST(has(found.found, "n1 does not tell"), found.found);
  facts.servers[0].version = "2.9.10"; // where it cannot be set
  found = only(facts, "sync_interval");
  BOOST_TEST(found.known);
  BOOST_TEST(found.found == "2 min on n1");
  facts.servers.clear();
  found = only(facts, "sync_interval");
  BOOST_TEST(!found.known);
  BOOST_TEST(has(found.found, "n1 was not heard"), found.found);
  BOOST_TEST(has(found.advice, "sync_interval"), found.advice);
  BOOST_TEST(!only(facts, "server_storage").known);
  facts.stream.config["storage"] = "memory";
  BOOST_TEST(of_check(facts, "sync_interval").empty());

  facts = healthy();
  facts.servers.pop_back();
  facts.servers[1].syncs_always = false;
  facts.servers[1].sync_interval = 10s;
  auto const three = of_check(facts, "sync_interval");
  BOOST_TEST_REQUIRE(three.size() == 3u);
  BOOST_TEST(three[0].found == "10 s on n2");
  BOOST_TEST(three[1].found == "always on n1");
  BOOST_TEST(three[2].found == "unknown: n3 was not heard");
  for (auto const& f : three)
    BOOST_TEST(to_string(f.level) == "info");
}

BOOST_AUTO_TEST_CASE(servers_that_did_not_tell_or_are_others) {
  auto facts = alone();
  facts.servers[0].name = "elsewhere";
  auto const other = only(facts, "monitoring");
  BOOST_TEST(has(other.found, "elsewhere"), other.found);
  BOOST_TEST(has(other.advice, "n1"), other.advice);
  BOOST_TEST(!only(facts, "sync_interval").known);
  facts.servers.clear();
  facts.silent.emplace_back("http://127.0.0.1:1", "no connection");
  auto const silent = only(facts, "monitoring");
  BOOST_TEST(!silent.known);
  BOOST_TEST(to_string(silent.level) == "warning");
  BOOST_TEST(silent.found == "unknown: http://127.0.0.1:1: no connection");
  // Before 2.10 a server without a cluster has no name in the stream's answer: the one that was asked is meant.
  facts = alone();
  facts.stream.leader.clear();
  facts.stream.tells_copies = false;
  BOOST_TEST(only(facts, "sync_interval").found == "always on n1");
  // A server without JetStream keeps nothing.
  facts = healthy();
  facts.servers.emplace_back();
  facts.servers.back().name = "gateway";
  facts.servers.back().version = "2.9.0";
  BOOST_TEST(text_of(diagnose(facts)) == "info sync_interval: always on n1, n2, n3\n");
}

BOOST_AUTO_TEST_CASE(the_gravest_come_first) {
  auto facts = alone();
  facts.stream.config["storage"] = "memory";
  facts.stream.config["allow_direct"] = false;
  auto const all = diagnose(facts);
  BOOST_TEST(std::is_sorted(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.level > b.level; }));
  BOOST_TEST(all.front().check == "storage");
}

BOOST_AUTO_TEST_CASE(amounts_for_people) {
  BOOST_TEST(bytes_text(0) == "0 B");
  BOOST_TEST(bytes_text(999) == "999 B");
  BOOST_TEST(bytes_text(1'000) == "1.0 KB");
  BOOST_TEST(bytes_text(10'000'000'000) == "10.0 GB");
  BOOST_TEST(bytes_text(~std::uint64_t{0}) == "18.4 EB");
}

BOOST_AUTO_TEST_SUITE_END()
