// The rows of the benchmark: what was measured, beside what, and whether the target is met.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace aether::benchmark {

/// Which figure a target is held against.
enum class compared_with { raw, floor, nothing };
enum class bound { at_least, at_most };

struct target {
  bound kind = bound::at_most;
  double limit = 0;
  /// The limit is a multiple of that figure; nothing: it is in the row's own unit.
  compared_with against = compared_with::nothing;
};

struct row {
  std::string work;
  std::string server; ///< version; empty: no server takes part
  std::string unit;
  double aether = 0;
  std::optional<double> raw;   ///< the same through cnats' own functions
  std::optional<double> floor; ///< the protocol by hand on one blocking socket; in process, a mutex and a map
  std::optional<benchmark::target> target;

  row() = default;

  /// aether's figure as a multiple of the one it is compared with, or of the one there is.
  double ratio() const;
  /// None without a target.
  std::optional<bool> met() const;
  std::string target_text() const;
};

class report {
public:
  explicit report(std::ostream& out) : out_(out) {}

  void head(); ///< the table's first lines
  /// Adds a row and prints it.
  void add(row r);
  /// A list of rows, one a line. Throws std::runtime_error when the file cannot be written.
  void write_json(std::string const& file) const;
  /// How many targets there are, and how many are missed.
  void summary() const;

private:
  std::ostream& out_;
  std::vector<row> rows_;
};

} // namespace aether::benchmark
