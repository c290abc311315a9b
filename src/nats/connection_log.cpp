// The records of a connection.
#include "nats/connection_log.hpp"

#include "nats/option_defaults.hpp"
#include "nats/redaction.hpp"

#include <chrono>
#include <utility>

namespace aether::nats::detail {

using aether::detail::log_at;

connection_log::connection_log(connection_options const& options)
    : to_(options.log), secrets_(to_ ? secrets_of(options) : std::vector<std::string>()) {}

void connection_log::connected(std::string_view server, std::string_view server_id, bool again) {
  last_failure_ = {};
  if (log_at const log{to_, log_level::info})
    log(again ? "reconnected" : "connected", {{"server", redacted(server, secrets_)}, {"server_id", server_id}});
}

// While a server stays away the same is met again and again.
void connection_log::attempt_failed(std::string_view url, boost::system::error_code why, std::string_view text) {
  auto const level = std::exchange(last_failure_, why) == why ? log_level::debug : log_level::warning;
  if (log_at const log{to_, level})
    log("an attempt to connect failed", {{"server", redacted(without_credentials(url), secrets_)},
                                         {"error", why.message()},
                                         {"text", redacted(text, secrets_)}});
}

void connection_log::lost(std::string_view server, boost::system::error_code why, std::string_view text) const {
  if (log_at const log{to_, log_level::warning})
    log("the connection was lost",
        {{"server", redacted(server, secrets_)}, {"error", why.message()}, {"text", redacted(text, secrets_)}});
}

void connection_log::discovered(std::vector<std::string> const& urls) const {
  log_at const log{to_, log_level::debug};
  if (!log || urls.empty())
    return;
  std::string all;
  for (auto const& url : urls)
    all += (all.empty() ? "" : ",") + redacted(without_credentials(url), secrets_);
  log("the cluster told of its servers", {{"servers", all}, {"count", urls.size()}});
}

void connection_log::refused(std::string_view subject, bool subscribing) {
  log_at const log{to_, log_level::warning};
  if (!log)
    return;
  if (auto const left_out = refusals_.take(std::chrono::steady_clock::now()))
    log("the server refuses a permission", {{"operation", subscribing ? "subscribe" : "publish"},
                                            {"subject", redacted(subject, secrets_)},
                                            {"left_out", *left_out}});
}

void connection_log::closed(std::uint64_t reconnects) const noexcept {
  if (log_at const log{to_, log_level::info})
    log("the connection was closed", {{"reconnects", reconnects}});
}

} // namespace aether::nats::detail
