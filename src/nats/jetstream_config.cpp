// Options of a JetStream store: their defaults and what is refused.
#include <aether/nats/jetstream_config.hpp>

#include "detail/utf8.hpp"
#include "nats/config_defaults.hpp"
#include "nats/duration_text.hpp"
#include "nats/subjects.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

namespace aether::nats {
namespace {

using aether::detail::quoted;
using detail::duration_text;
using namespace std::chrono_literals;

constexpr std::size_t max_strands = 1024;
constexpr std::chrono::nanoseconds shortest_server_duration = 100ms; // what a server takes for max_age and window

[[noreturn]] void refuse(std::string_view option, std::string const& value, std::string_view why) {
  throw error(errc::invalid_argument,
              "jetstream_config::" + std::string(option) + " is " + value + ": " + std::string(why));
}

void check_not_negative(std::string_view option, std::chrono::nanoseconds value) {
  if (value < 0ns)
    refuse(option, duration_text(value), "it cannot be negative");
}

// A negative number that was given for a size arrives as one that no memory has.
void check_size(std::string_view option, std::size_t value) {
  if (value > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()))
    refuse(option, std::to_string(static_cast<std::ptrdiff_t>(value)), "it cannot be negative");
}

// Tokens of a subject: none empty, nothing a server would take for a wildcard or the end of the subject.
bool valid_subject(std::string_view subject) noexcept {
  char previous = '.';
  for (char const c : subject) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || c == '*' || c == '>' || (c == '.' && previous == '.'))
      return false;
    previous = c;
  }
  return previous != '.';
}

bool is_plain_text(std::string_view text) noexcept {
  return !text.empty() && text.size() <= aether::detail::max_id_bytes && aether::detail::valid_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
}

void check_names(jetstream_config const& c) {
  if (!c.name_space.empty() && !detail::valid_name(c.name_space))
    refuse("name_space", quoted(c.name_space), "use up to 200 letters, digits, '-' and '_'");
  if (!c.api_prefix.empty() && !c.domain.empty())
    refuse("domain", quoted(c.domain),
           "it names the API's prefix, and so does api_prefix " + quoted(c.api_prefix) + ": give one of them");
  if (!c.api_prefix.empty() && (!valid_subject(c.api_prefix) || c.api_prefix.size() > detail::max_api_prefix_bytes))
    refuse("api_prefix", quoted(c.api_prefix),
           "use a subject of up to 200 bytes without spaces, wildcards and a dot at its end, such as \"$JS.API\"");
  bool const one_token = valid_subject(c.domain) && c.domain.find('.') == std::string::npos;
  if (!c.domain.empty() && (!one_token || c.domain.size() > detail::max_api_prefix_bytes / 2))
    refuse("domain", quoted(c.domain), "use a name of up to 100 bytes without spaces, dots and wildcards");
}

void check_durations(jetstream_config const& c) {
  check_not_negative("stream_retention", c.stream_retention);
  check_not_negative("duplicate_window", c.duplicate_window);
  check_not_negative("operation_timeout", c.operation_timeout);
  check_not_negative("request_timeout", c.request_timeout);
  jetstream_config const full = detail::resolved(c);
  if (full.stream_retention < shortest_server_duration)
    refuse("stream_retention", duration_text(full.stream_retention), "a server takes 100 ms or more");
  if (full.stream_retention < full.operation_timeout)
    refuse("stream_retention", duration_text(full.stream_retention),
           "it must not be below operation_timeout, which is " + duration_text(full.operation_timeout) +
               ", as an event could expire while its save is resolved");
  if (full.duplicate_window < shortest_server_duration)
    refuse("duplicate_window", duration_text(full.duplicate_window), "a server takes 100 ms or more");
  if (full.stream_retention < full.duplicate_window)
    refuse("stream_retention", duration_text(full.stream_retention),
           "it must not be below duplicate_window, which is " + duration_text(full.duplicate_window));
  if (full.request_timeout > full.operation_timeout)
    refuse("request_timeout", duration_text(full.request_timeout),
           "it must not be above operation_timeout, which is " + duration_text(full.operation_timeout));
}

void check_bounds(jetstream_config const& c) {
  if (c.replica_count < 0 || c.replica_count > 5)
    refuse("replica_count", std::to_string(c.replica_count), "use 1 to 5, odd numbers survive most failures");
  check_size("max_stream_bytes", c.max_stream_bytes);
  check_size("max_waiting_saves", c.max_waiting_saves);
  check_size("max_saves_in_flight", c.max_saves_in_flight);
  check_size("version_cache_bytes", c.version_cache_bytes);
  check_size("max_remembered_saves", c.max_remembered_saves);
  check_size("max_history_events", c.max_history_events);
  check_size("max_history_bytes", c.max_history_bytes);
  check_size("read_batch_bytes", c.read_batch_bytes);
  check_size("strands", c.strands);
  if (c.strands > max_strands)
    refuse("strands", std::to_string(c.strands), "use at most 1,024; a few are enough");
}

// Enumerators that came from an integer, as a configuration file's.
void check_choices(jetstream_config const& c) {
  if (c.on_existing != existing_stream::require && c.on_existing != existing_stream::adopt)
    refuse("on_existing", std::to_string(static_cast<int>(c.on_existing)), "use require or adopt");
  if (c.version_policy != version_policy::increasing && c.version_policy != version_policy::contiguous)
    refuse("version_policy", std::to_string(static_cast<int>(c.version_policy)), "use increasing or contiguous");
  if (c.subject_encoding != subject_encoding::percent && c.subject_encoding != subject_encoding::underscore)
    refuse("subject_encoding", std::to_string(static_cast<int>(c.subject_encoding)), "use percent or underscore");
}

template <class T> void fill(T& option, T value) {
  if (option == T{})
    option = value;
}

} // namespace

void stream_placement::validate() const {
  if (!cluster.empty() && !is_plain_text(cluster))
    refuse("placement", quoted(cluster), "a cluster's name has 1 to 255 bytes, without spaces");
  for (auto const& tag : tags)
    if (!is_plain_text(tag))
      refuse("placement", quoted(tag), "a server's tag has 1 to 255 bytes, without spaces");
}

void jetstream_config::validate() const {
  placement.validate();
  check_names(*this);
  check_durations(*this);
  check_bounds(*this);
  check_choices(*this);
}

jetstream_config detail::resolved(jetstream_config c) {
  constexpr std::size_t megabyte = 1024 * 1024;
  fill<std::chrono::nanoseconds>(c.stream_retention, 365 * 24h);
  fill(c.replica_count, 1);
  fill<std::chrono::nanoseconds>(c.operation_timeout, 10s);
  fill(c.request_timeout, std::min<std::chrono::nanoseconds>(2s, c.operation_timeout));
  fill(c.duplicate_window, std::min<std::chrono::nanoseconds>(2min, c.stream_retention));
  fill(c.api_prefix, c.domain.empty() ? std::string("$JS.API") : "$JS." + c.domain + ".API");
  c.domain.clear();
  fill<std::size_t>(c.max_waiting_saves, 65'536);
  fill<std::size_t>(c.max_saves_in_flight, 4'096);
  fill<std::size_t>(c.version_cache_bytes, 64 * megabyte);
  fill<std::size_t>(c.max_remembered_saves, 65'536);
  fill<std::size_t>(c.max_history_events, 1'000'000);
  fill<std::size_t>(c.max_history_bytes, 256 * megabyte);
  fill<std::size_t>(c.read_batch_bytes, 4 * megabyte);
  fill<std::size_t>(c.strands, 8);
  return c;
}

} // namespace aether::nats
