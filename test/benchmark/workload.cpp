// Events as an order system would have them.
#include "benchmark/workload.hpp"

#include <aether/json.hpp>

#include <utility>

namespace aether::benchmark {

event sample_event(std::string actor_id, std::int64_t version, std::size_t data_bytes) {
  boost::json::object data;
  if (data_bytes > 0) {
    data["text"] = std::string(data_bytes, 'x');
    return make_event("order_line_added", std::move(actor_id), version, std::move(data));
  }
  data["sku"] = "AB-10293-X";
  data["quantity"] = version % 7 + 1;
  data["price"] = 1999;
  data["note"] = "leave it with the neighbours";
  data["express"] = version % 2 == 0;
  return make_event("order_line_added", std::move(actor_id), version, std::move(data));
}

workload make_workload(std::string const& name, std::size_t actors, std::size_t count, std::size_t data_bytes) {
  workload w;
  w.actors = actors;
  w.events.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    w.events.push_back(sample_event("order-" + name + std::to_string(i % actors),
                                    static_cast<std::int64_t>(i / actors) + 1, data_bytes));
  return w;
}

std::vector<encoded_event> workload::encoded(std::string const& stream) const {
  std::vector<encoded_event> all;
  all.reserve(events.size());
  for (auto const& e : events)
    all.push_back({stream + ".events." + std::string(actor_type(e.actor_id)) + "." + e.actor_id, e.id, to_json(e)});
  return all;
}

} // namespace aether::benchmark
