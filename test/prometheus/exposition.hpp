// The exposition text of a collector, taken apart.
#pragma once

#include <aether/prometheus/collector.hpp>

#include <prometheus/text_serializer.h>

#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace aether::test {

inline std::string exposed(prometheus::collector const& c) {
  return ::prometheus::TextSerializer().Serialize(c.Collect());
}

/// `name{labels}` → the value as it is written.
inline std::map<std::string, std::string> series_of(std::string const& text) {
  std::map<std::string, std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#'))
      continue;
    auto const space = line.rfind(' ');
    if (space == std::string::npos || !found.emplace(line.substr(0, space), line.substr(space + 1)).second)
      throw std::runtime_error("not one new series: " + line);
  }
  return found;
}

inline std::map<std::string, std::string> series_of(prometheus::collector const& c) { return series_of(exposed(c)); }

/// The value of a series; `none` when it is not there.
inline std::string value_of(prometheus::collector const& c, std::string const& series) {
  auto const all = series_of(c);
  auto const found = all.find(series);
  return found == all.end() ? "none" : found->second;
}

} // namespace aether::test
