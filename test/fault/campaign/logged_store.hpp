// The library's calls as a writer of the campaign makes them: each noted before it begins and after it has ended.
#pragma once

#include "fault/history_file.hpp"

#include <aether/event_store.hpp>

#include <memory>
#include <string>
#include <vector>

namespace aether::fault {

/// The store's handle and the log are shared; as thread-safe as both are.
class logged_store {
public:
  /// `contiguous`: the store's version policy is, which each save's line says.
  logged_store(std::shared_ptr<event_store> store, std::shared_ptr<history_writer> log, bool contiguous = false)
      : store_(std::move(store)), log_(std::move(log)), contiguous_(contiguous) {}

  /// Never throws what the store throws: that is in the operation returned.
  awaitable<operation> save(event e, save_options options = {}) const;
  awaitable<operation> latest_version(std::string actor_id, call_options options = {}) const;
  awaitable<operation> get_events(std::string actor_id, std::int64_t after_version = 0,
                                  call_options options = {}) const;

private:
  std::shared_ptr<event_store> store_;
  std::shared_ptr<history_writer> log_;
  bool contiguous_;
};

/// As it is stored: with a time, which the store would else give it.
event fault_event(std::string actor_id, std::int64_t version);

} // namespace aether::fault
