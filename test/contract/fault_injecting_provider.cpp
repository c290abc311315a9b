// The fault-injecting store with nothing to inject, for the contract suite: it keeps the contract of what is behind it.
#include <aether/memory_event_store.hpp>
#include <aether/testing/fault_injecting_store.hpp>
#include <contract/providers.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace aether::test {
namespace {

class fault_injecting_data final : public typed_store_data<testing::fault_injecting_store> {
public:
  awaitable<store_ptr> open(boost::asio::any_io_executor executor, store_settings settings) override {
    auto const config = settings.config<memory_config>();
    std::lock_guard lock(mutex_);
    if (!first_)
      first_.emplace(executor, clock_, std::make_shared<memory_event_store>(executor, config));
    co_return std::make_shared<testing::fault_injecting_store>(*first_);
  }

private:
  // Timeouts of those who wait for events are on the store's clock: it goes as the real one does.
  void move_clock(std::stop_token const& ended) {
    auto const begun = std::chrono::steady_clock::now();
    auto const from = clock_.now();
    std::mutex mutex;
    std::condition_variable_any due;
    std::unique_lock lock(mutex);
    while (!due.wait_for(lock, ended, std::chrono::milliseconds(1), [] { return false; }) && !ended.stop_requested())
      clock_.advance_to(from + (std::chrono::steady_clock::now() - begun));
  }

  std::mutex mutex_;
  testing::virtual_clock clock_;
  std::optional<testing::fault_injecting_store> first_;
  std::jthread moving_{[this](std::stop_token const& ended) { move_clock(ended); }};
};

} // namespace

store_provider fault_injecting_provider() {
  store_provider p = memory_provider();
  p.name = "fault_injecting";
  p.make = [] { return std::unique_ptr<store_data>(std::make_unique<fault_injecting_data>()); };
  return p;
}

} // namespace aether::test
