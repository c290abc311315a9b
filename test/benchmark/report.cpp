// The table and the JSON rows.
#include "benchmark/report.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <ostream>
#include <stdexcept>

namespace aether::benchmark {
namespace {

std::string figure(std::optional<double> value) {
  if (!value)
    return "-";
  char text[32];
  auto const digits = *value >= 100 || *value == std::floor(*value) ? 0 : *value >= 10 ? 1 : 3;
  std::snprintf(text, sizeof text, "%.*f", digits, *value);
  return text;
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

boost::json::value or_null(std::optional<double> value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

} // namespace

double row::ratio() const {
  auto const against = target ? target->against : compared_with::nothing;
  auto const other = against == compared_with::raw ? raw : against == compared_with::floor ? floor : raw ? raw : floor;
  return other && *other != 0 ? aether / *other : 0;
}

std::optional<bool> row::met() const {
  if (!target)
    return std::nullopt;
  auto const value = target->against == compared_with::nothing ? aether : ratio();
  return target->kind == bound::at_least ? value >= target->limit : value <= target->limit;
}

std::string row::target_text() const {
  if (!target)
    return {};
  auto text = std::string(target->kind == bound::at_least ? ">= " : "<= ") + short_number(target->limit);
  switch (target->against) {
  case compared_with::raw:
    return text + " x raw";
  case compared_with::floor:
    return text + " x floor";
  case compared_with::nothing:
    break;
  }
  return text + ' ' + unit;
}

void report::head() {
  out_ << std::left << std::setw(58) << "work" << std::setw(9) << "server" << std::setw(13) << "unit" << std::right
       << std::setw(11) << "aether" << std::setw(11) << "raw" << std::setw(11) << "floor" << std::setw(8) << "ratio"
       << "  target\n"
       << std::string(142, '-') << std::endl;
}

void report::add(row r) {
  char ratio[16];
  std::snprintf(ratio, sizeof ratio, "%.2f", r.ratio());
  out_ << std::left << std::setw(58) << r.work << std::setw(9) << (r.server.empty() ? "-" : r.server) << std::setw(13)
       << r.unit << std::right << std::setw(11) << figure(r.aether) << std::setw(11) << figure(r.raw) << std::setw(11)
       << figure(r.floor) << std::setw(8) << ratio << "  " << r.target_text()
       << (!r.met()   ? ""
           : *r.met() ? ": met"
                      : ": MISSED")
       << std::endl;
  rows_.push_back(std::move(r));
}

void report::write_json(std::string const& file) const {
  std::ofstream out(file);
  char const* separator = "[\n";
  for (auto const& r : rows_) {
    boost::json::object o;
    o["work"] = r.work;
    o["server"] = r.server;
    o["unit"] = r.unit;
    o["aether"] = r.aether;
    o["raw"] = or_null(r.raw);
    o["floor"] = or_null(r.floor);
    o["ratio"] = r.ratio();
    o["target"] = r.target ? boost::json::value(r.target_text()) : boost::json::value(nullptr);
    o["met"] = r.met() ? boost::json::value(*r.met()) : boost::json::value(nullptr);
    out << separator << boost::json::serialize(o);
    separator = ",\n";
  }
  out << (rows_.empty() ? "[]\n" : "\n]\n");
  if (!out.flush())
    throw std::runtime_error("cannot write " + file);
}

void report::summary() const {
  int targets = 0;
  int missed = 0;
  for (auto const& r : rows_) {
    targets += r.met().has_value();
    missed += r.met() == false;
  }
  out_ << "\n" << targets << " targets, " << targets - missed << " met, " << missed << " missed" << std::endl;
}

} // namespace aether::benchmark
