// The key-value bucket of a store's nodes: its name and settings, keys, what stands under them, and opening it.
#pragma once

#include "lease_machine.hpp"
#include "nats/api_answer.hpp"
#include "nats/stream_access.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aether::nats::detail {

using aether::detail::kept_record;
using aether::detail::node_record;

inline constexpr std::size_t max_node_data_bytes = 4096;
inline constexpr std::size_t max_node_weight = 100; // with max_nodes of them a ring has no more places than it may

/// The bucket `{stream}_nodes`, which is the stream `KV_{stream}_nodes`; any client of NATS' key-value stores reads it.
class node_bucket {
public:
  /// Of a store's access. Throws invalid_id when the name is too long.
  node_bucket(stream_access const& events, std::string name_space, std::string stream_name,
              std::chrono::nanoseconds lease);

  std::string const& name() const noexcept { return name_; }
  std::string stream() const { return "KV_" + name_; }
  std::string filter() const { return "$KV." + name_ + ".>"; }
  /// A key holds letters, digits, `-` and `_`; every other byte is `=XX`.
  std::string subject_of(std::string_view node) const;
  std::optional<std::string> node_of(std::string_view subject) const;

  /// What STREAM.CREATE is asked for.
  boost::json::object config() const;
  /// Every setting that differs, with both values; empty: none.
  std::string differences(boost::json::object const& actual) const;

  /// For reads of its messages.
  std::shared_ptr<stream_access const> const& access() const noexcept { return access_; }

private:
  std::string name_, events_name_space_, events_name_;
  std::chrono::nanoseconds lease_;
  std::shared_ptr<stream_access const> access_;
};

std::string record_text(node_record const& r);
/// False: it is not understood, or of another node than the key's.
bool parse_record(std::string_view text, std::string_view node, node_record& out);
/// None: another program's key, or what is not understood.
std::optional<kept_record> kept_record_of(node_bucket const& bucket, stored_message const& m);
bool is_removal(std::string_view operation) noexcept; ///< the header KV-Operation

/// Makes the bucket, or takes the one that is there; returns when it was made. Throws stream_settings_differ and what
/// questions meet.
boost::asio::awaitable<std::string> open_bucket(std::shared_ptr<node_bucket const> bucket, steady_time deadline);

/// What is kept under a node's name.
boost::asio::awaitable<std::optional<kept_record>> read_node(std::shared_ptr<node_bucket const> bucket,
                                                             std::string node, steady_time deadline);
/// Of every node, marks too. A node that is renewed meanwhile may be there twice; none is missing that is there all the
/// time.
boost::asio::awaitable<std::vector<kept_record>> read_nodes(std::shared_ptr<node_bucket const> bucket,
                                                            steady_time deadline);

} // namespace aether::nats::detail
