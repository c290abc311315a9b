// Which server answers, and what that version can be trusted with.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace aether::nats::detail {

struct server_version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  bool released = true; ///< false: a preview such as 2.11.0-RC.2, which counts as older than the release

  friend auto operator<=>(server_version const&, server_version const&) = default;
};

/// `2.10.27`, with or without a `v` before it; none when it is not so.
std::optional<server_version> parse_server_version(std::string_view text) noexcept;

/// What the server says about itself: `api.level` of $JS.API.INFO (0: it has none), and its version when it told.
struct server_facts {
  int api_level = 0;
  std::optional<server_version> version;

  /// Several replicas keep "one success per version" from 2.11 on, and from 2.10.20 to the end of 2.10; earlier ones
  /// let several writers win.
  bool replicas_are_safe() const noexcept;
  /// Atomic batches, from 2.12.1; the stream's configuration must still echo `allow_atomic`.
  bool may_have_batches() const noexcept { return api_level >= 2; }
};

} // namespace aether::nats::detail
