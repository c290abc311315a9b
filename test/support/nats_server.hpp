// A real nats-server of the test's own: its own port, its own directory, killed and restarted at will.
#pragma once

#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/tools/assertion_result.hpp>
#include <boost/test/unit_test_suite.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace aether::test {

struct nats_server_options {
  bool jetstream = true;
  std::string store_dir;        ///< empty: `store/` in the server's own directory
  std::string jetstream_config; ///< lines inside `jetstream { }`, e.g. "domain: hub"
  std::string extra_config;     ///< lines at the end of the configuration file, e.g. users or TLS
  std::string binary;           ///< empty: the environment's AETHER_NATS_SERVER, else nats-server from PATH

  nats_server_options() = default;
};

class nats_server {
public:
  /// Starts the server on 127.0.0.1 and a free port, and waits until it is ready (JetStream too). Throws
  /// std::runtime_error with the server's log when it does not come up.
  explicit nats_server(nats_server_options options = {});
  ~nats_server(); ///< kills it and removes its directory

  std::string url() const; ///< nats://127.0.0.1:port
  std::uint16_t port() const noexcept { return port_; }
  pid_t pid() const noexcept { return process_.pid(); }
  std::string const& version() const noexcept { return version_; } ///< as the server says, e.g. "2.9.10"
  /// Whether the server's version is at least this one.
  bool at_least(int major, int minor, int patch = 0) const;
  /// Holds the configuration file, the logs, and the store under `store/`.
  std::filesystem::path const& directory() const noexcept { return directory_.path(); }
  std::string log() const; ///< since the last start

  void kill() { process_.kill(); }           ///< SIGKILL: what a crash is
  void terminate() { process_.terminate(); } ///< SIGTERM: an orderly end
  void pause() { process_.pause(); }         ///< SIGSTOP: connections stay, nothing answers
  void resume() { process_.resume(); }       ///< SIGCONT
  void start();                              ///< again, after kill() or terminate(): same port, same directory
  void restart();                            ///< terminate() and start()

private:
  void write_config();
  bool launch();
  bool is_ready();

  nats_server_options options_;
  temporary_directory directory_;
  std::uint16_t port_ = 0;
  int starts_ = 0;
  std::string version_;
  child_process process_;
};

/// A TCP port that is free now, below the range from which the system takes the ports of outgoing connections.
std::uint16_t free_port();

/// A precondition of suites that need a server: `*boost::unit_test::precondition(aether::test::has_nats_server)`.
/// Without one they are reported as skipped; where the environment says CI=true they run, and fail.
boost::test_tools::assertion_result has_nats_server(boost::unit_test::test_unit_id);

} // namespace aether::test
