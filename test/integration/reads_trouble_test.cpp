// Reading while things go wrong: servers killed, streams and consumers deleted, stale replicas, lost messages, callers
// that give up.
#include "lossy_proxy.hpp"
#include "raw_stream.hpp"

#include "nats/history.hpp"
#include "nats/leader_reads.hpp"
#include "nats/subject_reader.hpp"

#include <aether/error.hpp>
#include <aether/task_group.hpp>

#include <support/nats_server.hpp>
#include <support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(reads_in_trouble, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace aether::nats::detail;
namespace asio = boost::asio;

namespace {

std::vector<std::string> const ways{"as the server can", "consumer"};

std::function<void(stream_access&)> by(std::string const& way) {
  return [way](stream_access& s) {
    if (way == "consumer")
      s.batch_direct_get = false;
  };
}

nats::jetstream_config small_batches() {
  nats::jetstream_config config;
  config.read_batch_bytes = 50'000;
  config.request_timeout = std::chrono::milliseconds(500);
  return config;
}

/// Counts what it is shown, and does something in the middle.
class counting_visitor final : public message_visitor {
public:
  explicit counting_visitor(std::size_t at = 0, std::function<void()> then = {}, std::function<void()> always = {})
      : at_(at), then_(std::move(then)), always_(std::move(always)) {}

  bool on_message(message_view const& message) override {
    auto const sequence = message.sequence();
    in_order_ = in_order_ && sequence > last_;
    last_ = sequence;
    if (++count_ == at_)
      then_();
    if (always_)
      always_();
    return true;
  }
  std::size_t count() const { return count_; }
  bool in_order() const { return in_order_; }

private:
  std::size_t at_;
  std::function<void()> then_;
  std::function<void()> always_;
  std::size_t count_ = 0;
  std::uint64_t last_ = 0;
  bool in_order_ = true;
};

read_range range_of(raw_stream const& s, std::string const& actor) {
  return read_range(s.access()->subjects.events_subject(actor), 1);
}

/// The code that an operation ends with; none: it succeeded.
awaitable<boost::system::error_code> ending_of(awaitable<void> operation) {
  boost::system::error_code code;
  try {
    co_await std::move(operation);
  } catch (boost::system::system_error const& e) {
    code = e.code();
  }
  co_return code;
}

awaitable<void> close(raw_stream const& s) {
  auto connection = s.connection();
  co_await connection.close();
}

/// Another client, which blocks its caller.
class blocking_client {
public:
  explicit blocking_client(std::string const& url) {
    if (natsConnection_ConnectTo(&connection_, url.c_str()) != NATS_OK)
      throw std::runtime_error("cannot connect to " + url);
  }
  ~blocking_client() { natsConnection_Destroy(connection_); }
  blocking_client(blocking_client const&) = delete;
  blocking_client& operator=(blocking_client const&) = delete;

  boost::json::object ask(std::string const& subject, std::string const& data = {}) const {
    natsMsg* reply = nullptr;
    if (natsConnection_RequestString(&reply, connection_, subject.c_str(), data.c_str(), 5000) != NATS_OK)
      throw std::runtime_error("no answer to " + subject);
    auto parsed =
        boost::json::parse(std::string(natsMsg_GetData(reply), static_cast<std::size_t>(natsMsg_GetDataLength(reply))));
    natsMsg_Destroy(reply);
    return std::move(parsed.as_object());
  }

private:
  natsConnection* connection_ = nullptr;
};

std::vector<std::string> consumers(blocking_client const& client) {
  std::vector<std::string> out;
  auto const answer = client.ask("$JS.API.CONSUMER.NAMES.S");
  if (auto const* names = answer.if_contains("consumers"); names && names->is_array())
    for (auto const& name : names->as_array())
      out.emplace_back(name.as_string());
  return out;
}

/// JetStream's API under the prefix TEST, as a bad network or a stale replica would show it.
class bent_api {
public:
  using handler = std::function<awaitable<void>(nats::connection, nats::message)>;

  static awaitable<void> serve(nats::connection connection, nats::subscription requests, handler handle) {
    try {
      for (;;)
        if (auto m = co_await requests.receive())
          co_await handle(connection, std::move(*m));
    } catch (error const& e) {
      if (e.code() != errc::closed)
        throw;
    }
  }

