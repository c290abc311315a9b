// How a NATS connection is made: servers, credentials, TLS, timeouts.
#pragma once

#include <aether/logging.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace aether::nats {

struct tls_options {
  bool enabled = false;          ///< also set by a `tls://` server
  std::string ca_file;           ///< PEM; empty: the system's certificates
  std::string certificate_file;  ///< PEM, of the client; needs key_file
  std::string key_file;
  std::string expected_hostname; ///< empty: the server's host name
  bool verify_server = true;     ///< false accepts any certificate: for tests only

  tls_options() = default;
};

/// Zero and empty mean the default. One kind of credentials at most: user and password, token, NKey seed file, or
/// a credentials file.
struct connection_options {
  std::vector<std::string> servers; ///< `nats://host:4222`; empty: nats://127.0.0.1:4222. Tried in turn
  std::string name;                 ///< shown in the server's monitoring
  std::string user;
  std::string password;
  std::string token;
  std::string nkey_seed_file;       ///< with nkey_public
  std::string nkey_public;          ///< `U…`
  std::string credentials_file;     ///< as `nsc` writes it: JWT and seed
  tls_options tls;
  std::string inbox_prefix;         ///< empty: `_INBOX`. Set it when permissions give each user an own prefix

  std::chrono::nanoseconds connect_timeout{};     ///< of connect() as a whole; 0: 5 s
  std::chrono::nanoseconds operation_timeout{};   ///< of request, flush and close; 0: 10 s
  std::chrono::nanoseconds reconnect_wait{};      ///< the first pause, doubled up to reconnect_wait_max; 0: 50 ms
  std::chrono::nanoseconds reconnect_wait_max{};  ///< 0: 2 s
  std::chrono::nanoseconds ping_interval{};       ///< a silent server is probed after this; 0: 20 s
  int max_pings_out = 0;                          ///< unanswered probes before the connection is given up; 0: 2
  bool use_discovered_servers = true;             ///< also reconnect to servers the cluster tells of
  std::size_t max_pending_bytes = 0;              ///< written and not yet sent; beyond it `overloaded`; 0: 64 MB

  /// Where the connection runs; empty: the execution context of the coroutine that connects.
  boost::asio::any_io_executor executor;
  std::shared_ptr<logger>
      log; ///< told what happens to the connection; also by stores on it that have none of their own

  connection_options() = default;

  /// Throws aether::error(invalid_argument), naming the option.
  void validate() const;
};

} // namespace aether::nats
