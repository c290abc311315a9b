// Metadata: reading, setting and causation.
#include <aether/event.hpp>
#include <aether/metadata.hpp>
#include <aether/tracing.hpp>

#include <utility>

namespace aether {

std::string_view metadata::get(std::string_view key) const noexcept {
  auto const found = entries_.find(key);
  return found == entries_.end() ? std::string_view() : std::string_view(found->second);
}

metadata& metadata::set(std::string_view key, std::string value) {
  auto const place = entries_.lower_bound(key);
  if (place != entries_.end() && place->first == key)
    place->second = std::move(value);
  else
    entries_.emplace_hint(place, key, std::move(value));
  return *this;
}

bool metadata::erase(std::string_view key) {
  auto const found = entries_.find(key);
  if (found == entries_.end())
    return false;
  entries_.erase(found);
  return true;
}

metadata& metadata::caused_by(event const& cause) {
  // Copies first: `cause` may be the event that owns this metadata.
  std::string correlation(cause.metadata.correlation_id().empty() ? std::string_view(cause.id)
                                                                  : cause.metadata.correlation_id());
  std::string causation = cause.id;
  std::string state(cause.metadata.trace_state());
  if (auto const trace = trace_of(cause.metadata)) {
    set_trace(*this, *trace);
    if (state.empty()) // of another trace
      erase(trace_state_key);
    else
      trace_state(std::move(state));
  }
  correlation_id(std::move(correlation));
  return causation_id(std::move(causation));
}

} // namespace aether
