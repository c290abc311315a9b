// The collector: one set of sources for each kind.
#include <aether/prometheus/collector.hpp>

#include "prometheus/families.hpp"
#include "prometheus/source_set.hpp"
#include "prometheus/tables.hpp"

#include <aether/error.hpp>

#include <array>
#include <utility>

namespace aether::prometheus {

registration::registration(std::weak_ptr<detail::source_set> set, std::shared_ptr<detail::source> source) noexcept
    : set_(std::move(set)), source_(std::move(source)) {}

registration& registration::operator=(registration&& other) noexcept {
  registration ended(std::move(*this));
  set_ = std::move(other.set_);
  source_ = std::move(other.source_);
  return *this;
}

registration::~registration() { end(); }

void registration::end() noexcept {
  auto const source = std::exchange(source_, nullptr);
  if (!source)
    return;
  source->end();
  if (auto const set = set_.lock())
    set->remove(*source);
}

template <class Structure> static std::shared_ptr<detail::source_set> make_set(char const* label) {
  std::vector<detail::metric> table;
  for (auto const& m : detail::table_of<Structure>())
    table.push_back(m.what);
  return std::make_shared<detail::source_set>(label, std::move(table));
}

/// The source's structure as samples, in the order of its table.
template <class Structure>
static detail::source::function flat(std::function<std::optional<Structure>()> ask, char const* label) {
  if (!ask)
    throw error(errc::invalid_argument, std::string("the source of a ") + label + " is empty");
  return [ask = std::move(ask)]() -> std::optional<detail::samples> {
    auto const now = ask();
    if (!now)
      return std::nullopt;
    detail::samples all;
    for (auto const& m : detail::table_of<Structure>())
      all.push_back(m.take(*now));
    return all;
  };
}

struct collector::impl {
  std::shared_ptr<detail::source_set> stores = make_set<store_metrics>("store");
  std::shared_ptr<detail::source_set> buses = make_set<bus_metrics>("bus");
  std::shared_ptr<detail::source_set> connections = make_set<connection_metrics>("connection");
  std::shared_ptr<detail::source_set> projections = make_set<projection_progress>("projection");
  std::shared_ptr<detail::source_set> actors = make_set<actor_metrics>("actor_host");
  std::shared_ptr<detail::source_set> workflows = make_set<workflow_metrics>("workflow_host");
  std::shared_ptr<detail::source_set> routers = make_set<router_metrics>("router");
  std::shared_ptr<detail::source_set> placements = make_set<placement_metrics>("placement");

  std::array<detail::source_set*, 8> all() const {
    return {stores.get(), buses.get(),     connections.get(), projections.get(),
            actors.get(), workflows.get(), routers.get(),     placements.get()};
  }

  template <class Structure>
  static registration add(std::shared_ptr<detail::source_set> const& to, std::string name,
                          std::function<std::optional<Structure>()> source) {
    return {to, to->add(std::move(name), flat(std::move(source), to->label()))};
  }
};

collector::collector() : impl_(std::make_unique<impl const>()) {}

collector::~collector() = default;

registration collector::add_store(std::string name, store_source source) {
  return impl::add(impl_->stores, std::move(name), std::move(source));
}

registration collector::add_bus(std::string name, bus_source source) {
  return impl::add(impl_->buses, std::move(name), std::move(source));
}

registration collector::add_connection(std::string name, connection_source source) {
  return impl::add(impl_->connections, std::move(name), std::move(source));
}

registration collector::add_projection(std::string name, projection_source source) {
  return impl::add(impl_->projections, std::move(name), std::move(source));
}

registration collector::add_actors(std::string name, actor_source source) {
  return impl::add(impl_->actors, std::move(name), std::move(source));
}

registration collector::add_workflows(std::string name, workflow_source source) {
  return impl::add(impl_->workflows, std::move(name), std::move(source));
}

registration collector::add_router(std::string name, router_source source) {
  return impl::add(impl_->routers, std::move(name), std::move(source));
}

registration collector::add_placement(std::string name, placement_source source) {
  return impl::add(impl_->placements, std::move(name), std::move(source));
}

/// The metrics of what others own.
template <class Structure, class Owned>
static std::function<std::optional<Structure>()> unowned(std::shared_ptr<Owned const> const& owned) {
  if (!owned)
    return nullptr;
  return [weak = std::weak_ptr(owned)]() -> std::optional<Structure> {
    if (auto const there = weak.lock())
      return there->metrics();
    return std::nullopt;
  };
}

registration collector::add_store(std::string name, std::shared_ptr<event_store const> const& store) {
  return add_store(std::move(name), unowned<store_metrics>(store));
}

registration collector::add_bus(std::string name, std::shared_ptr<event_broadcaster const> const& bus) {
  return add_bus(std::move(name), unowned<bus_metrics>(bus));
}

std::vector<::prometheus::MetricFamily> collector::Collect() const {
  std::vector<::prometheus::MetricFamily> families;
  for (auto* set : impl_->all())
    set->collect(families);

  detail::labeled_samples failures{"kind", {}};
  for (auto const* set : impl_->all())
    failures.rows.emplace_back(set->label(), detail::samples{set->failures()});
  add_families(families,
               {{"aether_metric_source_errors_total", "Sources that threw when they were asked for their numbers.",
                 detail::metric_type::counter}},
               failures);
  return families;
}

} // namespace aether::prometheus
