// A writer process of the campaign: it saves, repeats what stayed unknown, reads, and logs every call.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace aether::fault {

enum class expectation { none, expected_version, contiguous };
std::ostream& operator<<(std::ostream& out, expectation e);

enum class behaviour {
  wander,  ///< saves and reads of a few actors at random: their versions grow and grow, and caches go stale
  contend, ///< every process saves every version of every actor in the same order, from where the others are
};

struct writer_plan {
  std::string urls;
  std::string stream = "S";
  std::string log;  ///< its file
  std::string begin; ///< unless empty: it says that it is ready, and waits until this file is there
  std::string stop;  ///< once this file is there it begins nothing new
  std::uint32_t process = 0;
  std::uint64_t seed = 0;
  int replicas = 1;
  std::chrono::milliseconds duplicate_window{0}; ///< 0: the store's default
  behaviour way = behaviour::wander;
  int actors = 4;
  int versions = 50; ///< of each actor, when contending
  int side_by_side = 4; ///< calls
  std::chrono::milliseconds rest{0}; ///< after each call, when wandering
  int payload = 0;      ///< bytes of an event's data, about
  expectation expects = expectation::none;
  bool gives_up = true; ///< now and then leaves an unknown outcome as it is

  writer_plan() = default;
};

/// Of each of its calls.
inline constexpr std::chrono::seconds call_timeout{5};

/// What the child does. Returns when it was told to stop, or has nothing left to do, and its calls have ended.
void run_writer(writer_plan const& plan);

std::string to_text(writer_plan const& plan);
writer_plan plan_of_text(std::string const& text);

} // namespace aether::fault
