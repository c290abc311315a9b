// The stores that the contract suite runs over, each behind the same seam.
#pragma once

#include <aether/event_broadcaster.hpp>
#include <aether/event_store.hpp>
#include <aether/tracing.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace aether::test {

using store_ptr = std::shared_ptr<event_store>;

struct store_settings {
  version_policy policy = version_policy::increasing;
  std::size_t max_history_events = 0; ///< 0: the store's default, as in its own options
  std::size_t max_history_bytes = 0;
  std::shared_ptr<event_broadcaster> announce_to;
  std::shared_ptr<aether::tracer> tracer;

  store_settings() = default;

  /// Where a store has the option of the same name.
  template <class Config> Config config() const {
    Config c;
    c.version_policy = policy;
    c.max_history_events = max_history_events;
    c.max_history_bytes = max_history_bytes;
    c.announce_to = announce_to;
    c.tracer = tracer;
    return c;
  }
};

/// One set of data, new and empty for each test case, and the handles on it.
class store_data {
public:
  virtual ~store_data() = default;

  /// A handle on the data. Where stores are independent, each call opens one of its own, as another process would;
  /// elsewhere later calls return copies of the first, whose settings hold.
  virtual awaitable<store_ptr> open(boost::asio::any_io_executor executor, store_settings settings) = 0;
  virtual store_ptr default_made() = 0;
  virtual store_ptr copy(event_store const& store) = 0;
  /// Moves the handle out of `store`, which is left moved from.
  virtual store_ptr move_out(event_store& store) = 0;
};

/// What of that can be written once for every type of handle.
template <class Store> class typed_store_data : public store_data {
public:
  store_ptr default_made() override { return std::make_shared<Store>(); }
  store_ptr copy(event_store const& store) override {
    return std::make_shared<Store>(dynamic_cast<Store const&>(store));
  }
  store_ptr move_out(event_store& store) override {
    return std::make_shared<Store>(std::move(dynamic_cast<Store&>(store)));
  }
};

struct store_provider {
  std::string name;
  bool (*batches)() = {};        ///< whether save_events takes more than one event here
  bool independent = false;      ///< handles opened on the same data know nothing of each other
  bool reads_at_length = false;  ///< readers, subscriptions and listings are there
  std::size_t streams = 1;       ///< over which actors are spread
  std::size_t too_large = 0;     ///< an event with a string of so many bytes is refused
  std::string (*why_not)() = {}; ///< empty text: it can run here; none: always
  std::unique_ptr<store_data> (*make)() = {};
};

inline std::ostream& operator<<(std::ostream& out, store_provider const& p) { return out << p.name; }

// One line here and one in providers.cpp for each store.
store_provider memory_provider();
store_provider sharded_memory_provider();
store_provider fault_injecting_provider();
store_provider jetstream_provider();
store_provider sharded_jetstream_provider();

std::vector<store_provider> const& providers();

} // namespace aether::test
