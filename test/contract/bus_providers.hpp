// The buses that their contract runs over, each behind the same seam.
#pragma once

#include <aether/event_broadcaster.hpp>

#include <memory>
#include <ostream>
#include <string>

namespace aether::test {

using bus_ptr = std::shared_ptr<event_broadcaster>;

/// One bus, new for each test case, and ways to it.
class bus_data {
public:
  virtual ~bus_data() = default;
  /// Where events go to other processes, a bus as another process has it; else a copy of the first.
  virtual awaitable<bus_ptr> open() = 0;
  virtual bus_ptr moved_from() = 0;
  virtual void close(event_broadcaster& bus) = 0;
  /// Returns when what was published through this one has reached the others.
  virtual awaitable<void> settle(event_broadcaster& bus) = 0;
};

struct bus_provider {
  std::string name;
  std::string (*why_not)() = {}; ///< empty text: it can run here
  std::unique_ptr<bus_data> (*make)() = {};
};

inline std::ostream& operator<<(std::ostream& out, bus_provider const& p) { return out << p.name; }

bus_provider bus_in_process();
bus_provider bus_over_nats(); ///< everybody shares one
bus_provider buses_over_nats(); ///< each open() gives another, on a connection of its own

} // namespace aether::test
