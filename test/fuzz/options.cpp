// Random options of connections and stores: validate() refuses them by name, or what is made of them makes sense.
#include "fuzz/property.hpp"
#include "nats/config_defaults.hpp"
#include "nats/duration_text.hpp"
#include "nats/option_defaults.hpp"
#include "nats/server_pool.hpp"
#include "nats/server_version.hpp"
#include "nats/stream_settings.hpp"

#include <fuzzer/FuzzedDataProvider.h>

#include <chrono>

namespace {

using namespace aether::nats;
using namespace aether::nats::detail;
using namespace std::chrono_literals;
using aether::errc;
using aether::fuzz::demand;

std::string text(FuzzedDataProvider& in) { return in.ConsumeRandomLengthString(300); }

// Zero, sizes that people choose, the edges, and anything.
std::int64_t number(FuzzedDataProvider& in) {
  switch (in.ConsumeIntegralInRange(0, 4)) {
  case 0:
    return 0;
  case 1:
    return in.ConsumeIntegralInRange<std::int64_t>(1, 10'000);
  case 2:
    return in.ConsumeBool() ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
  case 3:
    return std::int64_t{1'000'000} * in.ConsumeIntegralInRange(1, 10'000'000);
  default:
    return in.ConsumeIntegral<std::int64_t>();
  }
}
std::chrono::nanoseconds duration(FuzzedDataProvider& in) { return std::chrono::nanoseconds(number(in)); }
std::size_t size(FuzzedDataProvider& in) { return static_cast<std::size_t>(number(in)); }

template <class Options> bool accepted(Options const& o) {
  try {
    o.validate();
    return true;
  } catch (aether::error const& e) {
    demand(e.code() == errc::invalid_argument && *e.what() != '\0', "nonsense is refused by name");
    return false;
  }
}

connection_options connection_of(FuzzedDataProvider& in) {
  connection_options o;
  o.servers = split_servers(text(in));
  for (auto const& server : o.servers)
    demand(!server.empty() && server.find(',') == std::string::npos && server.front() != ' ' && server.back() != '\t',
           "each is one server");
  if (in.ConsumeBool())
    o.servers.push_back(text(in));
  for (auto* field : {&o.name, &o.user, &o.password, &o.token, &o.nkey_seed_file, &o.nkey_public, &o.credentials_file,
                      &o.tls.certificate_file, &o.tls.key_file, &o.tls.expected_hostname, &o.inbox_prefix})
    if (in.ConsumeIntegralInRange(0, 7) == 0)
      *field = text(in);
  o.tls.verify_server = in.ConsumeBool();
  for (auto* field :
       {&o.connect_timeout, &o.operation_timeout, &o.reconnect_wait, &o.reconnect_wait_max, &o.ping_interval})
    *field = duration(in);
  o.max_pings_out = in.ConsumeIntegral<int>();
  o.max_pending_bytes = size(in);
  return o;
}

void check_pool(connection_options const& o, FuzzedDataProvider& in) {
  server_pool pool(o.servers, o.reconnect_wait, o.reconnect_wait_max);
  for (int i = 0; i < 100; ++i) {
    if (in.ConsumeIntegralInRange(0, 9) == 0)
      pool.discover(split_servers(text(in)), "host");
    demand(pool.left_in_round() >= 1 && pool.left_in_round() <= pool.size(), "a round has an end");
    demand(!pool.current().url.empty(), "there is always one to try");
    auto const pause = pool.pause(in.ConsumeFloatingPointInRange(0.0, 0.999));
    demand(pause >= 0ns && pause <= o.reconnect_wait_max, "pauses are bounded");
    if (in.ConsumeIntegralInRange(0, 5) == 0)
      pool.succeeded();
    else
      (void)pool.failed();
  }
}

void check_connection(FuzzedDataProvider& in) {
  auto const o = connection_of(in);
  for (auto const& server : o.servers)
    demand(without_credentials(server).size() <= server.size(), "credentials are taken away, nothing is put there");
  if (!accepted(o))
    return;
  auto const full = resolved(o);
  demand(accepted(full), "defaults make sense beside what was accepted");
  demand(full.connect_timeout > 0ns && full.operation_timeout > 0ns && full.reconnect_wait > 0ns &&
             full.reconnect_wait <= full.reconnect_wait_max && full.ping_interval > 0ns && full.max_pings_out > 0 &&
             full.max_pending_bytes > 0 && !full.servers.empty() && !full.inbox_prefix.empty(),
         "nothing is left zero");
  check_pool(full, in);
}

jetstream_config store_of(FuzzedDataProvider& in) {
  jetstream_config c;
  for (auto* field : {&c.name_space, &c.api_prefix, &c.domain})
    if (in.ConsumeIntegralInRange(0, 3) == 0)
      *field = text(in);
  for (auto* field : {&c.stream_retention, &c.duplicate_window, &c.operation_timeout, &c.request_timeout})
    *field = duration(in);
  for (auto* field : {&c.max_stream_bytes, &c.max_waiting_saves, &c.max_saves_in_flight, &c.version_cache_bytes,
                      &c.max_remembered_saves, &c.max_history_events, &c.max_history_bytes, &c.read_batch_bytes})
    *field = in.ConsumeBool() ? 0 : size(in);
  c.strands = in.ConsumeIntegralInRange<std::size_t>(0, 1100);
  c.replica_count = in.ConsumeIntegralInRange(-1, 6);
  c.on_existing = static_cast<existing_stream>(in.ConsumeIntegralInRange(0, 2));
  c.version_policy = static_cast<aether::version_policy>(in.ConsumeIntegralInRange(0, 2));
  c.subject_encoding = static_cast<subject_encoding>(in.ConsumeIntegralInRange(0, 2));
  return c;
}

void check_store(FuzzedDataProvider& in) {
  auto const c = store_of(in);
  if (!accepted(c))
    return;
  auto const full = resolved(c);
  demand(accepted(full), "defaults make sense beside what was accepted");
  demand(full.request_timeout > 0ns && full.request_timeout <= full.operation_timeout &&
             full.operation_timeout <= full.stream_retention && full.duplicate_window <= full.stream_retention,
         "times are in their order");
  demand(full.strands > 0 && full.max_saves_in_flight > 0 && full.read_batch_bytes > 0, "nothing is left zero");
  try {
    auto const wanted = make_wanted(full, text(in), in.ConsumeBool());
    demand(compare(wanted, wanted.config).empty(), "a stream made so is as it was asked for");
  } catch (aether::error const& e) {
    demand(e.code() == errc::invalid_id, "only its name may still be refused");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t length) {
  FuzzedDataProvider in(data, length);
  demand(!duration_text(duration(in)).empty(), "every duration has a text");
  if (auto const v = parse_server_version(text(in)))
    demand(v->major >= 0 && v->minor >= 0 && v->patch >= 0, "versions count up");
  if (in.ConsumeBool())
    check_connection(in);
  else
    check_store(in);
  return 0;
}
