// The servers of the contract suite: one, or a cluster where AETHER_REPLICAS says so, for the whole run.
#pragma once

#include <aether/nats/connection.hpp>
#include <fault/nats_cluster.hpp>

#include <string>

namespace aether::test {

/// Started by the first call. Who connects to them without a name may do everything, also where AETHER_ROLES is set.
fault::nats_cluster& contract_servers();

/// As a store connects. Where AETHER_ROLES is set, as somebody who has every permission that examples/permissions.conf
/// gives to one of its users, for any stream, and no other.
awaitable<nats::connection> connect_to_contract_servers();

/// Why there are none; empty: there are.
std::string why_no_contract_servers();

} // namespace aether::test
