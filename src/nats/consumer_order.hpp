// Reading by a pull consumer, decided on values: is each message the next one, and how much to ask for when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aether::nats::detail {

/// What the reply subject of a delivered message says.
struct delivery {
  std::uint64_t stream_sequence = 0;
  std::uint64_t consumer_sequence = 0;
  std::int64_t stored = 0;   ///< nanoseconds since the epoch, by the server's clock
  std::uint64_t pending = 0; ///< messages for this consumer behind it, when it was sent
  std::uint64_t times = 0;   ///< how often it was delivered, this time included
};

/// `$JS.ACK.{stream}.{consumer}.{delivered}.{stream seq}.{consumer seq}.{time}.{pending}`, or the longer form with
/// domain and account before the stream; none when it is neither.
std::optional<delivery> parse_delivery(std::string_view reply) noexcept;

/// Consumer sequences count up by one, stream sequences rise, and the first one is not below the start.
class consumer_order {
public:
  explicit consumer_order(std::uint64_t from) noexcept : next_(from) {}
  /// False: it is not what follows: a message is missing, or the consumer began elsewhere.
  bool on_message(delivery const& d) noexcept;
  std::uint64_t delivered() const noexcept { return delivered_; } ///< consumer sequence of the last one

private:
  std::uint64_t next_;
  std::uint64_t delivered_ = 0;
};

/// One pull. Without max_bytes where one message alone may be larger: a server refuses what exceeds them, for ever.
struct pull {
  std::uint64_t batch = 0;
  std::size_t max_bytes = 0; ///< 0: none
};

enum class pull_status {
  go_on,   ///< a heartbeat, or a pull ended that was fulfilled or reached its bytes
  give_up, ///< anything else: what it means differs by version, and the leader knows
};

/// Keeps up to two pulls of `bytes` each under way, in messages as large as those seen so far.
class pull_plan {
public:
  pull_plan(std::uint64_t expected, std::size_t bytes) noexcept : to_ask_(expected), bytes_(bytes) {}

  /// What to ask for now; none: enough is under way, or everything has come.
  std::optional<pull> next();
  void on_message(std::size_t size) noexcept;
  /// A status message; `unfulfilled`: its Nats-Pending-Messages header.
  pull_status on_status(int status, std::optional<std::uint64_t> unfulfilled) noexcept;

  std::uint64_t under_way() const noexcept { return under_way_; } ///< messages asked for that have not come
  bool done() const noexcept { return under_way_ == 0 && to_ask_ == 0; }

private:
  std::uint64_t to_ask_;
  std::size_t const bytes_;
  std::uint64_t under_way_ = 0;
  std::uint64_t seen_ = 0;
  std::size_t seen_bytes_ = 0;
  std::uint64_t seen_at_refusal_ = 0;
  bool refused_ = false;
  bool alone_ = false; ///< the next message is larger than `bytes`
};

} // namespace aether::nats::detail
