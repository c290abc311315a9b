// Starts the servers, with users where they are asked for.
#include <contract/servers.hpp>

#include <support/nats_server.hpp>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <stdexcept>

namespace aether::test {
namespace {

bool has_roles() { return std::getenv("AETHER_ROLES") != nullptr; }

/// What somebody may publish to who is each of the users, with any name in the place of the streams' and the group's.
std::set<std::string> permissions_of_all_roles() {
  std::ifstream file(AETHER_PERMISSIONS_FILE);
  std::regex const quoted(R"re(^ *"([^"]+)"$)re"), name(R"(\b(orders(_dead|_checkpoints)?|group-invoicing)(?=\.|$))"),
      inbox(R"(^_INBOX_\w+\.)");
  std::set<std::string> all;
  for (std::string line; std::getline(file, line);)
    if (std::smatch found; std::regex_match(line, found, quoted))
      all.insert(std::regex_replace(std::regex_replace(found[1].str(), name, "*"), inbox, "_INBOX."));
  if (all.empty())
    throw std::runtime_error("no permissions in " AETHER_PERMISSIONS_FILE);
  return all;
}

std::string users() {
  std::string allowed;
  for (auto const& subject : permissions_of_all_roles())
    allowed += "      \"" + subject + "\"\n";
  return "no_auth_user: everybody\nauthorization {\n  users = [\n    {user: everybody, password: p}\n"
         "    {user: roles, password: p, permissions: {subscribe: \"_INBOX.>\", publish: [\n" +
         allowed + "    ]}}\n  ]\n}\n";
}

} // namespace

fault::nats_cluster& contract_servers() {
  static auto shared = [] {
    fault::nats_cluster_options options;
    options.nodes = fault::nodes_of_environment();
    if (has_roles())
      options.extra_config = users();
    return std::make_unique<fault::nats_cluster>(std::move(options));
  }();
  return *shared;
}

awaitable<nats::connection> connect_to_contract_servers() {
  nats::connection_options options;
  for (std::size_t i = 0; i < contract_servers().size(); ++i)
    options.servers.push_back(contract_servers().node(i).url());
  if (has_roles()) {
    options.user = "roles";
    options.password = "p";
  }
  auto on = co_await nats::connection::connect(std::move(options));
  co_return on;
}

std::string why_no_contract_servers() {
  auto const has = has_nats_server(0);
  auto const why = has.message();
  return has ? std::string() : std::string(why.begin(), why.end());
}

} // namespace aether::test
