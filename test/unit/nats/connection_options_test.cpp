// A connection's options: what is refused and by which name, and the defaults.
#include <aether/nats/connection_options.hpp>

#include <aether/error.hpp>

#include <nats/option_defaults.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>
#include <ostream>

BOOST_AUTO_TEST_SUITE(connection_option_rules)

using namespace aether::nats;
using namespace std::chrono_literals;
using aether::errc;
using detail::resolved;
using detail::split_servers;
using detail::without_credentials;

namespace {

struct refused {
  char const* named; ///< what the text names
  std::function<void(connection_options&)> change;
};
std::ostream& operator<<(std::ostream& out, refused const& r) { return out << r.named; }

refused const cases[] = {
    {"servers", [](auto& o) { o.servers = {""}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a b:4222"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:4222\r\nPUB x 0\r\n"}; }},
    {"servers", [](auto& o) { o.servers = {"http://a:4222"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:0"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:65536"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:x"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://:4222"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:4222/path"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:4222,nats://b:4222"}; }},
    {"servers", [](auto& o) { o.servers = {"nats://a:4222", ""}; }},
    {"user", [](auto& o) { o.user = std::string("a\0b", 3); }},
    {"name", [](auto& o) { o.name = "\xFF"; }},
    {"password", [](auto& o) { o.password = "secret"; }},
    {"token", [](auto& o) { o.token = std::string("a\0b", 3); }},
    {"nkey_public", [](auto& o) { o.nkey_public = "UABC"; }},
    {"nkey_seed_file", [](auto& o) { o.nkey_seed_file = "seed"; }},
    {"one kind of credentials", [](auto& o) { o.user = o.token = "x"; }},
    {"one kind of credentials", [](auto& o) { o.token = o.credentials_file = "x"; }},
    {"tls.certificate_file", [](auto& o) { o.tls.certificate_file = "x"; }},
    {"tls.certificate_file", [](auto& o) { o.tls.key_file = "x"; }},
    {"tls.expected_hostname", [](auto& o) { o.tls.expected_hostname = "x", o.tls.verify_server = false; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = "a."; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = ".a"; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = "a..b"; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = "a.*"; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = "a.>"; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = "a b"; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = "a\r\nb"; }},
    {"inbox_prefix", [](auto& o) { o.inbox_prefix = std::string(201, 'a'); }},
    {"connect_timeout", [](auto& o) { o.connect_timeout = -1ns; }},
    {"operation_timeout", [](auto& o) { o.operation_timeout = -1s; }},
    {"reconnect_wait", [](auto& o) { o.reconnect_wait = -1s; }},
    {"reconnect_wait_max", [](auto& o) { o.reconnect_wait_max = -1s; }},
    {"reconnect_wait", [](auto& o) { o.reconnect_wait = 2s, o.reconnect_wait_max = 1s; }},
    {"ping_interval", [](auto& o) { o.ping_interval = -1s; }},
    {"max_pings_out", [](auto& o) { o.max_pings_out = -1; }},
    {"max_pending_bytes", [](auto& o) { o.max_pending_bytes = std::numeric_limits<std::size_t>::max(); }},
};

} // namespace

BOOST_DATA_TEST_CASE(nonsense_is_refused_by_name, cases, c) {
  connection_options options;
  c.change(options);
  BOOST_CHECK_EXCEPTION(options.validate(), aether::error, [&](aether::error const& e) {
    return e.code() == errc::invalid_argument && std::string(e.what()).find(c.named) != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(no_password_is_shown) {
  connection_options options;
  options.servers = {"nats://user:secret@host:99999"};
  BOOST_CHECK_EXCEPTION(options.validate(), aether::error, [](aether::error const& e) {
    return std::string(e.what()).find("secret") == std::string::npos;
  });
  options.servers.clear();
  options.password = "secret";
  BOOST_CHECK_EXCEPTION(options.validate(), aether::error, [](aether::error const& e) {
    return std::string(e.what()).find("secret") == std::string::npos;
  });
}

char const* const good_servers[] = {
    "nats://a",   "nats://a:4222", "tls://a.example.org:4222", "a:4222",         "a",
    "[::1]:4222", "nats://[::1]",  "nats://u:p@a:4222",        "nats://token@a", "nats://u:p%40@[fe80::1]:1",
    "nats://a/",  "127.0.0.1",     "nats://127.0.0.1:65535",
};

BOOST_DATA_TEST_CASE(servers_as_people_write_them_pass, good_servers, server) {
  connection_options options;
  options.servers = {server};
  BOOST_CHECK_NO_THROW(options.validate());
}

BOOST_AUTO_TEST_CASE(nothing_that_has_a_default_stays_empty) {
  connection_options const options;
  BOOST_CHECK_NO_THROW(options.validate());
  auto const full = resolved(options);
  BOOST_TEST(full.servers == std::vector<std::string>{"nats://127.0.0.1:4222"}, boost::test_tools::per_element());
  BOOST_TEST(full.inbox_prefix == "_INBOX");
  BOOST_CHECK(full.connect_timeout == 5s);
  BOOST_CHECK(full.operation_timeout == 10s);
  BOOST_CHECK(full.reconnect_wait == 50ms);
  BOOST_CHECK(full.reconnect_wait_max == 2s);
  BOOST_CHECK(full.ping_interval == 20s);
  BOOST_TEST(full.max_pings_out == 2);
  BOOST_TEST(full.max_pending_bytes == std::size_t{64} << 20);
  BOOST_CHECK_NO_THROW(full.validate());
}

BOOST_AUTO_TEST_CASE(one_pause_given_alone_is_kept_and_the_other_fits_it) {
  connection_options options;
  options.reconnect_wait = 10s;
  BOOST_CHECK(resolved(options).reconnect_wait_max == 10s);
  BOOST_CHECK_NO_THROW(options.validate());
  options.reconnect_wait = 0s;
  options.reconnect_wait_max = 5ms;
  BOOST_CHECK(resolved(options).reconnect_wait == 5ms);
  BOOST_CHECK_NO_THROW(options.validate());
}

BOOST_AUTO_TEST_CASE(urls_are_separated_by_commas) {
  using list = std::vector<std::string>;
  BOOST_TEST(split_servers("nats://a:1") == (list{"nats://a:1"}), boost::test_tools::per_element());
  BOOST_TEST(split_servers("nats://a:1,nats://b:2") == (list{"nats://a:1", "nats://b:2"}),
             boost::test_tools::per_element());
  BOOST_TEST(split_servers(" nats://a:1 ,, nats://b:2 , ") == (list{"nats://a:1", "nats://b:2"}),
             boost::test_tools::per_element());
  BOOST_TEST(split_servers("").empty());
  BOOST_TEST(split_servers(" , ").empty());
}

BOOST_AUTO_TEST_CASE(credentials_are_taken_out_of_a_url) {
  BOOST_TEST(without_credentials("nats://u:p@h:1") == "nats://h:1");
  BOOST_TEST(without_credentials("u:p@h:1") == "h:1");
  BOOST_TEST(without_credentials("nats://u:p@x@h:1") == "nats://h:1");
  BOOST_TEST(without_credentials("nats://h:1") == "nats://h:1");
  BOOST_TEST(without_credentials("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
