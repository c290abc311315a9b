// The sources of one kind: which name each is reported under, and their numbers added up by name.
#pragma once

#include "prometheus/source.hpp"

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::prometheus::detail {

/// Names that became labels. Each keeps its place for good: else a program whose names come and go would make ever
/// more series.
class label_names {
public:
  static constexpr std::size_t other = 0;

  label_names() : values_{"other"} {}

  /// The place of a name; that of `other` when there are max_names already.
  std::size_t place_of(std::string const& name);
  std::vector<std::string> const& values() const noexcept { return values_; } ///< by place

private:
  std::map<std::string, std::size_t> places_;
  std::vector<std::string> values_;
};

class source_set {
public:
  /// `label`: the kind's, such as `store`. All are literals.
  source_set(char const* label, std::vector<metric> table);
  source_set(source_set const&) = delete;
  source_set& operator=(source_set const&) = delete;
  ~source_set(); // ends what is not ended

  /// Throws invalid_argument.
  std::shared_ptr<source> add(std::string const& name, source::function ask);
  /// Of an ended source.
  void remove(source const& ended) noexcept;

  /// Asks every source, and adds its kind's families.
  void collect(std::vector<::prometheus::MetricFamily>& to);

  char const* label() const noexcept { return label_; }
  std::uint64_t failures() const noexcept;

private:
  char const* const label_;
  metric_table const table_;
  mutable std::mutex mutex_; // never held while a source is asked
  label_names names_;
  std::vector<std::shared_ptr<source>> sources_;
  std::vector<samples> ended_; // by place: the counts of those that were removed
  std::uint64_t failures_ = 0;
};

} // namespace aether::prometheus::detail
