// A sharded store over three embedded ones, for the contract suite.
#include <aether/memory_event_store.hpp>
#include <aether/sharded_event_store.hpp>
#include <contract/providers.hpp>

#include <mutex>
#include <optional>

namespace aether::test {
namespace {

class sharded_memory_data final : public typed_store_data<sharded_event_store> {
public:
  awaitable<store_ptr> open(boost::asio::any_io_executor executor, store_settings settings) override {
    auto const config = settings.config<memory_config>();
    std::lock_guard lock(mutex_);
    if (!first_) {
      std::vector<store_ptr> stores;
      for (int i = 0; i < 3; ++i)
        stores.push_back(std::make_shared<memory_event_store>(executor, config));
      sharding how;
      how.tracer = settings.tracer;
      first_.emplace(std::move(stores), std::move(how));
    }
    co_return std::make_shared<sharded_event_store>(*first_);
  }

private:
  std::mutex mutex_;
  std::optional<sharded_event_store> first_;
};

} // namespace

store_provider sharded_memory_provider() {
  auto p = memory_provider();
  p.name = "sharded memory";
  p.streams = 3;
  p.make = [] { return std::unique_ptr<store_data>(std::make_unique<sharded_memory_data>()); };
  return p;
}

} // namespace aether::test
