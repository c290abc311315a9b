// The doctor on real servers: risky settings that were really made, full streams, servers that tell of themselves, and
// pages that are none.
#include <integration/store_support.hpp>

#include <aether/nats/doctor.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <memory>

BOOST_AUTO_TEST_SUITE(doctor, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace json = boost::json;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using nats::doctor_options;
using nats::finding;
using nats::severity;

namespace {

std::string listed(std::vector<finding> const& all) {
  std::string text;
  for (auto const& f : all)
    text += std::string(to_string(f.level)) + ' ' + f.check + ": " + f.found + '\n';
  return text;
}

bool has_line(std::vector<finding> const& all, std::string const& part) { return contains(listed(all), part); }

finding const* find(std::vector<finding> const& all, std::string const& check) {
  auto const at = std::find_if(all.begin(), all.end(), [&](finding const& f) { return f.check == check; });
  return at == all.end() ? nullptr : &*at;
}

bool is_known(std::vector<finding> const& all, std::string const& check) {
  auto const* f = find(all, check);
  return f && f->known;
}

/// A server whose users are of two accounts, with a monitoring port.
struct watched_server {
  std::uint16_t page_port;
  nats_server server;

  explicit watched_server(std::string jetstream_config = {})
      : page_port(free_port()), server(options(page_port, std::move(jetstream_config))) {}

  static nats_server_options options(std::uint16_t page_port, std::string jetstream_config) {
    nats_server_options o;
    o.jetstream_config = std::move(jetstream_config);
    o.extra_config = "http: \"127.0.0.1:" + std::to_string(page_port) + "\"\n" + R"(
accounts {
  SYS { users: [{user: sys, password: sys}] }
  APP { jetstream: enabled, users: [{user: app, password: app}] }
}
system_account: SYS
no_auth_user: app
)";
    return o;
  }

  std::string page() const { return "http://127.0.0.1:" + std::to_string(page_port); }
};

awaitable<nats::connection> connect_as(std::string url, std::string user) {
  nats::connection_options options;
  options.servers.push_back(std::move(url));
  options.user = user;
  options.password = user;
  co_return co_await nats::connection::connect(std::move(options));
}

/// Answers each connection with the same bytes, and then ends it, or never does.
class fake_page {
public:
  fake_page(boost::asio::io_context& context, std::string answer, bool ends = true)
      : shared_(std::make_shared<state>(context, std::move(answer), ends)) {
    shared_->accept();
  }
  fake_page(fake_page const&) = delete;
  fake_page& operator=(fake_page const&) = delete;
  ~fake_page() {
    boost::system::error_code ignored;
    shared_->acceptor.close(ignored);
    for (auto const& one : shared_->open)
      one->close(ignored);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(shared_->acceptor.local_endpoint().port()); }

private:
  struct state : std::enable_shared_from_this<state> {
    tcp::acceptor acceptor;
    std::string const answer;
    bool const ends;
    std::vector<std::shared_ptr<tcp::socket>> open;

    state(boost::asio::io_context& context, std::string text, bool ends_then)
        : acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)), answer(std::move(text)),
          ends(ends_then) {}

    void accept() {
      acceptor.async_accept([self = shared_from_this()](boost::system::error_code failed, tcp::socket socket) {
        if (failed)
          return;
        auto const one = std::make_shared<tcp::socket>(std::move(socket));
        self->open.push_back(one);
        boost::asio::async_write(*one, boost::asio::buffer(self->answer),
                                 [self, one](boost::system::error_code, std::size_t) {
                                   boost::system::error_code ignored;
                                   if (self->ends)
                                     one->shutdown(tcp::socket::shutdown_send, ignored);
                                 });
        self->accept();
      });
    }
  };

  std::shared_ptr<state> shared_;
};

