// The way to the server is cut after every single byte of a save's exchange, in both directions, in every manner: each
// outcome is right, and saving goes on.
#include "fault/campaign/campaign.hpp"
#include "fault/campaign/logged_store.hpp"
#include "fault/proxy.hpp"
#include "fault/read_stream.hpp"

#include <support/nats_server.hpp>
#include <support/run.hpp>
#include <support/temporary_directory.hpp>

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <sstream>

using namespace aether;
using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace aether::fault {

std::ostream& operator<<(std::ostream& out, way w) {
  return out << (w == way::to_server ? "to the server" : "to the client");
}
std::ostream& operator<<(std::ostream& out, cut_kind k) {
  return out << (k == cut_kind::end ? "end" : k == cut_kind::reset ? "reset" : "mute");
}

} // namespace aether::fault

namespace {

namespace data = boost::unit_test::data;

// AETHER_CAMPAIGN=1 tries every byte; else one in so many, beginning with the first.
std::uint64_t stride_of(cut_kind kind) {
  if (in_full())
    return 1;
  return kind == cut_kind::mute ? 61 : 13;
}

awaitable<std::shared_ptr<nats::jetstream_event_store>> open_through(proxy const& way_there) {
  nats::connection_options options;
  options.servers.push_back(way_there.url());
  options.reconnect_wait = 1ms;
  options.reconnect_wait_max = 10ms;
  options.ping_interval = 100ms;
  auto on = co_await nats::connection::connect(std::move(options));
  nats::jetstream_config config;
  config.request_timeout = 300ms;
  auto opened = co_await nats::jetstream_event_store::open(std::move(on), "S", std::move(config));
  co_return std::make_shared<nats::jetstream_event_store>(std::move(opened));
}

// A save that meets the cut, the same again until its outcome is known, another writer's event, and a read.
awaitable<bool> save_through_a_cut(logged_store store, proxy& way_there, std::string actor, way w, std::uint64_t bytes,
                                   cut_kind kind) {
  operation o = co_await store.save(fault_event(actor, 1));
  bool good = o.end == call_end::saved;
  auto const cuts = way_there.cuts();
  way_there.cut_after(w, bytes, kind);
  auto const e = fault_event(actor, 2);
  save_options options;
  options.timeout = 5s;
  o = co_await store.save(e, options);
  way_there.cut_after(w, std::numeric_limits<std::uint64_t>::max(), kind);
  bool const met = way_there.cuts() > cuts;
  for (int i = 0; i < 5 && o.end != call_end::saved && o.end != call_end::already_saved; ++i)
    o = co_await store.save(e, options);
  good = good && (o.end == call_end::saved || o.end == call_end::already_saved);
  o = co_await store.save(fault_event(actor, 2));
  good = good && o.end == call_end::conflict;
  o = co_await store.save(fault_event(actor, 3));
  good = good && o.end == call_end::saved;
  o = co_await store.get_events(actor);
  good = good && o.events.size() == 3;
  if (!good)
    throw std::runtime_error(actor + ": saving does not go on");
  co_return met;
}

BOOST_AUTO_TEST_SUITE(cuts, *boost::unit_test::precondition(has_nats_server))

BOOST_DATA_TEST_CASE(every_byte,
                     data::make({way::to_server, way::to_client}) *
                         data::make({cut_kind::end, cut_kind::reset, cut_kind::mute}),
                     w, kind) {
  nats_server server;
  proxy way_there(server.port());
  test::temporary_directory const directory;
  auto const log = std::make_shared<history_writer>(directory.path() / "1", 1);
  int positions = 0;
  test::run(
      [&](boost::asio::io_context&) -> awaitable<void> {
        auto store = co_await open_through(way_there);
        logged_store logged(store, log);
        // Beyond the last byte of the exchange nothing is cut any more.
        for (std::uint64_t bytes = 0; bytes < 10'000; bytes += stride_of(kind)) {
          bool const met =
              co_await save_through_a_cut(logged, way_there, "order-" + std::to_string(bytes), w, bytes, kind);
          if (!met)
            break;
          ++positions;
        }
        co_await store->close();
      },
      {1, 1200s});
  auto const history = read_history(directory.path() / "1");
  wire_client client(server.port());
  auto const v = check_history(history, stored_events(read_stream(client, "S")));
  std::ostringstream what;
  what << positions << " cuts " << w << ", " << kind;
  report("cut", 0, v, what.str());
  BOOST_TEST(positions >= (w == way::to_server ? 300 : 55) / static_cast<int>(stride_of(kind)));
  BOOST_TEST(v.counts.open == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
