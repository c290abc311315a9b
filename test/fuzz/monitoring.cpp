// What servers tell of themselves and of a stream, from anywhere; the first byte says which: a page's address, an
// answer of HTTP, a report, a stream or an account. The rules take whatever was understood.
#include "fuzz/property.hpp"
#include "nats/doctor_rules.hpp"
#include "nats/http_answer.hpp"

#include <algorithm>
#include <string>
#include <variant>

namespace {

using namespace aether::nats::detail;
using aether::fuzz::demand;

void check_address(std::string_view url) {
  auto const page = monitoring_page(url);
  if (auto const* wrong = std::get_if<std::string>(&page))
    return demand(!wrong->empty(), "a refusal has a reason");
  auto const& to = std::get<http_address>(page);
  demand(!to.host.empty() && to.port != 0 && to.path.ends_with("/varz") && to.path.starts_with('/'), "it can be asked");
  auto const request = http_request(to);
  demand(std::count(request.begin(), request.end(), '\n') == 5 && request.find("\r\n\r\n") == request.size() - 4,
         "nothing is injected into the request");
}

/// What comes in two pieces is understood as what comes in one.
void check_http(std::string_view text) {
  auto const whole = read_http_answer(text, true);
  demand(whole.state != http_state::incomplete, "the end is an end");
  demand((whole.state == http_state::broken) == !whole.why.empty(), "what is broken has a reason");
  for (std::size_t length = 0; length < text.size(); length += 1 + text.size() / 16) {
    auto const part = read_http_answer(text.substr(0, length), false);
    demand(part.state != http_state::broken || whole.state == http_state::broken, "a part is no worse than the whole");
    if (part.state == http_state::complete)
      demand(whole.state == http_state::complete && whole.body == part.body, "what is whole stays so");
  }
}

void check_findings(doctor_facts const& facts) {
  auto const all = diagnose(facts);
  for (auto const& f : all)
    demand(!f.check.empty() && !f.found.empty() && f.known != f.found.starts_with("unknown: "), "a finding says what");
  demand(std::is_sorted(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.level > b.level; }),
         "the gravest come first");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto text = aether::fuzz::text_of(data, size);
  char const which = text.empty() ? 's' : text.front();
  text.remove_prefix(text.empty() ? 0 : 1);
  doctor_facts facts;
  facts.stream.name = "S";
  switch (which) {
  case 'u':
    check_address(text);
    return 0;
  case 'h':
    check_http(text);
    return 0;
  case 'r':
    if (auto report = parse_server_report(text))
      facts.servers.push_back(*std::move(report));
    break;
  case 'a': {
    auto const account = parse_account_facts(text, 1);
    if (auto const* told = std::get_if<account_facts>(&account))
      facts.account = *told;
    break;
  }
  default:
    auto stream = parse_stream_facts(text);
    if (auto* told = std::get_if<stream_facts>(&stream))
      facts.stream = std::move(*told);
    facts.stream.name = "S"; // as examine() demands
  }
  check_findings(facts);
  return 0;
}
