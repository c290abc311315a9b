// The JetStream store, for the contract suite: one server or cluster for the whole run, a stream for each case, and a
// connection of its own for each handle, as another process would have.
#include <aether/nats/jetstream_event_store.hpp>
#include <contract/providers.hpp>
#include <contract/servers.hpp>

#include <atomic>

namespace aether::test {
namespace {

class jetstream_data final : public typed_store_data<nats::jetstream_event_store> {
public:
  awaitable<store_ptr> open(boost::asio::any_io_executor, store_settings settings) override {
    auto config = settings.config<nats::jetstream_config>();
    config.replica_count = static_cast<int>(contract_servers().size());
    nats::connection on = co_await connect_to_contract_servers();
    nats::jetstream_event_store store = co_await nats::jetstream_event_store::open(std::move(on), stream_, config);
    co_return std::make_shared<nats::jetstream_event_store>(std::move(store));
  }

private:
  static std::string next_name() {
    static std::atomic<int> count = 0;
    return "case-" + std::to_string(++count);
  }

  std::string const stream_ = next_name();
};

} // namespace

store_provider jetstream_provider() {
  store_provider p;
  p.name = "jetstream";
  p.reads_at_length = true;
  p.batches = [] { return why_no_contract_servers().empty() && contract_servers().node(0).at_least(2, 12, 1); };
  p.independent = true;
  p.too_large = 2 * 1024 * 1024;
  p.why_not = why_no_contract_servers;
  p.make = [] { return std::unique_ptr<store_data>(std::make_unique<jetstream_data>()); };
  return p;
}

} // namespace aether::test