struct made_stream {
  std::string changes; ///< of the Go library's configuration, as JSON
  std::string check;
  severity level;
  int minor = 9; ///< of the first server that knows the setting: 2.minor
};

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_of_this_library) {
  run(
      [](boost::asio::io_context&) -> awaitable<void> {
        auto const name = new_stream();
        nats::jetstream_config config;
        config.name_space = "tenant";
        auto store = co_await open_store(name, config);
        co_await store.save_event(event_of("order-1", 1));
        auto raw = co_await raw_client::connect();
        doctor_options options;
        options.name_space = "tenant";
        auto const all = co_await nats::examine(raw.connection(), name, options);
        for (auto const* part :
             {"warning num_replicas: 1 replica", "info max_age: events are deleted when they are 365",
              "warning sync_interval: unknown", "info server_storage: unknown"})
          BOOST_TEST(has_line(all, part), part << " is not in:\n" << listed(all));
        for (auto const& f : all) {
          BOOST_TEST((f.level != severity::critical), listed(all));
          BOOST_TEST(f.known != f.found.starts_with("unknown"));
          BOOST_TEST(!f.advice.empty());
        }
        BOOST_TEST((find(all, "server_version") == nullptr) == shared_server().at_least(2, 14));
        BOOST_TEST((find(all, "allow_atomic") == nullptr) == shared_server().at_least(2, 12, 1));
        for (auto const* well : {"deny_delete", "deny_purge", "allow_direct", "description", "subjects", "leader"})
          BOOST_TEST((find(all, well) == nullptr), well << " is in:\n" << listed(all));
        auto const again = co_await nats::examine(store);
        BOOST_TEST(listed(again) == listed(all));
        nats::jetstream_config slow = config;
        slow.operation_timeout = 5min;
        auto patient = co_await open_store(name, slow);
        auto const of_patient = co_await nats::examine(patient);
        BOOST_TEST(
            has_line(of_patient, "info duplicate_window: ids are remembered for 2 min, less than a call's 5 min"),
            listed(of_patient));
      },
      on(4));
}

BOOST_AUTO_TEST_CASE(each_risky_setting_made_for_real) {
  std::vector<made_stream> const all{
      {R"({"storage":"memory"})", "storage", severity::critical},
      {R"({"persist_mode":"async"})", "persist_mode", severity::critical, 12},
      {R"({"retention":"workqueue"})", "retention", severity::critical},
      {R"({"retention":"interest"})", "retention", severity::critical},
      {R"({"no_ack":true})", "no_ack", severity::critical},
      {R"({"max_msgs":100})", "max_msgs", severity::critical},
      {R"({"max_bytes":1000000})", "max_bytes", severity::critical},
      {R"({"max_msgs_per_subject":1})", "max_msgs_per_subject", severity::critical},
      {R"({"max_msgs_per_subject":1,"discard":"new","max_msgs":100,"discard_new_per_subject":true})",
       "max_msgs_per_subject", severity::warning},
      {R"({"max_msg_size":1000})", "max_msg_size", severity::info},
      {R"({"allow_rollup_hdrs":true})", "allow_rollup_hdrs", severity::warning},
      {R"({"allow_msg_ttl":true})", "allow_msg_ttl", severity::warning, 11},
      {R"({"allow_msg_ttl":true,"subject_delete_marker_ttl":60000000000,"allow_rollup_hdrs":true})",
       "subject_delete_marker_ttl", severity::warning, 11},
      {R"({"allow_msg_schedules":true,"allow_rollup_hdrs":true})", "allow_msg_schedules", severity::warning, 12},
      {R"({"sources":[{"name":"a-source"}]})", "sources", severity::warning},
      {R"({"duplicate_window":1000000000})", "duplicate_window", severity::info},
      {R"({"duplicate_window":86400000000000})", "duplicate_window", severity::info},
      {R"({})", "deny_delete", severity::warning},
      {R"({})", "deny_purge", severity::warning},
      {R"({})", "allow_direct", severity::info},
      {R"({})", "description", severity::info},
      {R"({"max_age":0,"description":"{\"aether\":9}"})", "description", severity::critical},
      {R"({"subjects":["other-things.>"]})", "subjects", severity::critical},
  };
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    json::object source;
    source["name"] = "a-source";
    source["subjects"] = json::array{"a-source"};
    co_await raw.api("STREAM.CREATE.a-source", source);
    for (auto const& c : all) {
      if (!shared_server().at_least(2, c.minor))
        continue;
      auto const name = new_stream();
      auto config = go_stream_config(name);
      auto const changes = json::parse(c.changes).as_object();
      for (auto const& member : changes)
        config[member.key()] = member.value();
      auto const refused = co_await raw.api_error("STREAM.CREATE." + name, config);
      BOOST_TEST_REQUIRE(refused == 0, c.changes);
      auto const found = co_await nats::examine(raw.connection(), name);
      auto const* one = find(found, c.check);
      BOOST_TEST_REQUIRE(one, c.changes << ": there is no " << c.check << " in:\n" << listed(found));
      BOOST_TEST(to_string(one->level) == to_string(c.level), c.changes << ": " << listed(found));
      co_await raw.api("STREAM.DELETE." + name);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_mirror_and_a_sealed_stream) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const name = new_stream();
    auto config = go_stream_config(name);
    co_await raw.api("STREAM.CREATE." + name, config);
    auto const copy = new_stream();
    json::object mirror;
    mirror["name"] = copy;
    mirror["mirror"] = json::object{{"name", name}};
    co_await raw.api("STREAM.CREATE." + copy, mirror);
    auto const of_copy = co_await nats::examine(raw.connection(), copy);
    BOOST_TEST(has_line(of_copy, "critical mirror"), listed(of_copy));
    config["sealed"] = true;
    co_await raw.api("STREAM.UPDATE." + name, config);
    auto const of_sealed = co_await nats::examine(raw.connection(), name);
    BOOST_TEST(has_line(of_sealed, "critical sealed"), listed(of_sealed));
  });
}

