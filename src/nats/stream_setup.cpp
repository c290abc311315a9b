// One conversation with JetStream's API, each answer checked before the next question.
#include "nats/stream_setup.hpp"

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "nats/api_answer.hpp"
#include "nats/api_question.hpp"
#include "nats/config_defaults.hpp"
#include "nats/json_fields.hpp"
#include "nats/request.hpp"
#include "nats/server_version.hpp"
#include "nats/stream_settings.hpp"

#include <aether/json.hpp>

#include <boost/json/serialize.hpp>

#include <optional>
#include <variant>

namespace aether::nats::detail {

namespace {

using clock = std::chrono::steady_clock;

/// The parameters of one opening, and its only state: the deadline.
struct opening {
  connection on;
  jetstream_config config;
  std::string api;
  wanted_stream wanted;
  steady_time deadline;

  opening() = default;

  std::string what() const { return "opening stream " + wanted.name; }
};

bool is_temporary_answer(std::string_view text) {
  auto const answer = parse_stream_answer(text);
  auto const* refused = std::get_if<api_error>(&answer);
  return refused && refused->code != 0 && is_temporary(*refused);
}

/// Asks until there is an answer that is not "not now", within the deadline. All questions here may be asked twice.
awaitable<std::string> ask_api(opening const& o, std::string subject, std::string body) {
  for (;;) {
    auto const left = o.deadline - clock::now();
    if (left.count() <= 0)
      throw error(errc::timed_out, o.what() + ": " + subject + " was not answered in time");
    boost::system::error_code failure;
    std::string text;
    try {
      auto const patience = std::min<std::chrono::nanoseconds>(left, o.config.request_timeout);
      text = co_await ask_once(o.on, subject, body, patience);
      if (!is_temporary_answer(text))
        co_return text;
    } catch (boost::system::system_error const& e) {
      failure = e.code();
      text = e.what();
    }
    if (failure && failure != errc::timed_out && failure != errc::connection_lost)
      throw error(failure, o.what() + ": " + text);
    co_await pause_until(std::min(o.deadline, clock::now() + std::chrono::milliseconds(20)));
  }
}

[[noreturn]] void throw_error(opening const& o, api_error const& refused) {
  auto const code = to_errc(refused);
  std::string setting; // what the server's own text does not name
  if (code == errc::not_enough_replicas)
    setting = "replica_count is " + std::to_string(o.config.replica_count) + ": ";
  throw error(code, o.what() + ": " + setting + text_of(refused));
}

awaitable<server_facts> ask_facts(opening const& o) {
  server_facts facts;
  auto const text = co_await ask_api(o, o.api + ".INFO", "");
  auto const account = parse_account_answer(text);
  if (auto const* refused = std::get_if<api_error>(&account))
    throw_error(o, *refused);
  facts.api_level = std::get<account_answer>(account).api_level;
  co_return facts;
}

/// Several replicas are only as safe as the server: 2.11 has an api.level, 2.10 tells by its version, if at all.
awaitable<void> check_replicas(opening const& o, server_facts& facts, std::int64_t replicas) {
  if (replicas <= 1)
    co_return;
  if (facts.api_level == 0) {
    auto on = o.on;
    message question("$SYS.REQ.USER.INFO", "");
    call_options options;
    options.timeout = o.config.request_timeout;
    auto const answer = co_await on.request(std::move(question), options);
    auto const told = parse_user_info_version(answer.data);
    if (auto const* version = std::get_if<std::string>(&told))
      facts.version = parse_server_version(*version);
  }
  if (!facts.replicas_are_safe())
    throw error(
        errc::server_too_old,
        o.what() + ": replica_count is " + std::to_string(replicas) +
            ", and with replicas several writers can win one version on this server: use nats-server 2.10.20 or later "
            "(it must answer $JS.API.INFO with api.level, or $SYS.REQ.USER.INFO), or one replica");
}

awaitable<stream_answer> update_stream(opening const& o, boost::json::object const& config) {
  auto const text = co_await ask_api(o, o.api + ".STREAM.UPDATE." + o.wanted.name, boost::json::serialize(config));
  auto answer = parse_stream_answer(text);
  if (auto const* refused = std::get_if<api_error>(&answer))
    throw_error(o, *refused);
  co_return std::move(std::get<stream_answer>(answer));
}

/// Go's zero time.
bool is_unset(std::string_view created) { return created.starts_with("0001-"); }

/// A server that is making the stream at this moment may not know its time of creation yet: it is asked again.
awaitable<stream_answer> create_or_find(opening const& o) {
  std::optional<api_error> not_created;
  if (o.config.create) {
    auto const subject = o.api + ".STREAM.CREATE." + o.wanted.name;
    auto const text = co_await ask_api(o, subject, boost::json::serialize(o.wanted.config));
    auto answer = parse_stream_answer(text);
    if (auto* made = std::get_if<stream_answer>(&answer); made && !is_unset(made->created))
      co_return std::move(*made);
    if (auto const* refused = std::get_if<api_error>(&answer))
      not_created = *refused;
    if (not_created && !may_be_there(*not_created))
      throw_error(o, *not_created);
  }
  for (;;) {
    auto const text = co_await ask_api(o, o.api + ".STREAM.INFO." + o.wanted.name, std::string());
    auto answer = parse_stream_answer(text);
    if (auto const* refused = std::get_if<api_error>(&answer))
      throw_error(o, not_created && refused->err_code == js_code::stream_not_found ? *not_created : *refused);
    auto& found = std::get<stream_answer>(answer);
    if (!is_unset(found.created) || clock::now() >= o.deadline)
      co_return std::move(found);
    co_await pause_until(std::min(o.deadline, clock::now() + std::chrono::milliseconds(5)));
  }
}

std::int64_t number(boost::json::object const& config, char const* name) {
  auto const* value = config.if_contains(name);
  return value && value->is_number() ? value->to_number<std::int64_t>() : 0;
}

bool flag(boost::json::object const& config, char const* name) {
  auto const* value = config.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

std::shared_ptr<stream_access const> access_to(opening const& o, server_facts const& facts,
                                               stream_answer const& found) {
  auto const& echoed = found.config;
  time_point created{};
  if (!parse_time(found.created, created))
    throw error(errc::protocol_error, o.what() + ": its time of creation is not understood: " + found.created);
  auto const direct = flag(echoed, "allow_direct");
  auto const replicas = static_cast<int>(std::max<std::int64_t>(1, number(echoed, "num_replicas")));
  return std::make_shared<stream_access const>(stream_access{
      .connection = o.on.core(),
      .subjects = subject_map(o.wanted.name, o.config.subject_encoding),
      .api = o.api,
      .config = o.config,
      .replicas = replicas,
      .may_have_copies = replicas > 1 || !found.cluster.empty(),
      .direct_get = direct,
      .batch_direct_get = direct && facts.api_level >= 1,
      .atomic_batches = facts.may_have_batches() && flag(echoed, "allow_atomic"),
      .max_age = std::chrono::nanoseconds(number(echoed, "max_age")),
      .created = created,
      .log = o.config.log ? std::make_shared<store_log>(o.config.log, o.wanted.name) : nullptr,
      .watch = std::make_shared<aether::detail::store_watch>(o.config.name_space, o.wanted.name, o.config.tracer),
  });
}

} // namespace

namespace {

opening begin_opening(connection on, std::string_view stream_name, jetstream_config config) {
  if (!on)
    throw error(errc::not_open, "opening a store on a connection that was default-made or moved from");
  config.validate();
  opening o;
  o.on = std::move(on);
  o.config = resolved(std::move(config));
  if (!o.config.log)
    o.config.log = o.on.core()->options().log;
  o.deadline = aether::detail::deadline_after({}, o.config.operation_timeout);
  o.api = !o.config.api_prefix.empty() ? o.config.api_prefix
          : o.config.domain.empty()    ? std::string("$JS.API")
                                       : "$JS." + o.config.domain + ".API";
  o.wanted = make_wanted(o.config, stream_name, false);
  return o;
}

/// The stream as it is; none: it is not there.
awaitable<std::optional<stream_answer>> find_stream(opening const& o) {
  auto const text = co_await ask_api(o, o.api + ".STREAM.INFO." + o.wanted.name, std::string());
  auto answer = parse_stream_answer(text);
  std::optional<stream_answer> found;
  if (auto const* refused = std::get_if<api_error>(&answer)) {
    if (refused->err_code != js_code::stream_not_found)
      throw_error(o, *refused);
  } else {
    found = std::move(std::get<stream_answer>(answer));
  }
  co_return found;
}

} // namespace

awaitable<std::optional<recorded_stream>> find_recorded_stream(connection on, std::string stream_name,
                                                               jetstream_config config) {
  auto const o = begin_opening(std::move(on), stream_name, std::move(config));
  auto const found = co_await find_stream(o);
  std::optional<recorded_stream> stream;
  if (found) {
    stream.emplace().config = found->config;
    auto const description = string_at(found->config, "description").value_or("");
    if (parse_description(description, stream->record) != record_state::read)
      throw error(errc::stream_settings_differ,
                  o.what() + ": it was not made by this library, or by a later version of it: its description is " +
                      aether::detail::quoted(description));
  }
  co_return stream;
}

awaitable<void> update_stream_record(connection on, stream_record record, jetstream_config config) {
  auto const o = begin_opening(std::move(on), record.stream_name, std::move(config));
  auto const found = co_await find_stream(o);
  if (!found)
    throw error(errc::stream_not_found, o.what() + ": it is not there any more");
  auto changed = found->config;
  changed["description"] = description_of(record);
  co_await update_stream(o, changed);
}

awaitable<opened_stream> open_stream(connection on, std::string stream_name, jetstream_config config,
                                     std::optional<stream_layout> layout) {
  auto o = begin_opening(std::move(on), stream_name, std::move(config));
  if (!o.on.core()->has_headers())
    throw error(errc::server_too_old, o.what() + ": the server knows no message headers: use nats-server 2.9 or later");
  auto facts = co_await ask_facts(o);
  co_await check_replicas(o, facts, o.config.replica_count);
  o.wanted = make_wanted(o.config, stream_name, facts.may_have_batches(), layout);

  auto found = co_await create_or_find(o);
  auto differences = compare(o.wanted, found.config);
  if (auto refused = refusal(o.wanted, differences, o.config.on_existing))
    throw *refused;
  if (auto const better = o.config.create ? mended(found.config, differences) : std::nullopt) {
    found = co_await update_stream(o, *better);
    differences = compare(o.wanted, found.config);
  }
  if (number(found.config, "num_replicas") != o.config.replica_count)
    co_await check_replicas(o, facts, number(found.config, "num_replicas"));
  opened_stream out;
  out.stream = access_to(o, facts, found);
  out.weakened = weakened(differences);
  if (auto const& log = out.stream->log)
    log->opened(facts, out.stream->replicas, out.weakened);
  co_return out;
}

} // namespace aether::nats::detail
