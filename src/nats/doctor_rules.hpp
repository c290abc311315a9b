// From facts about a stream to what is risky about it. Pure: nothing is asked here.
#pragma once

#include "nats/doctor_facts.hpp"

#include <aether/nats/doctor.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// Findings as they are met.
class finding_list {
public:
  void add(severity level, std::string_view check, std::string found, std::string advice) {
    all_.emplace_back(level, std::string(check), std::move(found), std::move(advice));
  }
  /// One that could not be found out.
  void add_unknown(severity level, std::string_view check, std::string why, std::string advice) {
    add(level, check, "unknown: " + why, std::move(advice));
    all_.back().known = false;
  }
  /// How full something is, when that is worth a word. `what`: whose, as in `81 % of the account's storage`.
  void add_use(std::string_view check, std::string const& what, storage_use use, std::string const& advice);

  /// The gravest first, else in the order they were met.
  std::vector<finding> take();

private:
  std::vector<finding> all_;
};

/// A stream's configuration, with what the server leaves out.
class settings_of {
public:
  explicit settings_of(boost::json::object const& config) : config_(config) {}

  bool flag(std::string_view name) const;
  std::int64_t number(std::string_view name) const; ///< 0: none, and no limit
  std::string text(std::string_view name, std::string_view otherwise) const;

  std::int64_t replicas() const { return std::max<std::int64_t>(1, number("num_replicas")); }
  bool in_memory() const { return text("storage", "file") == "memory"; }
  bool drops_old() const { return text("discard", "old") == "old"; }

private:
  boost::json::object const& config_;
};

/// `12.3 GB`, powers of 1,000, as limits are given.
std::string bytes_text(std::uint64_t bytes);

void judge_settings(doctor_facts const& facts, finding_list& out);
void judge_state(doctor_facts const& facts, finding_list& out);
void judge_servers(doctor_facts const& facts, finding_list& out);

std::vector<finding> diagnose(doctor_facts const& facts);

} // namespace aether::nats::detail
