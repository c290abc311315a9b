// What a subscriber of a bus got, as text that tests compare.
#pragma once

#include <aether/event_broadcaster.hpp>

#include <string>
#include <utility>

namespace aether::test {

inline bus_filter bus_filter_of(std::string pattern, std::size_t buffer = 0) {
  bus_filter f;
  f.pattern = std::move(pattern);
  f.buffer_events = buffer;
  return f;
}

inline std::string text_of(std::optional<bus_item> const& item) {
  if (!item)
    return "nothing";
  if (auto const* b = std::get_if<broadcast>(&*item))
    return *b->name_space + ':' + std::to_string(b->event->version);
  if (auto const* m = std::get_if<missed>(&*item))
    return m->count ? "missed " + std::to_string(*m->count) : "missed some";
  return "closed";
}

/// What is there now.
inline std::string take_all(bus_subscription& s) {
  std::string all;
  while (auto const item = s.try_receive()) {
    all += (all.empty() ? "" : " ") + text_of(item);
    if (std::holds_alternative<bus_closed>(*item))
      break;
  }
  return all;
}

} // namespace aether::test
