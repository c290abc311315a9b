// The metrics page: own numbers are written here; those of stores and connections come from aether::prometheus, where
// that was built.
#include "metrics.hpp"

#include <aether/metrics.hpp>

#ifdef ORDER_SERVICE_HAS_PROMETHEUS
#include <aether/prometheus/collector.hpp>

#include <prometheus/text_serializer.h>
#endif

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

namespace orders {

struct metrics::impl {
  mutable std::mutex mutex;
  std::map<std::pair<std::string, unsigned>, std::uint64_t> requests;
  std::map<std::string, aether::latency_histogram> durations;
  std::shared_ptr<http::server> server;
#ifdef ORDER_SERVICE_HAS_PROMETHEUS
  aether::prometheus::collector collector;
  std::vector<aether::prometheus::registration> sources;
#endif
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}
metrics::~metrics() = default;

void metrics::count(std::string_view route, unsigned status, std::chrono::nanoseconds took) {
  using histogram = aether::latency_histogram;
  auto const bucket = std::lower_bound(histogram::bounds.begin(), histogram::bounds.end(), took);
  std::scoped_lock const lock(impl_->mutex);
  ++impl_->requests[{std::string(route), status}];
  auto& durations = impl_->durations[std::string(route)];
  ++durations.counts[static_cast<std::size_t>(bucket - histogram::bounds.begin())];
  durations.sum += took;
}

void metrics::watch(std::shared_ptr<http::server> server) {
  std::scoped_lock const lock(impl_->mutex);
  impl_->server = std::move(server);
}

#ifdef ORDER_SERVICE_HAS_PROMETHEUS
void metrics::watch(std::shared_ptr<aether::event_store> store) {
  impl_->sources.push_back(impl_->collector.add_store("orders", store));
}
void metrics::watch(aether::nats::connection connection) {
  auto source = [c = std::move(connection)] { return aether::prometheus::connection_metrics(c); };
  impl_->sources.push_back(impl_->collector.add_connection("main", std::move(source)));
}
void metrics::watch(aether::actor_host actors, aether::workflow_host workflows) {
  auto of_actors = [host = std::move(actors)] { return host.metrics(); };
  auto of_workflows = [host = std::move(workflows)] { return host.metrics(); };
  impl_->sources.push_back(impl_->collector.add_actors("orders", std::move(of_actors)));
  impl_->sources.push_back(impl_->collector.add_workflows("fulfilment", std::move(of_workflows)));
}
#else
void metrics::watch(std::shared_ptr<aether::event_store>) {}
void metrics::watch(aether::nats::connection) {}
void metrics::watch(aether::actor_host, aether::workflow_host) {}
#endif

void metrics::forget() {
#ifdef ORDER_SERVICE_HAS_PROMETHEUS
  impl_->sources.clear();
#endif
  std::scoped_lock const lock(impl_->mutex);
  impl_->server.reset();
}

namespace {

template <class Number> void write(std::ostream& to, char const* name, char const* type, Number value) {
  to << "# TYPE " << name << ' ' << type << '\n' << name << ' ' << value << '\n';
}

double seconds(std::chrono::nanoseconds t) { return std::chrono::duration<double>(t).count(); }

void write(std::ostream& to, std::map<std::string, aether::latency_histogram> const& durations) {
  to << "# TYPE order_service_request_duration_seconds histogram\n";
  for (auto const& [route, histogram] : durations) {
    std::string const name = "order_service_request_duration_seconds";
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      so_far += histogram.counts[i];
      to << name << "_bucket{route=\"" << route << "\",le=\"";
      if (i < histogram.bounds.size())
        to << seconds(histogram.bounds[i]);
      else
        to << "+Inf";
      to << "\"} " << so_far << '\n';
    }
    to << name << "_sum{route=\"" << route << "\"} " << seconds(histogram.sum) << '\n';
    to << name << "_count{route=\"" << route << "\"} " << so_far << '\n';
  }
}

void write(std::ostream& to, http::counters const& c) {
  write(to, "order_service_connections", "gauge", c.connections.load());
  write(to, "order_service_requests_under_way", "gauge", c.requests.load());
  write(to, "order_service_streams", "gauge", c.streams.load());
  write(to, "order_service_refused_total", "counter", c.refused.load());
  write(to, "order_service_malformed_total", "counter", c.malformed.load());
}

} // namespace

std::string metrics::page() const {
  std::ostringstream to;
  {
    std::scoped_lock const lock(impl_->mutex);
    to << "# TYPE order_service_requests_total counter\n";
    for (auto const& [what, times] : impl_->requests)
      to << "order_service_requests_total{route=\"" << what.first << "\",status=\"" << what.second << "\"} " << times
         << '\n';
    write(to, impl_->durations);
    if (impl_->server)
      write(to, impl_->server->counts());
  }
#ifdef ORDER_SERVICE_HAS_PROMETHEUS
  ::prometheus::TextSerializer const serializer;
  serializer.Serialize(to, impl_->collector.Collect());
#endif
  return to.str();
}

} // namespace orders
