// The inspector's connection and the stream it looks at.
#include "cli/session.hpp"

#include "detail/utf8.hpp"
#include "nats/option_defaults.hpp"
#include "nats/store_core.hpp"
#include "nats/subjects.hpp"

#include <aether/nats/sharded_store.hpp>

#include <cerrno>
#include <fstream>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace aether::cli {

using aether::detail::quoted;
using nats::detail::record_state;

namespace {

std::string first_line_of(std::string const& file) {
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line))
    throw std::runtime_error("the password file " + quoted(file) + " cannot be read, or is empty");
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  return line;
}

/// The store tells nothing: what is malformed is shown.
class silent_logger final : public logger {
public:
  silent_logger() : logger(log_level::off) {}

private:
  void write(log_level, std::string_view, std::span<log_field const>) noexcept override {}
};

void check_readable(std::string const& file, std::string const& what) {
  if (!file.empty() && !std::ifstream(file))
    throw std::runtime_error(what + ' ' + quoted(file) + " cannot be read");
}

/// How to open it: as the record says, else as the only other library does that is known to make such streams.
nats::jetstream_config config_for(nats::detail::listed_stream const& stream, options const& given,
                                  std::string& stream_name, std::optional<nats::detail::stream_layout>& layout) {
  nats::jetstream_config config;
  config.create = false;
  config.on_existing = nats::existing_stream::adopt; // together: taken as it is, and nothing is changed
  config.operation_timeout = given.timeout;
  config.log = std::make_shared<silent_logger>();
  config.name_space = given.name_space;
  stream_name = given.stream;
  auto const& record = stream.record;
  if (stream.has_record == record_state::none) {
    config.subject_encoding = nats::subject_encoding::underscore;
  } else if (stream.has_record == record_state::read) {
    config.subject_encoding = record.encoding;
    auto const named = record.name_space.empty() ? record.stream_name : record.name_space + '_' + record.stream_name;
    if (named == stream.name) {
      config.name_space = record.name_space;
      stream_name = record.stream_name;
      layout = record.layout;
    }
  }
  return config;
}

/// Of a sharded store: its streams, and the actor's, if there is one.
std::string parts_of(std::string const& name, std::size_t streams, std::string const& actor) {
  auto const part = [&](std::size_t index) { return nats::sharded_stream_name(name, index); };
  auto text = quoted(name) + " is a sharded store: name one of its streams, " + part(0) + " to " + part(streams - 1);
  if (!actor.empty())
    text += "; " + quoted(actor) + " is in " + part(stream_of_actor(actor, streams));
  return text;
}

} // namespace

awaitable<nats::connection> connect(options given, std::shared_ptr<logger> log) {
  nats::connection_options wanted;
  wanted.servers = nats::detail::split_servers(given.url);
  wanted.name = "aether inspector";
  wanted.credentials_file = given.creds;
  check_readable(given.creds, "the credentials file");
  wanted.inbox_prefix = given.inbox_prefix;
  wanted.log = std::move(log);
  wanted.user = given.user;
  if (!given.password_file.empty())
    wanted.password = first_line_of(given.password_file);
  wanted.connect_timeout = given.timeout;
  wanted.operation_timeout = given.timeout;
  co_return co_await nats::connection::connect(std::move(wanted));
}

awaitable<void> name_parts(nats::connection on, std::string name, std::string actor) {
  std::optional<nats::detail::stream_layout> layout;
  try {
    auto const first = co_await nats::detail::find_stream(on, nats::sharded_stream_name(name, 0));
    layout = first.record.layout;
  } catch (error const&) { // then it is none
  }
  if (layout)
    throw error(errc::stream_not_found, parts_of(name, layout->streams, actor));
}

awaitable<session> open_session(options given, std::shared_ptr<logger> log) {
  session out;
  auto const name = nats::detail::full_stream_name(given.name_space, given.stream);
  out.connection = co_await connect(given, std::move(log));
  out.stream = co_await or_parts(nats::detail::find_stream(out.connection, name), out.connection, given);
  if (!out.stream.holds_events)
    throw error(errc::stream_settings_differ, "stream " + quoted(name) + " holds no events: its subjects are others");
  std::string stream_name;
  std::optional<nats::detail::stream_layout> layout;
  auto config = config_for(out.stream, given, stream_name, layout);
  out.encoding = config.subject_encoding;
  auto core = co_await nats::detail::open_store_core(out.connection, stream_name, std::move(config), layout);
  out.store = std::make_shared<nats::jetstream_event_store>(std::move(core));
  co_return out;
}

} // namespace aether::cli