  /// Hands a request on to the server, whose answers go straight to who asked.
  static awaitable<void> pass_on(nats::connection connection, nats::message m) {
    m.subject.replace(0, std::string("TEST").size(), "$JS.API");
    co_await connection.publish(std::move(m));
  }
};

std::function<void(stream_access&)> bent(bool batches) {
  return [batches](stream_access& s) {
    s.api = "TEST";
    s.direct_get = s.batch_direct_get = batches;
  };
}

awaitable<void> read_through(nats_server& server, bool batches, int replicas, bent_api::handler handle,
                             std::function<void(raw_stream const&, replay_result const&)> check) {
  auto const executor = co_await asio::this_coro::executor;
  std::function<void(stream_access&)> change = [&](stream_access& a) {
    bent(batches)(a);
    a.may_have_copies = replicas > 1;
  };
  auto plain = co_await raw_stream::open(server.url(), small_batches());
  co_await plain.store_events("order-1", 1, 1000);
  auto connection = co_await nats::connection::connect(server.url());
  auto requests = co_await connection.subscribe("TEST.>");
  task_group service(executor);
  service.spawn(bent_api::serve(connection, std::move(requests), std::move(handle)));
  auto s = co_await raw_stream::open(server.url(), small_batches(), std::move(change));
  history_request request;
  request.actor_id = "order-1";
  auto const r = co_await read_history(s.access(), std::move(request), in(std::chrono::seconds(20)));
  check(s, r);
  co_await connection.close();
  co_await service.join();
  co_await close(s);
  co_await close(plain);
}

bool is_whole(replay_result const& r) {
  if (r.events.size() != 1000)
    return false;
  for (std::size_t i = 0; i < r.events.size(); ++i)
    if (r.events[i].version != static_cast<std::int64_t>(i) + 1)
      return false;
  return true;
}

// Two users: `all` may do everything, `few` nothing with consumers.
nats_server_options all_and_few() {
  nats_server_options options;
  options.extra_config = R"(authorization { users = [
    { user: all, password: x }
    { user: few, password: x, permissions: { publish: { deny: ["$JS.API.CONSUMER.>"] } } }
  ] })";
  return options;
}

std::string url_of(nats_server const& server, std::string const& user) {
  return "nats://" + user + ":x@" + server.url().substr(7);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_killed_in_the_middle) {
  for (auto const& way : ways) {
    nats_server server;
    run([&](asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      co_await s.store_events("order-1", 1, 5000);
      counting_visitor visitor(1000, [&] {
        server.kill();
        server.start();
      });
      co_await read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30)));
      BOOST_TEST(visitor.count() == 5000u, way);
      BOOST_TEST(visitor.in_order(), way);
      BOOST_TEST(s.connection().statistics().reconnects >= 1u);
      co_await close(s);
    });
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_stands_still_ends_the_read_at_its_deadline) {
  for (auto const& way : ways) {
    nats_server server;
    run([&](asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      co_await s.store_events("order-1", 1, 5000);
      counting_visitor visitor(10, [&] { server.pause(); });
      auto const deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
      auto const code = co_await ending_of(read_subject(s.access(), range_of(s, "order-1"), visitor, deadline));
      BOOST_TEST((code == errc::timed_out), way << ": " << code.message());
      BOOST_TEST((std::chrono::steady_clock::now() < deadline + std::chrono::seconds(2)));
      server.resume();
      counting_visitor again;
      co_await read_subject(s.access(), range_of(s, "order-1"), again, in(std::chrono::seconds(30)));
      BOOST_TEST(again.count() == 5000u, way);
      co_await close(s);
    });
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_is_gone_ends_the_read_at_its_deadline) {
  for (auto const& way : ways) {
    nats_server server;
    run([&](asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      co_await s.store_events("order-1", 1, 5000);
      counting_visitor visitor(10, [&] { server.kill(); });
      auto const deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
      auto const code = co_await ending_of(read_subject(s.access(), range_of(s, "order-1"), visitor, deadline));
      BOOST_TEST((code == errc::connection_lost || code == errc::timed_out), way << ": " << code.message());
      co_await close(s);
    });
  }
}

BOOST_AUTO_TEST_CASE(a_connection_closed_in_the_middle) {
  for (auto const& way : ways) {
    nats_server server;
    run([&](asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      co_await s.store_events("order-1", 1, 5000);
      counting_visitor visitor(10, [&] { s.access()->connection->close(); });
      auto const code =
          co_await ending_of(read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30))));
      BOOST_TEST((code == errc::closed), way << ": " << code.message());
    });
  }
}

BOOST_AUTO_TEST_CASE(a_stream_deleted_underneath) {
  for (auto const& way : ways) {
    nats_server server;
    run([&](asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      co_await s.store_events("order-1", 1, 5000);
      blocking_client other(server.url());
      counting_visitor visitor(10, [&] { other.ask("$JS.API.STREAM.DELETE.S"); });
      auto const code =
          co_await ending_of(read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30))));
      BOOST_TEST((code == errc::stream_not_found), way << ": " << code.message());
      co_await close(s);
    });
  }
}

