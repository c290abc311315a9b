// What the doctor found, as rows.
#pragma once

#include "cli/row.hpp"

#include <aether/nats/doctor.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cli {

/// Lines of at most `columns`, broken at blanks; a longer word has a line of its own. At least one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// For programs one row; for people what was found and, below it, what to do.
std::vector<row> doctor_rows(nats::finding const& f, bool for_programs);

struct doctor_counts {
  std::size_t critical = 0;
  std::size_t warnings = 0;
  std::size_t infos = 0;

  void count(nats::severity level);
};

/// How it ended: for people a sentence, for programs `{"kind":"summary",…}`.
std::string summary_text(doctor_counts const& c);
row summary_row(doctor_counts const& c);

} // namespace aether::cli