BOOST_AUTO_TEST_CASE(a_full_stream_and_a_full_account) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    nats_server_options small;
    small.extra_config = "accounts { APP { jetstream: {max_file: 40KB}, users: [{user: app, password: app}] } }\n"
                         "no_auth_user: app";
    nats_server server(small);
    auto raw = co_await raw_client::connect(server.url());
    nats::jetstream_config config;
    config.max_stream_bytes = 20'000;
    auto store = co_await open_store(server.url(), "orders", config);
    auto all = co_await nats::examine(store);
    BOOST_TEST((find(all, "max_bytes") == nullptr), listed(all));
    failure full;
    for (int version = 1; !full.code && version < 1'000; ++version)
      full = co_await failure_of(store.save_event(event_of("order-1", version)));
    BOOST_TEST(full.code == errc::storage_full);
    all = co_await nats::examine(store);
    BOOST_TEST(has_line(all, "critical max_bytes: "), listed(all));
    BOOST_TEST(has_line(all, "of its limit of 20.0 KB is used"), listed(all));
    BOOST_TEST((find(all, "account_storage") == nullptr), listed(all));
    config.max_stream_bytes = 19'000;
    auto other = co_await open_store(server.url(), "bills", config);
    full = {};
    for (int version = 1; !full.code && version < 1'000; ++version)
      full = co_await failure_of(other.save_event(event_of("bill-1", version)));
    all = co_await nats::examine(store);
    BOOST_TEST(has_line(all, "account_storage: 9"), listed(all));
  });
}

BOOST_AUTO_TEST_CASE(messages_that_are_gone) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const name = new_stream();
    co_await raw.api("STREAM.CREATE." + name, go_stream_config(name));
    for (int i = 1; i <= 3; ++i)
      co_await raw.publish(name + ".events.order.order-1", "x");
    json::object second;
    second["seq"] = 2;
    co_await raw.api("STREAM.MSG.DELETE." + name, second);
    auto all = co_await nats::examine(raw.connection(), name);
    BOOST_TEST(has_line(all, "warning deleted_messages: 1 messages"), listed(all));

    auto const brief = new_stream();
    auto store = co_await open_store(brief, short_lived());
    co_await store.save_event(event_of("order-1", 1));
    all = co_await nats::examine(store);
    BOOST_TEST(has_line(all, "max_age"), listed(all));
    co_await until_expired(raw, brief);
    co_await store.save_event(event_of("order-2", 1));
    all = co_await nats::examine(store);
    BOOST_TEST(
        has_line(all, "warning max_age: events are deleted when they are 2 s old; the first 1 messages are gone"),
        listed(all));
  });
}

