// What a JetStream store tells a logger.
#pragma once

#include "detail/log.hpp"
#include "detail/log_throttle.hpp"

#include <aether/event_store.hpp>
#include <aether/group_source.hpp>
#include <aether/nats/jetstream_config.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

struct server_facts;

/// Each function is one record; a store without a logger has none of this. Any thread. Nothing of what is stored is
/// told but ids, versions and sequences.
class store_log {
public:
  store_log(std::shared_ptr<logger> to, std::string stream) : to_(std::move(to)), stream_(std::move(stream)) {}

  void opened(server_facts const& server, int replicas, std::vector<weakened_setting> const& weakened) const;
  void ended_unknown(unknown_save const& save) const noexcept;
  /// One that was told as unknown: it was stored, or it was not.
  void resolved(unknown_save const& save, bool stored) const noexcept;
  void dropped(unknown_save const& attempt) noexcept;
  void duplicate_id(unknown_save const& save) const noexcept;
  void malformed(std::uint64_t sequence, boost::system::error_code cause) noexcept;
  void consumer_renewed(std::uint64_t from) const noexcept;
  void dead_letter(std::string_view group, std::uint64_t sequence, dead_letter_note const& note) const noexcept;

private:
  /// Of what may come in floods.
  class shared_throttle {
  public:
    std::optional<std::uint64_t> take() noexcept;

  private:
    std::mutex mutex_;
    aether::detail::log_throttle throttle_;
  };

  std::shared_ptr<logger> const to_;
  std::string const stream_;
  shared_throttle malformed_;
  shared_throttle dropped_;
};

} // namespace aether::nats::detail
