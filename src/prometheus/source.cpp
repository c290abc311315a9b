// How a source is asked, and what it counted is kept.
#include "prometheus/source.hpp"

#include <utility>

namespace aether::prometheus::detail {

samples nothing(std::vector<metric> const& table) {
  samples all;
  all.reserve(table.size());
  for (auto const& m : table)
    all.push_back(nothing(m.type));
  return all;
}

lasting_counts::lasting_counts(metric_table table)
    : table_(std::move(table)), before_(nothing(*table_)), last_(before_) {}

void lasting_counts::take(samples const& now) noexcept {
  for (std::size_t i = 0; i < now.size(); ++i) {
    auto const type = (*table_)[i].type;
    if (!is_count(type))
      continue;
    if (fell(last_[i], now[i]))
      combine(type, before_[i], last_[i]);
    last_[i] = now[i];
  }
}

void lasting_counts::add_to(std::span<sample> to) const noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) {
    auto const type = (*table_)[i].type;
    if (!is_count(type))
      continue;
    combine(type, to[i], before_[i]);
    combine(type, to[i], last_[i]);
  }
}

source::source(std::size_t place, metric_table table, function ask)
    : place_(place), table_(std::move(table)), ask_(std::move(ask)), counts_(table_) {}

reading source::read() {
  function dead; // destroyed without the lock
  std::lock_guard lock(mutex_);
  reading result;
  result.place = place_;
  std::optional<samples> now;
  if (!ended_) {
    asking_ = true;
    try {
      now = ask_();
    } catch (...) {
      result.failed = true;
    }
    asking_ = false;
    if (ended_) { // by the call itself; what was kept of its counts is final
      dead = std::move(ask_);
      now.reset();
    }
  }
  result.here = now.has_value();
  if (now)
    counts_.take(*now);
  result.values = nothing(*table_);
  counts_.add_to(result.values);
  for (std::size_t i = 0; now && i < now->size(); ++i) {
    if (!is_count((*table_)[i].type))
      result.values[i] = (*now)[i];
  }
  return result;
}

void source::end() noexcept {
  function dead;
  std::lock_guard lock(mutex_);
  ended_ = true;
  if (!asking_)
    dead = std::move(ask_);
}

} // namespace aether::prometheus::detail
