// Implementation of make_tls_files.
#include <support/tls_files.hpp>

#include <support/child_process.hpp>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace aether::test {
namespace {

void openssl(std::filesystem::path const& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  run_command(std::move(arguments), directory / "openssl.log");
}

// A key and a certificate for `name`, signed by the authority.
void make_signed(std::filesystem::path const& directory, std::string const& name, std::string const& extensions) {
  auto const file = [&](char const* ending) { return (directory / (name + ending)).string(); };
  std::ofstream(file(".ext")) << extensions;
  openssl(directory, {"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                      file(".key"), "-out", file(".csr"), "-subj", "/CN=" + name});
  openssl(directory, {"x509", "-req", "-in", file(".csr"), "-CA", (directory / "ca.pem").string(), "-CAkey",
                      (directory / "ca.key").string(), "-CAcreateserial", "-days", "2", "-extfile", file(".ext"),
                      "-out", file(".pem")});
}

} // namespace

tls_files make_tls_files(std::filesystem::path const& directory) {
  openssl(directory, {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                      (directory / "ca.key").string(), "-out", (directory / "ca.pem").string(), "-days", "2", "-subj",
                      "/CN=aether test authority", "-addext", "keyUsage=critical,keyCertSign"});
  make_signed(directory, "server", "subjectAltName = IP:127.0.0.1, DNS:localhost\nextendedKeyUsage = serverAuth\n");
  make_signed(directory, "client", "subjectAltName = DNS:client\nextendedKeyUsage = clientAuth\n");
  tls_files files;
  files.ca = directory / "ca.pem";
  files.server_cert = directory / "server.pem";
  files.server_key = directory / "server.key";
  files.client_cert = directory / "client.pem";
  files.client_key = directory / "client.key";
  return files;
}

std::string tls_config(tls_files const& files, bool verify) {
  return "tls {\n  cert_file: \"" + files.server_cert.string() + "\"\n  key_file: \"" + files.server_key.string() +
         "\"\n  ca_file: \"" + files.ca.string() + "\"\n  verify: " + (verify ? "true" : "false") + "\n}\n";
}

} // namespace aether::test
