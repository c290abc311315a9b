// The events that are measured with: about 250 bytes of JSON each, and the same bytes for every side.
#pragma once

#include <aether/event.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace aether::benchmark {

/// `data_bytes`: instead of the usual data, one text of that length.
event sample_event(std::string actor_id, std::int64_t version, std::size_t data_bytes = 0);

/// An event as those publish it who only know subjects and bytes.
struct encoded_event {
  std::string subject;
  std::string id;
  std::string json;
};

/// Events of several actors in the order in which they are published: version 1 of each, then version 2 …
struct workload {
  std::vector<event> events;
  std::size_t actors = 0;

  workload() = default;

  /// On the subjects of a store's stream; the subjects hold no character that needs encoding.
  std::vector<encoded_event> encoded(std::string const& stream) const;
  /// The last sequence of event `i`'s subject, before it, in a stream that held `base` messages of other actors.
  std::uint64_t expected_sequence(std::size_t i, std::uint64_t base = 0) const noexcept {
    return i < actors ? 0 : base + i - actors + 1;
  }
};

/// `count` events of `actors` actors, named `order-{name}{n}`.
workload make_workload(std::string const& name, std::size_t actors, std::size_t count, std::size_t data_bytes = 0);

} // namespace aether::benchmark
