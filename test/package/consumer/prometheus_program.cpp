// A program whose metrics Prometheus reads: what a bus counts is exposed.
#include <aether/event_bus.hpp>
#include <aether/prometheus/collector.hpp>
#include <aether/version.hpp>

#include <prometheus/text_serializer.h>

#include <iostream>
#include <stdexcept>

int main() {
  auto const bus = std::make_shared<aether::event_bus>();
  aether::prometheus::collector collector;
  auto const registered = collector.add_bus("main", bus);
  bus->publish("", aether::make_event("OrderPlaced", "order-1", 1));
  auto const text = ::prometheus::TextSerializer().Serialize(collector.Collect());
  if (text.find("aether_bus_published_total{bus=\"main\"} 1\n") == std::string::npos)
    throw std::runtime_error("the event is not counted");
  std::cout << "aether " << AETHER_VERSION_STRING << ", Prometheus\n";
}
