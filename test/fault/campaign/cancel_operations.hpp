// Every operation of stores and connections, as the cancel matrix runs it: what stands before, and what is called.
#pragma once

#include "fault/campaign/cancel_stage.hpp"
#include "fault/wire_client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace aether::fault {

/// One run of an operation.
struct scene {
  std::string stream;
  std::string actor;         ///< nobody else's
  std::vector<event> batch;  ///< what is saved
  save_options options{};    ///< and how
  call_options call{};
  wire_client* others = nullptr; ///< another writer

  scene() = default;
};

struct tried_call {
  std::string name;
  std::int64_t version = 0;            ///< of the event it saves; 0: it saves none
  std::size_t events = 1;              ///< that it saves; more than one is a batch
  bool may_conflict = false;           ///< the version is another writer's
  std::optional<std::int64_t> expects; ///< of the save
  int patience = 1;                    ///< how many times as long as others it takes
  bool needs_store = true;
  bool is_given_context = false; ///< by an option: it has to be there when the call begins
  std::function<awaitable<void>(stage&, scene const&)> prepare;
  std::function<void(stage&, scene const&)> begin;

  tried_call() = default;
};

/// The history that the reads read: actors `one-1`, `several-1` and `long-1` of 1, 5 and `long_history` events, the
/// last with a snapshot. Longer than what servers with batches of direct gets are asked for by these.
inline constexpr std::int64_t long_history = 1100;
inline constexpr char const* history_stream = "READS";
void make_history(std::string url);

std::vector<tried_call> save_operations(bool batches);
std::vector<tried_call> read_operations();
std::vector<tried_call> store_operations();
std::vector<tried_call> connection_operations();

} // namespace aether::fault
