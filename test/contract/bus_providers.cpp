// Buses in this process and over core NATS, for the contract suite.
#include <contract/bus_providers.hpp>
#include <contract/servers.hpp>

#include <aether/event_bus.hpp>
#include <aether/nats/event_bus.hpp>

#include <atomic>
#include <map>
#include <utility>

namespace aether::test {
namespace {

template <class Bus> bus_ptr moved_from_bus(Bus bus) {
  auto gone = std::make_shared<Bus>(std::move(bus));
  Bus const taken = std::move(*gone);
  return gone;
}

class in_process final : public bus_data {
public:
  awaitable<bus_ptr> open() override { co_return std::make_shared<event_bus>(bus_); }
  bus_ptr moved_from() override { return moved_from_bus(event_bus()); }
  void close(event_broadcaster& bus) override { dynamic_cast<event_bus&>(bus).close(); }
  awaitable<void> settle(event_broadcaster&) override { co_return; }

private:
  event_bus bus_;
};

class over_nats final : public bus_data {
public:
  explicit over_nats(bool one) : one_(one) {}

  awaitable<bus_ptr> open() override {
    if (one_ && !buses_.empty())
      co_return std::make_shared<nats::event_bus>(*buses_.begin()->second.bus);
    nats::connection on = co_await nats::connection::connect(contract_servers().node(0).url());
    nats::event_bus_options options;
    options.prefix = prefix_;
    nats::event_bus bus = co_await nats::event_bus::open(on, std::move(options));
    auto made = std::make_shared<nats::event_bus>(std::move(bus));
    buses_.emplace(made.get(), opened{made, on});
    co_return made;
  }
  bus_ptr moved_from() override { return std::make_shared<nats::event_bus>(); }
  void close(event_broadcaster& bus) override { dynamic_cast<nats::event_bus&>(bus).close(); }
  // What the publisher's server has handled is on its way; what comes behind it, comes behind it.
  awaitable<void> settle(event_broadcaster&) override {
    for (int round = 0; round < 2; ++round)
      for (auto const& [key, each] : buses_) {
        nats::connection on = each.on;
        co_await on.flush();
      }
  }

private:
  struct opened {
    std::shared_ptr<nats::event_bus> bus;
    nats::connection on;
  };

  static std::string next_prefix() {
    static std::atomic<int> count = 0;
    return "contract.bus" + std::to_string(++count);
  }

  bool const one_;
  std::string const prefix_ = next_prefix();
  std::map<event_broadcaster*, opened> buses_;
};

} // namespace

bus_provider bus_in_process() {
  bus_provider p;
  p.name = "in process";
  p.make = [] { return std::unique_ptr<bus_data>(std::make_unique<in_process>()); };
  return p;
}

bus_provider bus_over_nats() {
  bus_provider p;
  p.name = "over NATS, one bus";
  p.why_not = why_no_contract_servers;
  p.make = [] { return std::unique_ptr<bus_data>(std::make_unique<over_nats>(true)); };
  return p;
}

bus_provider buses_over_nats() {
  auto p = bus_over_nats();
  p.name = "over NATS, across connections";
  p.make = [] { return std::unique_ptr<bus_data>(std::make_unique<over_nats>(false)); };
  return p;
}

} // namespace aether::test
