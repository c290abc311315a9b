// Nodes that announce themselves with leases in a key-value bucket on the server.
#pragma once

#include <aether/logging.hpp>
#include <aether/nats/jetstream_event_store.hpp>
#include <aether/placement.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace aether::nats {

namespace detail {
class placement_core;
struct stream_access;
} // namespace detail

/// Zero and empty mean the default.
struct placement_options {
  /// This node's name: one that no other process has at the same time, and that is the same after a restart if the node
  /// is to get the same actors. Empty: the host's name and a random part.
  std::string node;
  std::size_t weight = 0; ///< its share of the actors, relative to the others'; at most 100. 0: 1
  /// How long the others take a node for alive that is not heard of; the same for all nodes of a store. At least 1 s,
  /// at most 1 h. 0: 10 s
  std::chrono::nanoseconds lease{};
  std::string data; ///< told to the others, an address for example; UTF-8, at most 4,096 bytes
  bool observes = false; ///< looks on: announces nothing and owns nothing
  std::shared_ptr<logger> log; ///< empty: the connection's

  placement_options() = default;

  /// Throws invalid_argument, invalid_id.
  void validate() const;
};

/// What a placement did since it joined.
struct placement_metrics {
  std::uint64_t renewals = 0; ///< that were stored
  std::uint64_t failures = 0; ///< questions and renewals that were not answered, or refused
  std::uint64_t lapses = 0; ///< times that this node stopped owning
  std::uint64_t listings = 0;
  std::uint64_t malformed = 0; ///< what was heard on the bucket and is no node's

  placement_metrics() = default;
};

/// A copyable handle: copies are the same node, which leaves, untold how that ends, when the last one goes. It keeps
/// the store open, and works on the connection's context until it has left.
///
/// The bucket is `{stream}_nodes`, kept in memory, with the lease as its age. A node renews its key each quarter of the
/// lease, behind what it wrote before; one that could not for two thirds of it, counted from when the last renewal that
/// succeeded was sent, owns nothing until it can. Others take over when the server has forgotten it, or when they have
/// not seen it renewed for a lease by their own clock. A server that restarts has forgotten the bucket: the nodes make
/// it anew, and keep to those they know for a lease.
class placement final : public aether::placement {
public:
  placement() =
      default; ///< it is no node and owns nothing; every call but node(), is_live(), owns(), metrics() throws not_open

  /// Returns when this node is live, and knows the others. A name that another process had until it crashed is free
  /// when its lease has ended, and that is waited for. Timeout 0: the store's operation_timeout and a lease and a half.
  /// Throws node_name_taken; stream_settings_differ, when the bucket has another lease; permission_denied,
  /// stream_not_found with `create = false`, and what questions to the server meet.
  static awaitable<placement> join(jetstream_event_store store, placement_options options = {}, call_options call = {});
  /// The same by the store's name: of a sharded store. Of `config` only replica_count, name_space, create, api_prefix,
  /// domain and the timeouts matter.
  static awaitable<placement> join(connection on, std::string store, jetstream_config config,
                                   placement_options options = {}, call_options call = {});

  std::string const& bucket() const;
  placement_metrics metrics() const;

  explicit operator bool() const noexcept { return impl_ != nullptr; }

private:
  std::string const& do_node() const noexcept override;
  std::shared_ptr<placement_view const> do_view() const override;
  bool do_is_live() const override;
  awaitable<std::shared_ptr<placement_view const>> do_wait_for_change(std::uint64_t seen,
                                                                      call_options options) override;
  awaitable<void> do_leave(call_options options) override;
  lease_stamp do_stamp_of(std::string_view node) const override;
  bool do_is_late(lease_stamp const& stamp) const override;

  struct impl;
  static awaitable<placement> join(std::shared_ptr<void const> keeps_open,
                                   std::shared_ptr<detail::stream_access const> stream, std::string store,
                                   placement_options options, call_options call);
  explicit placement(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
  detail::placement_core& core() const;

  std::shared_ptr<impl> impl_;
};

} // namespace aether::nats