BOOST_AUTO_TEST_CASE(a_consumer_deleted_underneath) {
  nats_server server;
  run([&](asio::io_context&) -> awaitable<void> {
    auto s = co_await raw_stream::open(server.url(), small_batches(), by("consumer"));
    co_await s.store_events("order-1", 1, 5000);
    blocking_client other(server.url());
    std::size_t deleted = 0;
    counting_visitor visitor(1000, [&] {
      for (auto const& name : consumers(other)) {
        other.ask("$JS.API.CONSUMER.DELETE.S." + name);
        ++deleted;
      }
    });
    co_await read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30)));
    BOOST_TEST(deleted == 1u);
    BOOST_TEST(visitor.count() == 5000u);
    BOOST_TEST(visitor.in_order());
    co_await close(s);
  });
}

BOOST_AUTO_TEST_CASE(a_writer_that_never_stops_holds_no_reader) {
  nats_server server;
  for (auto const& way : ways)
    run([&](asio::io_context&) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      auto const actor = "order-" + way.substr(0, 2);
      co_await s.store_events(actor, 1, 500);
      blocking_client other(server.url());
      std::int64_t version = 500;
      auto const subject = s.access()->subjects.events_subject(actor);
      counting_visitor visitor(0, {}, [&] { other.ask(subject, event_text(actor, ++version)); });
      co_await read_subject(s.access(), range_of(s, actor), visitor, in(std::chrono::seconds(20)));
      BOOST_TEST(visitor.count() >= 500u, way);
      BOOST_TEST(visitor.count() < 2000u, way << ": " << visitor.count());
      BOOST_TEST(visitor.in_order(), way);
      co_await close(s);
    });
}

BOOST_AUTO_TEST_CASE(without_permission_for_consumers_the_leader_is_asked) {
  nats_server server(all_and_few());
  auto const url = [&](std::string const& user) { return url_of(server, user); };
  run([&](asio::io_context&) -> awaitable<void> {
    auto writer = co_await raw_stream::open(url("all"));
    co_await writer.store_events("order-1", 1, 200);
    auto s = co_await raw_stream::open(url("few"), {}, by("consumer"));
    counting_visitor visitor;
    co_await read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30)));
    BOOST_TEST(visitor.count() == 200u);
    BOOST_TEST(visitor.in_order());
    // Also while somebody goes on writing.
    blocking_client other(url("all"));
    std::int64_t version = 200;
    auto const subject = s.access()->subjects.events_subject("order-1");
    counting_visitor busy(0, {}, [&] { other.ask(subject, event_text("order-1", ++version)); });
    co_await read_subject(s.access(), range_of(s, "order-1"), busy, in(std::chrono::seconds(30)));
    BOOST_TEST(busy.count() >= 200u);
    BOOST_TEST(busy.count() < 300u);
    co_await close(s);
    co_await close(writer);
  });
}

BOOST_AUTO_TEST_CASE(without_permission_for_consumers_a_long_history_comes_in_batches) {
  nats_server server(all_and_few());
  auto const url = [&](std::string const& user) { return url_of(server, user); };
  run([&](asio::io_context&) -> awaitable<void> {
    auto writer = co_await raw_stream::open(url("all"));
    co_await writer.store_events("order-1", 1, 4'000);
    for (std::string const user : {"all", "few"}) {
      auto s = co_await raw_stream::open(url(user));
      if (s.access()->batch_direct_get) {
        auto const before = s.messages_out();
        counting_visitor visitor;
        co_await read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30)));
        BOOST_TEST(visitor.count() == 4'000u);
        BOOST_TEST(visitor.in_order());
        BOOST_TEST(s.messages_out() - before < 20u);
      }
      co_await close(s);
    }
    co_await close(writer);
  });
}

BOOST_AUTO_TEST_CASE(what_a_stale_replica_lacks_is_asked_again) {
  nats_server server;
  for (int const stale : {1, 2, 1000})
    run([&](asio::io_context&) -> awaitable<void> {
      int answered = 0;
      bent_api::handler handle = [&](nats::connection connection, nats::message m) -> awaitable<void> {
        if (m.subject != "TEST.DIRECT.GET.S" || answered >= stale) {
          co_await bent_api::pass_on(connection, std::move(m));
          co_return;
        }
        ++answered; // nothing is there, says a replica that lags behind
        nats::message nothing(m.reply, {});
        nothing.headers.emplace_back("Status", "404");
        co_await connection.publish(std::move(nothing));
      };
      std::function<void(raw_stream const&, replay_result const&)> check = [&](raw_stream const&,
                                                                               replay_result const& r) {
        // Where the server answers no batches it answers with one message, and a consumer reads the rest.
        BOOST_TEST(r.events.size() >= 1000u, stale);
      };
      co_await read_through(server, true, 3, handle, check);
      BOOST_TEST(answered >= std::min(stale, 3));
    });
}

