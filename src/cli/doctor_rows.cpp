// What the doctor found, as rows.
#include "cli/doctor_rows.hpp"

#include <algorithm>

namespace aether::cli {
namespace {

constexpr std::size_t text_columns = 88;
constexpr std::string_view found_title = "FOUND, AND WHAT TO DO";

/// Below the first line: the columns before it stay empty.
row line_below(std::string text) {
  row r;
  r.cell("LEVEL", " ").cell("CHECK", " ").cell(found_title, std::move(text));
  return r;
}

} // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    auto const word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!lines.back().empty() && width_of(lines.back()) + 1 + width_of(word) > columns)
      lines.emplace_back();
    if (!lines.back().empty())
      lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::vector<row> doctor_rows(nats::finding const& f, bool for_programs) {
  std::vector<row> rows(1);
  auto& first = rows.front();
  first.member("kind", "\"finding\"").text("level", "LEVEL", to_string(f.level)).text("check", "CHECK", f.check);
  first.member("known", f.known ? "true" : "false").member("found", json_text(f.found));
  first.member("advice", json_text(f.advice));
  if (f.level == nats::severity::critical)
    first.bad();
  if (for_programs)
    return rows;
  auto const found = wrapped(shown(f.found), text_columns);
  first.cell(found_title, found.front());
  for (std::size_t i = 1; i < found.size(); ++i)
    rows.push_back(line_below(found[i]));
  if (!f.advice.empty())
    for (auto& line : wrapped(shown(f.advice), text_columns - 2))
      rows.push_back(line_below("  " + std::move(line)));
  return rows;
}

void doctor_counts::count(nats::severity level) {
  critical += level == nats::severity::critical ? 1u : 0u;
  warnings += level == nats::severity::warning ? 1u : 0u;
  infos += level == nats::severity::info ? 1u : 0u;
}

std::string summary_text(doctor_counts const& c) {
  if (c.critical + c.warnings + c.infos == 0)
    return "nothing was found";
  return std::to_string(c.critical) + " critical, " + std::to_string(c.warnings) +
         (c.warnings == 1 ? " warning, " : " warnings, ") + std::to_string(c.infos) + " for information";
}

row summary_row(doctor_counts const& c) {
  row r;
  r.member("kind", "\"summary\"").member("critical", std::to_string(c.critical));
  r.member("warnings", std::to_string(c.warnings)).member("infos", std::to_string(c.infos));
  return r;
}

} // namespace aether::cli
