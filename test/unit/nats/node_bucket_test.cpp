// The bucket of nodes: keys there and back, what a value may hold, and settings that differ.
#include "nats/node_bucket.hpp"

#include <aether/error.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

BOOST_AUTO_TEST_SUITE(node_buckets)

using namespace aether;
using namespace aether::nats;
using namespace aether::nats::detail;
using namespace std::chrono_literals;

namespace {

node_bucket bucket_of(std::string stream, std::chrono::nanoseconds lease = 10s) {
  stream_access const events{
      .connection = nullptr,
      .subjects = subject_map(std::move(stream), subject_encoding::percent),
      .api = "$JS.API",
      .config = jetstream_config(),
  };
  return node_bucket(events, "acme", "orders", lease);
}

BOOST_AUTO_TEST_CASE(every_name_has_a_key_of_its_own) {
  auto const b = bucket_of("acme_orders");
  BOOST_TEST(b.name() == "acme_orders_nodes");
  BOOST_TEST(b.stream() == "KV_acme_orders_nodes");
  BOOST_TEST(b.subject_of("web-1_a") == "$KV.acme_orders_nodes.web-1_a");
  BOOST_TEST(b.subject_of("a.b=/\xC3\xB6 ") == "$KV.acme_orders_nodes.a=2Eb=3D=2F=C3=B6=20");
  for (std::string const name : {"a", "web-1.example.com", "a.b=/\xC3\xB6 ", ">", "*", "=", "=2E", "%41"})
    BOOST_TEST(b.node_of(b.subject_of(name)).value_or("none") == name);
}

BOOST_AUTO_TEST_CASE(what_is_no_key_of_a_node_is_none) {
  auto const b = bucket_of("orders");
  for (std::string const key : {"", "a.b", "=", "=4", "=zz", "=2e", "=41", "=00", "=FF", "a%2Eb", "a b"})
    BOOST_TEST(!b.node_of("$KV.orders_nodes." + key), key);
  BOOST_TEST(!b.node_of("$KV.orders.a"));
  BOOST_TEST(!b.node_of(b.subject_of("x") + std::string(300, 'x')));
}

BOOST_AUTO_TEST_CASE(a_value_comes_back_as_it_was) {
  node_record r, back;
  r.node.name = "a \"b\"";
  r.node.incarnation = "i";
  r.node.weight = 7;
  r.node.data = "10.0.0.1";
  r.renewal = 42;
  BOOST_TEST_REQUIRE(parse_record(record_text(r), r.node.name, back));
  BOOST_TEST((back.node == r.node));
  BOOST_TEST(back.renewal == 42u);
}

BOOST_AUTO_TEST_CASE(what_is_no_value_is_refused) {
  node_record r;
  std::string const good = R"({"v":1,"node":"a","incarnation":"i","renewal":1,"weight":1,"later":[]})";
  BOOST_TEST(parse_record(good, "a", r));
  BOOST_TEST(!parse_record(good, "b", r));
  for (auto const* text :
       {"", "x", "[]", "{}", R"({"v":2,"node":"a","incarnation":"i","renewal":1,"weight":1})",
        R"({"v":1,"node":"a","renewal":1,"weight":1})", R"({"v":1,"node":"a","incarnation":"","renewal":1,"weight":1})",
        R"({"v":1,"node":"a","incarnation":"i","renewal":0,"weight":1})",
        R"({"v":1,"node":"a","incarnation":"i","renewal":-1,"weight":1})",
        R"({"v":1,"node":"a","incarnation":"i","renewal":1,"weight":0})",
        R"({"v":1,"node":"a","incarnation":"i","renewal":1,"weight":101})",
        R"({"v":1,"node":"a","incarnation":7,"renewal":1,"weight":1})"})
    BOOST_TEST(!parse_record(text, "a", r), text);
}

BOOST_AUTO_TEST_CASE(settings_that_differ_are_named_with_both_values) {
  auto const b = bucket_of("orders");
  auto actual = b.config();
  actual["consumer_limits"] = boost::json::object(); // as newer servers add
  actual["max_msgs"] = 0;
  BOOST_TEST(b.differences(actual).empty());
  actual["max_age"] = 5'000'000'000;
  BOOST_TEST(b.differences(actual) == "the lease is 5 s, wanted 10 s");
  actual["max_age"] = b.config().at("max_age");
  actual["storage"] = "file";
  BOOST_TEST(b.differences(actual) == R"(storage is "file", wanted "memory")");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_too_long_is_refused) {
  BOOST_CHECK_EXCEPTION(bucket_of(std::string(195, 'x')), error,
                        [](error const& e) { return e.code() == errc::invalid_id; });
}

} // namespace

BOOST_AUTO_TEST_SUITE_END()
