// What the tests of the JetStream store share: opening one, and asking the server itself what is stored.
#pragma once

#include <integration/connection_support.hpp>
#include <support/events.hpp>

#include <aether/nats/jetstream_event_store.hpp>

#include <boost/json/object.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>
#include <vector>

namespace aether::test {

/// One server for all cases that do it no harm; each takes streams of its own.
nats_server& shared_server();
/// A name that no other case of this run uses.
std::string new_stream();

/// A store on a connection of its own.
awaitable<nats::jetstream_event_store> open_store(std::string url, std::string stream_name,
                                                  nats::jetstream_config config = {});
/// The same on the shared server.
awaitable<nats::jetstream_event_store> open_store(std::string stream_name, nats::jetstream_config config = {});

/// The body runs with a new store of a new stream on the shared server.
void with_new_store(std::function<awaitable<void>(nats::jetstream_event_store)> body, run_options options = {});

run_options on(int threads, std::chrono::seconds limit = std::chrono::seconds(60));

/// A connection of any client, and what it can do on JetStream without this library's store.
class raw_client {
public:
  raw_client() = default;
  static awaitable<raw_client> connect(std::string url);
  static awaitable<raw_client> connect(); ///< to the shared server

  nats::connection const& connection() const noexcept { return connection_; }
  /// Asks $JS.API and returns the answer, also when it is an error.
  awaitable<boost::json::object> api(std::string what, boost::json::object body = {});
  /// The error code of the server's answer; 0: none.
  awaitable<std::int64_t> api_error(std::string what, boost::json::object body = {});
  awaitable<boost::json::object> stream_config(std::string stream);
  /// How many messages the stream holds on the subjects, e.g. "S.events.>".
  awaitable<std::int64_t> count(std::string stream, std::string subjects);
  /// A stored message, as STREAM.MSG.GET has it, with `data` and `hdrs` decoded.
  awaitable<boost::json::object> last_message(std::string stream, std::string subject);
  /// Publishes into a stream and returns the sequence. Throws when it is refused.
  awaitable<std::uint64_t> publish(std::string subject, std::string data, nats::header_list headers = {});

private:
  nats::connection connection_;
};

/// For a stream whose events expire while one waits: after two seconds.
nats::jetstream_config short_lived();
/// Until they have.
awaitable<void> until_expired(raw_client client, std::string stream);

/// What the Go library asks for when it makes its stream: the same two subject trees, one year, nothing denied.
boost::json::object go_stream_config(std::string const& stream);
/// An event as the Go library writes it: "data": null for an empty map, no field left out.
std::string go_event(std::string const& id, std::string const& actor_id, std::int64_t version, std::string const& data);

/// Whether an error's text names something.
inline bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

} // namespace aether::test