BOOST_AUTO_TEST_CASE(messages_lost_on_the_way_are_read_again) {
  nats_server server;
  for (auto const& way : ways)
    for (int const every : {3, 101, 700}) {
      lossy_proxy proxy(server.port(), every, 200);
      run([&](asio::io_context&) -> awaitable<void> {
        auto plain = co_await raw_stream::open(server.url(), small_batches());
        auto const there = co_await read_current(plain.access(), "order-1", in(std::chrono::seconds(10)));
        if (!there.latest)
          co_await plain.store_events("order-1", 1, 1000);
        auto s = co_await raw_stream::open(proxy.url(), small_batches(), by(way));
        history_request request;
        request.actor_id = "order-1";
        auto const r = co_await read_history(s.access(), std::move(request), in(std::chrono::seconds(30)));
        BOOST_TEST(is_whole(r), way << ", every " << every);
        BOOST_TEST(r.errors.empty());
        BOOST_TEST(proxy.lost() > 0);
        co_await close(s);
        co_await close(plain);
      });
    }
}

BOOST_AUTO_TEST_CASE(a_caller_that_gives_up_leaves_nothing_behind) {
  nats_server server;
  for (auto const& way : ways)
    run([&](asio::io_context& context) -> awaitable<void> {
      auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
      auto const there = co_await read_current(s.access(), "order-1", in(std::chrono::seconds(10)));
      if (!there.latest)
        co_await s.store_events("order-1", 1, 3000);
      blocking_client other(server.url());
      int given_up = 0;
      for (int step = 0; step < 80; ++step) {
        asio::cancellation_signal signal;
        // In the middle: while a message is shown. Early: after so many turns of the executor.
        counting_visitor visitor(step < 40 ? 0 : static_cast<std::size_t>(step - 39) * 70,
                                 [&] { signal.emit(asio::cancellation_type::terminal); });
        std::optional<std::exception_ptr> ended;
        auto slot = signal.slot();
        asio::co_spawn(context, read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30))),
                       asio::bind_cancellation_slot(slot, [&](std::exception_ptr e) { ended = e; }));
        for (int turn = 0; !ended; ++turn) {
          if (turn == step * 3)
            signal.emit(asio::cancellation_type::terminal);
          co_await asio::post(context, asio::use_awaitable);
        }
        if (*ended)
          try {
            std::rethrow_exception(*ended);
          } catch (boost::system::system_error const& e) {
            BOOST_TEST((e.code() == asio::error::operation_aborted), e.what());
            ++given_up;
          }
        else
          BOOST_TEST(visitor.count() == 3000u);
      }
      BOOST_TEST(given_up > 20, way);
      // Deleted without waiting: the server gets to it. The last one may even be made after the first look.
      auto const deadline = in(std::chrono::seconds(10));
      int empty = 0;
      while (empty < 5 && std::chrono::steady_clock::now() < deadline) {
        empty = consumers(other).empty() ? empty + 1 : 0;
        asio::steady_timer soon(context, std::chrono::milliseconds(20));
        co_await soon.async_wait(asio::use_awaitable);
      }
      BOOST_TEST(empty == 5, way);
      co_await close(s);
      // What is left now would keep the connection's implementation alive.
      std::weak_ptr<connection_core> core = s.connection().core();
      s = raw_stream();
      for (int turn = 0; turn < 1000 && !core.expired(); ++turn)
        co_await asio::post(context, asio::use_awaitable);
      BOOST_TEST(core.expired(), way);
    });
}

BOOST_AUTO_TEST_CASE(an_io_context_that_goes_away_in_the_middle) {
  nats_server server;
  for (auto const& way : ways)
    for (std::size_t const at : {1u, 300u, 1500u}) {
      auto context = std::make_unique<asio::io_context>();
      counting_visitor visitor(at, [&] { context->stop(); });
      auto body = [&]() -> awaitable<void> {
        auto s = co_await raw_stream::open(server.url(), small_batches(), by(way));
        auto const there = co_await read_current(s.access(), "order-1", in(std::chrono::seconds(10)));
        if (!there.latest)
          co_await s.store_events("order-1", 1, 3000);
        co_await read_subject(s.access(), range_of(s, "order-1"), visitor, in(std::chrono::seconds(30)));
      };
      asio::co_spawn(*context, body(), [](std::exception_ptr) {});
      context->run();
      context.reset(); // with the coroutine in it
      BOOST_TEST(visitor.count() >= at, way);
      BOOST_TEST(visitor.count() < 3000u, way);
    }
}

BOOST_AUTO_TEST_SUITE_END()
