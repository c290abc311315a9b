// A consumer that one reader makes for itself: its name, its inbox, its creation, its pulls; given up when it goes.
#pragma once

#include "nats/consumer_inbox.hpp"
#include "nats/stream_access.hpp"

#include <aether/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::nats::detail {

class consumer_creation;

/// What it delivers.
struct consumer_request {
  std::vector<std::string> filters; ///< subjects; more than one needs a server of 2.10
  std::uint64_t from = 1;           ///< stream sequence
  bool last_per_subject = false;    ///< instead: each subject's last message, then what follows

  consumer_request() = default;
};

/// How a creation ended.
enum class creation_end {
  created,
  not_connected,  ///< the connection was lost: it may have been created, and is deleted if so
  no_answer,      ///< not in time, or nobody is there: try again later
  refused,        ///< a temporary refusal likewise
  unavailable,    ///< not here: no permission, or the server does not filter so
};

struct creation_result {
  creation_end end = creation_end::no_answer;
  std::uint64_t num_pending = 0;  ///< messages that were there for it
  errc code = errc::server_error; ///< of unavailable
  std::string why;                ///< of unavailable

  creation_result() = default;
};

/// Servers delete it 30 s after the last pull has ended, also when this process dies.
class reading_consumer {
public:
  explicit reading_consumer(std::shared_ptr<stream_access const> stream);
  reading_consumer(reading_consumer const&) = delete;
  reading_consumer& operator=(reading_consumer const&) = delete;
  /// Asks for its deletion, without waiting.
  ~reading_consumer();

  std::shared_ptr<consumer_inbox> const& inbox() const noexcept { return inbox_; }

  /// Asks for it to be made, once; nobody answers after `until`.
  void create(consumer_request const& request, steady_time until);
  /// How that ended; none: it has not by `until`. `self` keeps it alive. Throws stream_not_found, closed,
  /// operation_aborted.
  static boost::asio::awaitable<std::optional<creation_result>> created(std::shared_ptr<reading_consumer> self,
                                                                        steady_time until);

  /// Ends by itself when fewer are there.
  void pull_now(pull const& p);
  /// Waits for what is missing until `expires`, with a heartbeat meanwhile.
  void pull_live(pull const& p, std::chrono::nanoseconds expires, std::chrono::nanoseconds heartbeat);

private:
  std::string api(std::string_view what) const;
  std::string config(consumer_request const& request) const;
  void ask(pull const& p, std::string rest);

  std::shared_ptr<stream_access const> stream_;
  std::string name_;
  std::string reply_;
  std::shared_ptr<consumer_inbox> inbox_ = std::make_shared<consumer_inbox>();
  std::uint64_t subscription_;
  std::vector<std::string> filters_;
  std::shared_ptr<consumer_creation> creation_;
  bool pulled_ = false;
};

} // namespace aether::nats::detail