BOOST_AUTO_TEST_CASE(servers_tell_how_often_they_sync) {
  bool const can_be_set = shared_server().at_least(2, 10);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    watched_server always(can_be_set ? "sync_interval: always" : "");
    watched_server usual;
    std::string const always_text = can_be_set ? "info sync_interval: always on " : "warning sync_interval: 2 min on ";
    for (auto const* at : {&always, &usual}) {
      auto const& expected = at == &always ? always_text : std::string("warning sync_interval: 2 min on ");
      auto on_stream = co_await nats::connection::connect(at->server.url());
      auto store = co_await nats::jetstream_event_store::open(on_stream, "orders");
      doctor_options by_page;
      by_page.monitoring_urls.push_back(at->page() + '/');
      auto all = co_await nats::examine(on_stream, "orders", by_page);
      BOOST_TEST(has_line(all, expected), listed(all));
      BOOST_TEST(is_known(all, "sync_interval"));
      BOOST_TEST((find(all, "server_storage") == nullptr), listed(all)); // there is room, and it was seen
      doctor_options by_account;
      by_account.system_account = co_await connect_as(at->server.url(), "sys");
      all = co_await nats::examine(on_stream, "orders", by_account);
      BOOST_TEST(has_line(all, expected), listed(all));
      BOOST_TEST((find(all, "monitoring") == nullptr), listed(all));
      auto const of_store = co_await nats::examine(store, by_account);
      BOOST_TEST(listed(of_store) == listed(all));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_keep_the_stream) {
  watched_server keeps, other;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on_stream = co_await nats::connection::connect(keeps.server.url());
    auto store = co_await nats::jetstream_event_store::open(on_stream, "orders");
    doctor_options options;
    options.monitoring_urls.push_back(other.page());
    auto all = co_await nats::examine(on_stream, "orders", options);
    if (keeps.server.at_least(2, 10)) { // before, a server without a cluster does not say who keeps a stream
      BOOST_TEST(has_line(all, "which does not keep the stream"), listed(all));
      BOOST_TEST(!is_known(all, "sync_interval"));
    }
    options.monitoring_urls.push_back(keeps.page());
    all = co_await nats::examine(on_stream, "orders", options);
    BOOST_TEST((find(all, "monitoring") == nullptr), listed(all));
    BOOST_TEST(is_known(all, "sync_interval"));
  });
}

BOOST_AUTO_TEST_CASE(who_is_not_of_the_system_account) {
  watched_server at;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on_stream = co_await nats::connection::connect(at.server.url());
    auto store = co_await nats::jetstream_event_store::open(on_stream, "orders");
    doctor_options options;
    options.system_account = co_await connect_as(at.server.url(), "app");
    auto all = co_await nats::examine(on_stream, "orders", options);
    BOOST_TEST(has_line(all, "warning monitoring: unknown: the system account: nobody answers"), listed(all));
    BOOST_TEST(!is_known(all, "sync_interval"));
    co_await options.system_account.close();
    all = co_await nats::examine(on_stream, "orders", options);
    BOOST_TEST(has_line(all, "warning monitoring: unknown: the system account"), listed(all));
  });
}

