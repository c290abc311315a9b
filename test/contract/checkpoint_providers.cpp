// Checkpoints in memory and in JetStream, for the contract suite.
#include <contract/checkpoint_providers.hpp>

#include <aether/memory_checkpoint_store.hpp>
#include <aether/nats/checkpoint_store.hpp>
#include <contract/servers.hpp>

#include <atomic>
#include <stdexcept>

namespace aether::test {

namespace {

class memory_data final : public checkpoint_data {
public:
  awaitable<std::shared_ptr<checkpoint_store>> open() override {
    co_return std::make_shared<memory_checkpoint_store>(first_);
  }
  awaitable<void> remove(std::string) override { throw std::logic_error("nobody can"); }

private:
  memory_checkpoint_store first_;
};

class jetstream_data final : public checkpoint_data {
public:
  awaitable<std::shared_ptr<checkpoint_store>> open() override {
    nats::connection on = co_await connect_to_contract_servers();
    nats::jetstream_config config;
    config.name_space = "contract";
    config.replica_count = static_cast<int>(contract_servers().size());
    nats::checkpoint_store store = co_await nats::checkpoint_store::open(std::move(on), stream_, config);
    co_return std::make_shared<nats::checkpoint_store>(std::move(store));
  }
  awaitable<void> remove(std::string) override {
    nats::connection on = co_await nats::connection::connect(contract_servers().urls());
    nats::message purge("$JS.API.STREAM.PURGE.contract_" + stream_ + "_checkpoints", "");
    co_await on.request(std::move(purge));
  }
  std::shared_ptr<checkpoint_store> default_made() override { return std::make_shared<nats::checkpoint_store>(); }

private:
  static std::string next_name() {
    static std::atomic<int> count = 0;
    return "checkpoints-" + std::to_string(++count);
  }
  std::string const stream_ = next_name();
};

} // namespace

checkpoint_provider memory_checkpoints() {
  checkpoint_provider p;
  p.name = "memory";
  p.make = [] { return std::unique_ptr<checkpoint_data>(std::make_unique<memory_data>()); };
  return p;
}

checkpoint_provider jetstream_checkpoints() {
  checkpoint_provider p;
  p.name = "jetstream";
  p.can_remove = true;
  p.why_not = why_no_contract_servers;
  p.make = [] { return std::unique_ptr<checkpoint_data>(std::make_unique<jetstream_data>()); };
  return p;
}

} // namespace aether::test
