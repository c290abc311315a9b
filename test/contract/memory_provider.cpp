// The embedded store, for the contract suite.
#include <aether/memory_event_store.hpp>
#include <contract/providers.hpp>

#include <mutex>
#include <optional>

namespace aether::test {
namespace {

class memory_data final : public typed_store_data<memory_event_store> {
public:
  awaitable<store_ptr> open(boost::asio::any_io_executor executor, store_settings settings) override {
    auto const config = settings.config<memory_config>();
    std::lock_guard lock(mutex_);
    if (!first_)
      first_.emplace(executor, config);
    co_return std::make_shared<memory_event_store>(*first_);
  }

private:
  std::mutex mutex_;
  std::optional<memory_event_store> first_;
};

} // namespace

store_provider memory_provider() {
  store_provider p;
  p.name = "memory";
  p.batches = [] { return true; };
  p.independent = false;
  p.reads_at_length = true;
  p.too_large = 2 * 1024 * 1024;
  p.make = [] { return std::unique_ptr<store_data>(std::make_unique<memory_data>()); };
  return p;
}

} // namespace aether::test
