// Commands that are decided together, on a copy of the actor's state, and saved at once.
#pragma once

#include "actor_call.hpp"
#include "command_window.hpp"

#include <aether/event.hpp>

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace aether::detail {

/// Not thread-safe. Pure: time and ids come in as arguments.
class actor_batch {
public:
  struct limits {
    std::size_t commands = 256, events = 1'000;
    bool batches = true; ///< the store takes more than one event at once
  };

  /// Where a decision is made.
  struct place {
    actor_type const* type = nullptr;
    std::string const* actor_id = nullptr;
    actor_state const* state = nullptr;
    std::int64_t version = 0;
    time_point now{};
  };

  /// Takes commands to be decided, behind those that are here.
  void add(std::shared_ptr<actor_call> call);
  std::size_t size() const noexcept { return shares_.size(); }
  bool empty() const noexcept { return shares_.empty(); }
  bool holds(actor_call const& call) const noexcept { return shares_.front().call.get() == &call; } ///< first of all

  /// Decides all of them, in order, on a copy of the state. What a decider or evolve throws fails that command alone.
  /// Those behind the first that does not fit are left undecided: see take_undecided().
  void decide(place on, limits most);
  std::vector<std::shared_ptr<actor_call>> take_undecided();

  /// Of what was decided.
  std::size_t event_count() const noexcept { return events_.size(); }
  std::int64_t base() const noexcept { return base_; } ///< the version it was decided on
  /// The same events each time, with the same ids.
  event make_event(std::size_t index) const;
  std::vector<event> make_events() const;
  std::unique_ptr<actor_state> take_state() { return std::move(after_); }

  /// They are stored: each command gets its outcome, and the window learns their ids.
  void stored(command_window& window);
  /// There was nothing to be stored: rejections, failures, and commands that change nothing.
  void decided_for_nothing();
  /// Commands that a window or the history knows.
  static void repeated(actor_call& call, std::int64_t first, std::int64_t last);
  /// Every one of them fails.
  void fail(std::exception_ptr why);

  /// All of them, in order; the batch is empty afterwards.
  std::vector<std::shared_ptr<actor_call>> take_calls();
  template <class Function> void for_each(Function function) const {
    for (auto const& s : shares_)
      function(s.call);
  }
  /// Drops those for which `gone` holds, before they are decided.
  template <class Predicate> void drop_if(Predicate gone) {
    shares_.erase(std::remove_if(shares_.begin(), shares_.end(), [&](share const& s) { return gone(s.call); }),
                  shares_.end());
  }

  bool is_open = false; ///< an attempt may be on its way: only these events may be saved
  std::size_t conflicts = 0; ///< met so far
  std::size_t saved_before = 0; ///< of its events, where they are saved one by one

private:
  struct share {
    std::shared_ptr<actor_call> call;
    std::size_t first = 0, count = 0; // of the events
    std::size_t same_as = none; // a command of the same id before it
    std::exception_ptr failure;
    bool decided = false;
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  bool decide(share& s, std::size_t index, limits most);
  void restore_state();
  void answer(share const& s, bool are_stored) const;

  struct planned {
    std::string id;
    std::size_t owner = 0; ///< its share
  };

  // Most hold one command of one event: no memory of their own then.
  boost::container::small_vector<share, 1> shares_;
  place on_;
  std::unique_ptr<actor_state> after_;
  boost::container::small_vector<planned, 1> events_;
  std::int64_t base_ = 0;
  time_point now_{};
  std::string actor_id_;
};

} // namespace aether::detail
