// A sharded store over three streams of the contract's server, for the contract suite.
#include <aether/nats/sharded_store.hpp>
#include <contract/providers.hpp>
#include <contract/servers.hpp>

#include <atomic>

namespace aether::test {
namespace {

class sharded_jetstream_data final : public typed_store_data<sharded_event_store> {
public:
  awaitable<store_ptr> open(boost::asio::any_io_executor, store_settings settings) override {
    nats::sharded_config config;
    config.stream = settings.config<nats::jetstream_config>();
    config.stream.replica_count = static_cast<int>(contract_servers().size());
    config.stream_count = 3;
    std::vector<nats::connection> connections;
    for (int i = 0; i < 2; ++i)
      connections.push_back(co_await connect_to_contract_servers());
    auto store = co_await nats::open_sharded_store(std::move(connections), name_, config);
    co_return std::make_shared<sharded_event_store>(std::move(store));
  }

private:
  static std::string next_name() {
    static std::atomic<int> count = 0;
    return "sharded-" + std::to_string(++count);
  }

  std::string const name_ = next_name();
};

} // namespace

store_provider sharded_jetstream_provider() {
  auto p = jetstream_provider();
  p.name = "sharded jetstream";
  p.streams = 3;
  p.make = [] { return std::unique_ptr<store_data>(std::make_unique<sharded_jetstream_data>()); };
  return p;
}

} // namespace aether::test
