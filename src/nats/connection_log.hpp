// What a connection tells a logger.
#pragma once

#include "detail/log.hpp"
#include "detail/log_throttle.hpp"

#include <aether/nats/connection_options.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// Each function is one record; without a logger none does anything. On the connection's strand. URLs are told without
/// their credentials, texts of others without secrets.
class connection_log {
public:
  explicit connection_log(connection_options const& options);

  void connected(std::string_view server, std::string_view server_id, bool again);
  void attempt_failed(std::string_view url, boost::system::error_code why, std::string_view text);
  void lost(std::string_view server, boost::system::error_code why, std::string_view text) const;
  void discovered(std::vector<std::string> const& urls) const;
  /// `subject`: as far as the server named it.
  void refused(std::string_view subject, bool subscribing);
  void closed(std::uint64_t reconnects) const noexcept;

private:
  std::shared_ptr<logger> const to_;
  std::vector<std::string> const secrets_;
  boost::system::error_code last_failure_; // since it was connected
  aether::detail::log_throttle refusals_;
};

} // namespace aether::nats::detail
