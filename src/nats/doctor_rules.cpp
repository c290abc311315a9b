// From facts about a stream to what is risky about it: what the rules share, and their order.
#include "nats/doctor_rules.hpp"

#include "nats/json_fields.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace aether::nats {

std::string_view to_string(severity level) noexcept {
  switch (level) {
  case severity::info:
    return "info";
  case severity::warning:
    return "warning";
  case severity::critical:
    return "critical";
  }
  return "?";
}

} // namespace aether::nats

namespace aether::nats::detail {

bool settings_of::flag(std::string_view name) const { return bool_at(config_, name).value_or(false); }

std::int64_t settings_of::number(std::string_view name) const {
  return std::max<std::int64_t>(0, integer_at(config_, name).value_or(0));
}

std::string settings_of::text(std::string_view name, std::string_view otherwise) const {
  return std::string(string_at(config_, name).value_or(otherwise));
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units{"B", "KB", "MB", "GB", "TB", "PB", "EB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1000 && unit + 1 < units.size(); ++unit)
    amount /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
  return text;
}

void finding_list::add_use(std::string_view check, std::string const& what, storage_use use,
                           std::string const& advice) {
  if (use.limit <= 0)
    return;
  auto const limit = static_cast<std::uint64_t>(use.limit);
  auto const percent =
      static_cast<int>(std::min(999.0, 100.0 * static_cast<double>(use.used) / static_cast<double>(limit)));
  if (percent < 80)
    return;
  add(percent < 95 ? severity::warning : severity::critical, check,
      std::to_string(percent) + " % of " + what + " is used", advice);
}

std::vector<finding> finding_list::take() {
  std::stable_sort(all_.begin(), all_.end(), [](finding const& a, finding const& b) { return a.level > b.level; });
  return std::move(all_);
}

std::vector<finding> diagnose(doctor_facts const& facts) {
  finding_list found;
  judge_state(facts, found);
  judge_settings(facts, found);
  judge_servers(facts, found);
  return found.take();
}

} // namespace aether::nats::detail
