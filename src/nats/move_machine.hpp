// Moving a stream, as decisions on what the server has answered: no time of its own, nothing is asked here.
#pragma once

#include "detail/deadline_queue.hpp"
#include "nats/doctor_facts.hpp"

#include <aether/error.hpp>
#include <aether/nats/move_stream.hpp>

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace aether::nats::detail {

enum class move_action {
  look,      ///< ask for the stream as it is
  look_soon, ///< the same after a pause
  update,    ///< send the configuration
  end,       ///< the stream is there
  fail,
};

struct move_step {
  move_action what = move_action::look;
  boost::json::object config;   ///< of update
  std::optional<error> failure; ///< of fail

  move_step() = default;
};

class move_machine {
public:
  using time = aether::detail::steady_time;

  /// A server before 2.15 may show the old servers alone for a moment, with the new placement: for so long a stream has
  /// to stay as it is wanted, unless it was seen on more servers.
  static constexpr std::chrono::seconds has_settled{2};
  /// For so long another placement than the one that was set may be an answer from before.
  static constexpr std::chrono::seconds may_be_late{10};

  /// `name`: on the server. Begins with a look.
  move_machine(std::string name, stream_placement wanted, time deadline, bool writers_are_stopped);

  /// What STREAM.INFO was answered.
  move_step seen(answer_of<stream_facts> const& answer, time now);
  /// What STREAM.UPDATE was answered: a stream, or why not.
  move_step updated(std::optional<api_error> const& refused, time now);
  /// One of the two was not answered, and why.
  move_step unanswered(std::string const& why, time now);

  stream_move const& progress() const noexcept { return progress_; }

private:
  move_step look_again(std::string missing, time now);
  move_step fail(boost::system::error_code code, std::string const& why) const;
  move_step refused_as(api_error const& refused) const;
  move_step wait_for_end(stream_facts const& s, time now);
  move_step wait_for_other(stream_facts const& s, time now);

  std::string const name_;
  stream_placement const wanted_;
  time const deadline_;
  bool const writers_are_stopped_;
  stream_move progress_;
  bool was_seen_moving_ = false;
  std::optional<time> settled_since_; // as it is wanted
  std::optional<time> other_since_; // with another placement, after this one was set
};

} // namespace aether::nats::detail
