// An operation ended at its suspension points, one after the other, in every way.
#pragma once

#include "fault/campaign/cancel_operations.hpp"
#include "fault/campaign/save_book.hpp"
#include "fault/proxy.hpp"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace aether::fault {

enum class ending {
  signal,           ///< terminal cancellation
  stalled_signal,   ///< the same while nothing comes from the server any more: nothing else would end the call
  stalled_deadline, ///< nothing comes from the server any more, and the deadline passes
  late_deadline,    ///< the thread is busy until the deadline has passed: answer and deadline are there together
  handles,          ///< every handle of the store and the connection goes: the call finishes all the same
  callers_context,  ///< stopped and destroyed with the call's frame; with one context that is the connection's too
  homes_context,    ///< the connection's, under a caller on another one
};
std::ostream& operator<<(std::ostream& out, ending e);

/// Whether a call that met this may have ended so. `struck`: it had not ended before.
bool allowed(ending e, bool struck, contract const& promise, watched const& w);

/// What one run of it saves or reads, and for how long at most (0: for as long as it takes).
scene scene_of(tried_call const& o, std::string stream, std::string actor, std::chrono::nanoseconds timeout);
/// How the save ended that the stage has run, for the book.
told_save told_by(stage const& s, scene const& at, tried_call const& o);
/// What the caller learned, in words.
std::string words_of(watched const& w);

struct matrix_counts {
  int points = 0;                 ///< at which a call was ended
  std::vector<std::string> wrong; ///< what was not as it has to be, in words

  matrix_counts() = default;
};

/// One server, and what is there for all operations.
class cancel_matrix {
public:
  /// `stride`: 1 takes every suspension point, more every so manyth, beginning at another one for each ending.
  cancel_matrix(std::uint16_t server_port, int stride);

  matrix_counts run(tried_call const& o, ending e, contexts where);
  /// What was told of saves, against the stream; and begins a new one.
  std::vector<std::string> check_saves();

private:
  bool end_at(int point, tried_call const& o, ending e, contexts where, matrix_counts& counts);
  void strike(stage& s, ending e, int point, std::chrono::steady_clock::time_point deadline);

  std::uint16_t const port_;
  int const stride_;
  proxy way_there_;
  wire_client others_;
  save_book book_;
  int streams_ = 1;
  int actors_ = 0;
};

} // namespace aether::fault
