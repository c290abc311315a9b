// The fault-injecting store with nothing to inject, for the contract suite: it keeps the contract of what is behind it.
#include <aether/memory_event_store.hpp>
#include <aether/testing/fault_injecting_store.hpp>
#include <contract/providers.hpp>

#include <mutex>
#include <optional>

namespace aether::test {
namespace {

class fault_injecting_data final : public typed_store_data<testing::fault_injecting_store> {
public:
  awaitable<store_ptr> open(boost::asio::any_io_executor executor, store_settings settings) override {
    memory_config config;
    config.version_policy = settings.policy;
    config.max_history_events = settings.max_history_events;
    config.max_history_bytes = settings.max_history_bytes;
    std::lock_guard lock(mutex_);
    if (!first_)
      first_.emplace(executor, clock_, std::make_shared<memory_event_store>(executor, config));
    co_return std::make_shared<testing::fault_injecting_store>(*first_);
  }

private:
  std::mutex mutex_;
  testing::virtual_clock clock_; // nobody moves it: nothing waits
  std::optional<testing::fault_injecting_store> first_;
};

} // namespace

store_provider fault_injecting_provider() {
  store_provider p = memory_provider();
  p.name = "fault_injecting";
  p.make = [] { return std::unique_ptr<store_data>(std::make_unique<fault_injecting_data>()); };
  return p;
}

} // namespace aether::test
