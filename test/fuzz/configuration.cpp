// Any bytes as what a server says of an existing stream: how it differs from the one asked for, and what mends it.
// The first line chooses what is asked for.
#include "nats/stream_settings.hpp"

#include "fuzz/property.hpp"
#include "nats/api_answer.hpp"
#include "nats/config_defaults.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace {

using namespace aether::nats;
using namespace aether::nats::detail;
using aether::fuzz::demand;

wanted_stream asked_for(std::string_view line) {
  auto const has = [&](char c) { return line.find(c) != std::string_view::npos; };
  jetstream_config c;
  if (has('n'))
    c.name_space = "tenant";
  if (has('f'))
    c.stream_retention = retention::forever;
  if (has('u'))
    c.subject_encoding = subject_encoding::underscore;
  if (has('b'))
    c.max_stream_bytes = 1000;
  if (has('r'))
    c.replica_count = 3;
  c.validate();
  return make_wanted(resolved(c), "orders", has('a'));
}

void check_differences(wanted_stream const& wanted, boost::json::object const& actual) {
  auto const differences = compare(wanted, actual);
  demand(std::is_sorted(differences.begin(), differences.end(),
                        [](auto const& a, auto const& b) { return a.kind < b.kind; }),
         "what makes it unusable comes first");
  for (auto const& d : differences)
    demand(!d.setting.empty() && !d.wanted.empty() && !d.actual.empty(), "a difference names both values");
  auto const kinds = [&](difference_kind k) {
    return std::any_of(differences.begin(), differences.end(), [k](auto const& d) { return d.kind == k; });
  };
  bool const unusable = kinds(difference_kind::unusable);
  auto const adopted = refusal(wanted, differences, existing_stream::adopt);
  auto const required = refusal(wanted, differences, existing_stream::require);
  demand(adopted.has_value() == unusable, "what is unusable cannot be adopted");
  demand(required.has_value() == (unusable || kinds(difference_kind::differs)), "what differs is refused");
  auto const weaker = weakened(differences);
  auto const upgrades = std::count_if(differences.begin(), differences.end(),
                                      [](auto const& d) { return d.kind == difference_kind::upgrade; });
  demand(weaker.size() + static_cast<std::size_t>(upgrades) == differences.size(), "the others are told as weaker");
  auto const config = mended(actual, differences);
  for (auto const& left : compare(wanted, config ? *config : actual))
    demand(!left.mend, "once mended, nothing is left to mend");
}

void check_description(std::string_view text) {
  stream_record found;
  if (parse_description(text, found) != record_state::read)
    return;
  stream_record again;
  demand(parse_description(description_of(found), again) == record_state::read && again == found,
         "a record is written as it was read");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto rest = aether::fuzz::text_of(data, size);
  auto const wanted = asked_for(aether::fuzz::take_line(rest));
  demand(compare(wanted, wanted.config).empty(), "what was asked for is as it was asked for");
  check_description(rest);
  auto const answer = parse_stream_answer(rest);
  if (auto const* stream = std::get_if<stream_answer>(&answer)) {
    check_differences(wanted, stream->config);
    if (auto const* description = stream->config.if_contains("description"); description && description->is_string())
      check_description({description->get_string().data(), description->get_string().size()});
  }
  return 0;
}
