// What an examination of a stream asks, and of whom.
#include "nats/doctor_questions.hpp"

#include "nats/api_question.hpp"
#include "nats/doctor_rules.hpp"
#include "nats/http_get.hpp"
#include "nats/request.hpp"

#include <aether/event.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace aether::nats::detail {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds attempt_patience = 2s; ///< after this a question is asked again
constexpr std::chrono::nanoseconds server_patience = 3s;  ///< of what only servers tell, which may stay unknown
constexpr std::chrono::nanoseconds quiet_time = 300ms;    ///< no further server answers, when nobody knows how many
constexpr std::size_t largest_page = 1'000'000;           ///< bytes; a page /varz has some thousands

/// A question's answer, which may be an error that lasted until the deadline.
awaitable<std::string> ask_doctor_question(connection on, std::string subject, steady_time deadline) {
  for (;;) {
    std::string text;
    std::optional<error> failed;
    auto const patience = std::clamp<std::chrono::nanoseconds>(deadline - clock::now(), 1ms, attempt_patience);
    try {
      text = co_await ask_once(on, subject, "", patience);
    } catch (error const& e) {
      failed = e;
    }
    bool const over = clock::now() + 20ms >= deadline;
    if (failed && (over || (failed->code() != errc::timed_out && failed->code() != errc::connection_lost)))
      throw error(*failed);
    auto const answer = parse_answer(text);
    auto const* refused = std::get_if<api_error>(&answer);
    bool const ask_again = failed || (refused && refused->code != 0 && is_temporary(*refused));
    if (!ask_again || over)
      co_return text;
    co_await pause_until(clock::now() + 20ms);
  }
}

awaitable<void> ask_account(connection on, std::string api, steady_time deadline, doctor_facts& facts) {
  try {
    auto const text = co_await ask_doctor_question(on, api + ".INFO", deadline);
    auto const answer = parse_account_facts(text, settings_of(facts.stream.config).replicas());
    if (auto const* told = std::get_if<account_facts>(&answer))
      facts.account = *told;
    else
      facts.no_account = text_of(std::get<api_error>(answer));
  } catch (error const& e) {
    facts.no_account = e.what();
  }
}

/// From 2.11 on the level of the API says enough; 2.10 tells its version, and before there is nothing to ask.
awaitable<void> ask_version(connection on, steady_time deadline, doctor_facts& facts) {
  if (!facts.account || facts.account->api_level > 0)
    co_return;
  try {
    message question("$SYS.REQ.USER.INFO", "");
    call_options limit;
    limit.timeout = std::clamp<std::chrono::nanoseconds>(deadline - clock::now(), 1ms, attempt_patience);
    auto const reply = co_await on.request(std::move(question), limit);
    auto const told = parse_user_info_version(reply.data);
    if (auto const* version = std::get_if<std::string>(&told))
      facts.version = *version;
  } catch (error const&) { // a reader need not be allowed to ask
  }
}

void add_report(server_report report, doctor_facts& facts) {
  auto const same = [&](server_report const& r) { return r.name == report.name; };
  if (std::none_of(facts.servers.begin(), facts.servers.end(), same))
    facts.servers.push_back(std::move(report));
}

std::vector<std::string> servers_of(stream_facts const& stream) {
  std::vector<std::string> names;
  if (!stream.leader.empty())
    names.push_back(stream.leader);
  for (auto const& copy : stream.copies)
    if (!copy.offline)
      names.push_back(copy.server);
  return names;
}

/// Every server answers, those too that have nothing to do with the stream: it ends when the ones that keep it have.
awaitable<void> hear_servers(connection system, steady_time deadline, doctor_facts& facts) {
  auto waited_for = servers_of(facts.stream);
  bool const know_whom = !waited_for.empty();
  std::string why;
  std::size_t heard = 0;
  try {
    auto const inbox = system.core()->options().inbox_prefix + ".doctor." + make_uuid();
    auto replies = co_await system.subscribe(inbox);
    message question("$SYS.REQ.SERVER.PING.VARZ", "");
    question.reply = inbox;
    co_await system.publish(std::move(question));
    while (!know_whom || !waited_for.empty()) {
      std::chrono::nanoseconds left = deadline - clock::now();
      if (!know_whom && heard > 0)
        left = std::min(left, quiet_time);
      if (left.count() <= 0)
        break;
      call_options limit;
      limit.timeout = left;
      auto const reply = co_await replies.receive(limit);
      if (!reply)
        break;
      if (reply->status != 0) {
        why = "nobody answers: the user is not of the system account, or may not ask $SYS.REQ.SERVER.PING.VARZ";
        break;
      }
      auto report = parse_server_report(reply->data);
      if (!report)
        continue; // no answer to this
      ++heard;
      std::erase(waited_for, report->name);
      add_report(*std::move(report), facts);
    }
  } catch (error const& e) {
    why = e.what();
  }
  if (why.empty() && heard == 0)
    why = "no answer in time";
  if (!why.empty())
    facts.silent.emplace_back("the system account", why);
}

awaitable<void> read_page(std::string url, steady_time deadline, doctor_facts& facts) {
  auto const where = monitoring_page(url);
  auto const page = co_await http_get(std::get<http_address>(where), deadline, largest_page);
  auto report = page.body ? parse_server_report(*page.body) : std::nullopt;
  if (report)
    add_report(*std::move(report), facts);
  else
    facts.silent.emplace_back(url, page.body ? "the page is not that of a nats-server" : page.why);
}

steady_time soon(steady_time deadline) { return std::min(deadline, clock::now() + server_patience); }

/// Without a leader nothing else is known of a stream.
std::vector<finding> without_leader(std::string const& name, api_error const& refused) {
  finding_list out;
  out.add(severity::critical, "leader", "no leader answers for stream " + name + ": " + text_of(refused),
          "nothing can be saved or read: start the servers that keep the stream, a majority of its replicas");
  out.add_unknown(severity::warning, "settings", "without a leader nobody tells them", "examine the stream again then");
  return out.take();
}

} // namespace

awaitable<std::vector<finding>> examine_stream(connection on, std::string name, std::string api, doctor_options options,
                                               steady_time deadline) {
  doctor_facts facts;
  auto const text = co_await ask_doctor_question(on, api + ".STREAM.INFO." + name, deadline);
  auto answer = parse_stream_facts(text);
  if (auto const* refused = std::get_if<api_error>(&answer)) {
    if (refused->code != 0 && is_temporary(*refused))
      co_return without_leader(name, *refused);
    throw error(to_errc(*refused), "examining stream " + name + ": " + text_of(*refused));
  }
  facts.stream = std::move(std::get<stream_facts>(answer));
  if (facts.stream.name != name)
    throw error(errc::protocol_error, "examining stream " + name + ": the answer is of another stream");
  if (options.operation_timeout > 0ns)
    facts.operation_timeout = options.operation_timeout;
  facts.now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());

  co_await ask_account(on, api, soon(deadline), facts);
  co_await ask_version(on, soon(deadline), facts);
  if (options.system_account)
    co_await hear_servers(options.system_account, soon(deadline), facts);
  for (auto const& url : options.monitoring_urls)
    co_await read_page(url, soon(deadline), facts);
  co_return diagnose(facts);
}

} // namespace aether::nats::detail
