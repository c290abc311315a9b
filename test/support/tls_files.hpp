// Certificates for tests: an authority, a server and a client, made by the openssl command.
#pragma once

#include <filesystem>
#include <string>

namespace aether::test {

struct tls_files {
  std::filesystem::path ca;          ///< the authority's certificate; both sides trust it
  std::filesystem::path server_cert; ///< for 127.0.0.1 and localhost
  std::filesystem::path server_key;
  std::filesystem::path client_cert;
  std::filesystem::path client_key;

  tls_files() = default;
};

/// Makes an authority and its certificates in `directory`; files made in two directories do not trust each other.
tls_files make_tls_files(std::filesystem::path const& directory);

/// The server's configuration that uses them: `tls { … }`. With `verify` the server asks for a client certificate.
std::string tls_config(tls_files const& files, bool verify = false);

} // namespace aether::test
