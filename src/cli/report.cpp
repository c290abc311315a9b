// Aligning columns.
#include "cli/report.hpp"

#include <algorithm>
#include <utility>

namespace aether::cli {

namespace {

constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view plain = "\x1b[0m";

} // namespace

void table::widen(line const& l) {
  widths_.resize(std::max(widths_.size(), l.cells.size()));
  for (std::size_t i = 0; i < l.cells.size(); ++i)
    widths_[i] = std::max(widths_[i], width_of(l.cells[i]));
}

void table::write(std::string& out, line const& l, std::string_view colour) const {
  std::string text;
  for (std::size_t i = 0; i < l.cells.size(); ++i) {
    std::string const padding(widths_[i] - std::min(widths_[i], width_of(l.cells[i])), ' ');
    if (i > 0)
      text += "  ";
    text += right_[i] ? padding + l.cells[i] : l.cells[i] + padding;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  if (colours_ && !colour.empty())
    out.append(colour).append(text).append(plain);
  else
    out += text;
  out += '\n';
}

std::string table::add(row const& r) {
  line l;
  l.bad = r.is_bad();
  bool const is_first = header_.cells.empty();
  for (auto const& f : r.fields()) {
    if (f.title.empty())
      continue;
    if (is_first) {
      header_.cells.emplace_back(f.title);
      right_.push_back(false);
    }
    if (l.cells.size() < right_.size())
      right_[l.cells.size()] = right_[l.cells.size()] || f.right;
    l.cells.push_back(f.text);
  }
  l.cells.resize(header_.cells.size());
  kept_.push_back(std::move(l));
  return kept_.size() < rows_at_once ? std::string() : flush();
}

std::string table::flush(bool ended) {
  std::string out;
  if (!kept_.empty()) {
    widen(header_);
    for (auto const& l : kept_)
      widen(l);
    // The last column is as wide as it is; nothing stands behind it.
    if (!has_header_)
      write(out, header_, bold);
    has_header_ = true;
    for (auto const& l : kept_)
      write(out, l, l.bad ? red : std::string_view());
    kept_.clear();
  }
  if (ended) {
    header_.cells.clear();
    right_.clear();
    widths_.clear();
    has_header_ = false;
  }
  return out;
}

void report::add(row const& r) {
  ++rows_;
  hand_on(style_.json ? r.to_json() + '\n' : table_.add(r));
}

void report::say(std::string_view text) {
  if (style_.json)
    return;
  hand_on(table_.flush(true));
  hand_on(shown(text) + '\n');
}

} // namespace aether::cli