BOOST_AUTO_TEST_CASE(pages_that_are_none) {
  run([](boost::asio::io_context& context) -> awaitable<void> {
    auto store = co_await open_store(new_stream());
    std::string const ok = "HTTP/1.0 200 OK\r\n";
    struct page_case {
      std::string answer;
      bool ends;
      std::string part;
      page_case(std::string a, bool e, std::string p) : answer(std::move(a)), ends(e), part(std::move(p)) {}
    };
    std::vector<page_case> all;
    all.emplace_back("", false, "no answer in time");
    all.emplace_back("", true, "ended in its header");
    all.emplace_back(ok + "Content-Length: 100\r\n\r\n{", false, "no answer in time");
    all.emplace_back(ok + "Content-Length: 100\r\n\r\n{", true, "ended early");
    all.emplace_back(ok + "\r\n" + std::string(3'000'000, 'x'), true, "more than 1000000 bytes");
    all.emplace_back(std::string(3'000'000, '\xFF'), false, "no HTTP");
    all.emplace_back(ok + std::string(3'000'000, 'x'), false, "more than 1000000 bytes");
    all.emplace_back(ok + "\r\nnothing", true, "not that of a nats-server");
    all.emplace_back(ok + "\r\n" + std::string(500'000, '['), true, "not that of a nats-server");
    all.emplace_back("HTTP/1.1 401 Unauthorized\r\n\r\n", false, "status 401");
    for (auto const& c : all) {
      fake_page page(context, c.answer, c.ends);
      doctor_options options;
      options.timeout = c.part == "no answer in time" ? scaled(1s) : scaled(10s);
      options.monitoring_urls.push_back(page.url());
      auto const found = co_await nats::examine(store, options);
      auto const* monitoring = find(found, "monitoring");
      BOOST_TEST_REQUIRE(monitoring, listed(found));
      BOOST_TEST(!monitoring->known);
      BOOST_TEST(contains(monitoring->found, page.url() + ": "), monitoring->found);
      BOOST_TEST(contains(monitoring->found, c.part), monitoring->found);
      BOOST_TEST(!is_known(found, "sync_interval"));
    }
    doctor_options nobody;
    nobody.monitoring_urls.push_back("http://127.0.0.1:" + std::to_string(free_port()));
    nobody.monitoring_urls.push_back(shared_server().url().replace(0, 4, "http")); // speaks NATS
    auto const found = co_await nats::examine(store, nobody);
    BOOST_TEST(has_line(found, "no connection: "), listed(found));
    BOOST_TEST(has_line(found, "no HTTP"), listed(found));
  });
}

BOOST_AUTO_TEST_CASE(an_examination_can_be_cancelled) {
  run(
      [](boost::asio::io_context& context) -> awaitable<void> {
        auto store = co_await open_store(new_stream());
        fake_page silent(context, "", false);
        doctor_options options;
        options.monitoring_urls.push_back(silent.url());
        auto const examined = [](nats::jetstream_event_store of, doctor_options with) -> awaitable<void> {
          co_await nats::examine(of, with);
        };
        auto const began = std::chrono::steady_clock::now();
        task_group group(context.get_executor());
        group.spawn(examined(store, options));
        co_await pause(50ms);
        group.cancel();
        co_await failure_of(group.join());
        BOOST_TEST((std::chrono::steady_clock::now() - began < scaled(2s)));
      },
      on(1));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_examined) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const on_server = raw.connection();
    auto f = co_await failure_of(nats::examine(on_server, "there-is-none"));
    BOOST_TEST(f.code == errc::stream_not_found);
    BOOST_TEST(contains(f.text, "there-is-none"), f.text);
    f = co_await failure_of(nats::examine(on_server, "a.b"));
    BOOST_TEST(f.code == errc::invalid_id);
    nats::connection const none;
    f = co_await failure_of(nats::examine(none, "orders"));
    BOOST_TEST(f.code == errc::not_open);
    nats::jetstream_event_store const no_store;
    f = co_await failure_of(nats::examine(no_store));
    BOOST_TEST(f.code == errc::not_open);
    doctor_options options;
    options.monitoring_urls.emplace_back("https://user:secret@127.0.0.1:8222");
    f = co_await failure_of(nats::examine(on_server, "orders", options));
    BOOST_TEST(f.code == errc::invalid_argument);
    BOOST_TEST(contains(f.text, "monitoring_urls"), f.text);
    BOOST_TEST(contains(f.text, "TLS"), f.text);
    BOOST_TEST(!contains(f.text, "secret"), f.text);
    options = doctor_options();
    options.timeout = -1s;
    f = co_await failure_of(nats::examine(on_server, "orders", options));
    BOOST_TEST(f.code == errc::invalid_argument);
    BOOST_TEST(contains(f.text, "doctor_options::timeout"), f.text);
    options = doctor_options();
    options.domain = "a.b";
    f = co_await failure_of(nats::examine(on_server, "orders", options));
    BOOST_TEST(f.code == errc::invalid_argument);
    options.domain = "nowhere";
    f = co_await failure_of(nats::examine(on_server, "orders", options));
    BOOST_TEST(f.code == errc::jetstream_not_available, f.text);
  });
}

BOOST_AUTO_TEST_CASE(in_a_domain_and_without_a_server) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    nats_server_options hub;
    hub.jetstream_config = "domain: hub";
    nats_server server(hub);
    nats::jetstream_config config;
    config.domain = "hub";
    auto store = co_await open_store(server.url(), "orders", config);
    auto all = co_await nats::examine(store);
    BOOST_TEST(has_line(all, "num_replicas"), listed(all));
    auto raw = co_await raw_client::connect(server.url());
    doctor_options options;
    options.domain = "hub";
    options.timeout = scaled(1s);
    all = co_await nats::examine(raw.connection(), "orders", options);
    BOOST_TEST(has_line(all, "num_replicas"), listed(all));
    server.pause();
    auto f = co_await failure_of(nats::examine(raw.connection(), "orders", options));
    BOOST_TEST(f.code == errc::timed_out, f.text);
    server.kill();
    f = co_await failure_of(nats::examine(raw.connection(), "orders", options));
    BOOST_TEST(is_retryable(f.code), f.text);
  });
}

BOOST_AUTO_TEST_SUITE_END()
