// What a host's options mean, and what they may not be.
#include "workflow_settings.hpp"

#include "detail/random.hpp"
#include "detail/utf8.hpp"
#include "or_default.hpp"

#include <aether/error.hpp>

#include <limits>
#include <string>
#include <utility>

namespace aether {

void workflow_host_options::validate() const {
  auto const refuse = [](char const* what) {
    throw error(errc::invalid_argument, std::string("workflow_host_options::") + what);
  };
  if (name.empty())
    refuse("name is empty: give one that stays the same after a restart, and that no other host has");
  if (name.size() > 255 || !detail::valid_utf8(name))
    refuse("name is longer than 255 bytes or not UTF-8");
  if (takeover_after.count() < 0)
    refuse("takeover_after is negative: use 0 for the default");
  if (step_timeout.count() < 0)
    refuse("step_timeout is negative: use 0 for the default");
}

namespace detail {

workflow_host_options settled(workflow_host_options options) {
  options.validate();
  options.takeover_after = or_default<std::chrono::nanoseconds>(options.takeover_after, std::chrono::seconds(60));
  options.step_timeout = or_default<std::chrono::nanoseconds>(options.step_timeout, std::chrono::seconds(30));
  options.max_resident = or_default<std::size_t>(options.max_resident, 10'000);
  options.max_journal_entries = or_default<std::size_t>(options.max_journal_entries, 10'000);
  options.max_result_bytes = or_default<std::size_t>(options.max_result_bytes, 256 * 1024);
  if (!options.time)
    options.time = machine_time();
  if (!options.random)
    options.random = &random_of_this_thread;
  return options;
}

retry_policy patience(workflow_host_options const& host, std::function<bool()> is_over) {
  retry_options options;
  options.max_attempts = std::numeric_limits<int>::max();
  options.max_elapsed = std::chrono::nanoseconds::max();
  options.time = host.time;
  options.random = [&host] { return host.random(); };
  options.decide = [over = std::move(is_over)](failed_attempt const&) {
    return over() ? retry_decision::stop() : retry_decision::usual();
  };
  return options;
}

} // namespace detail

} // namespace aether
