// What the inspector writes: rows as aligned columns for people, or as lines of JSON for programs.
#pragma once

#include "cli/row.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cli {

/// Columns of rows that have the same ones. As many rows as fit are looked at before the first is written, and a wider
/// one that comes later moves what is behind it: memory is bounded however many there are.
class table {
public:
  static constexpr std::size_t rows_at_once = 200;

  explicit table(bool colours) : colours_(colours) {}

  /// What can be written by now; empty: nothing yet.
  std::string add(row const& r);
  /// What was kept back. The next row has a header of its own if `ended`.
  std::string flush(bool ended = false);

private:
  struct line {
    std::vector<std::string> cells;
    bool bad = false;
  };

  void widen(line const& l);
  void write(std::string& out, line const& l, std::string_view colour) const;

  bool colours_;
  bool has_header_ = false; ///< it was written
  std::vector<std::size_t> widths_;
  std::vector<bool> right_;
  line header_;
  std::vector<line> kept_;
};

struct report_style {
  bool json = false;
  bool colours = false;
};

/// Hands on the text to be written as it comes.
class report {
public:
  using writer = std::function<void(std::string_view)>;

  /// `tell`: for what is no part of the output.
  report(report_style style, writer write, writer tell)
      : style_(style), write_(std::move(write)), tell_(std::move(tell)), table_(style.colours) {}

  void add(row const& r);
  /// A line for people, behind the rows before it; programs do not get it.
  void say(std::string_view text);
  /// What programs should not take for output either.
  void note(std::string_view text) const { tell_(text); }
  /// Everything that was kept back is written, so that it can be seen.
  void flush() { hand_on(table_.flush()); }

  bool is_json() const noexcept { return style_.json; }
  std::size_t rows() const noexcept { return rows_; }

private:
  void hand_on(std::string_view text) {
    if (!text.empty())
      write_(text);
  }

  report_style const style_;
  writer const write_;
  writer const tell_;
  table table_;
  std::size_t rows_ = 0;
};

} // namespace aether::cli
