// docs/metrics.md lists what the collector exposes, no more and no less; the dashboard and the alert rules use nothing
// else.
#include "exposition.hpp"

#include "prometheus/tables.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(documents)

using namespace aether;
using namespace aether::test;
namespace tables = aether::prometheus::detail;

namespace {

struct description {
  std::string type;
  std::string unit;
  std::set<std::string> labels;
};

std::string text_of(description const& d) {
  std::string text = d.type + ' ' + d.unit;
  for (auto const& label : d.labels)
    text += ' ' + label;
  return text;
}

using metric_list = std::map<std::string, description>;

std::string read(std::string const& path) {
  std::ifstream file(std::string(AETHER_SOURCE_DIR) + '/' + path);
  if (!file)
    throw std::runtime_error("there is no " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// All matches of the expression's first group.
std::vector<std::string> matches(std::string const& text, std::string const& expression) {
  std::regex const pattern(expression);
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

/// The rows of the tables: name, type, unit, labels, meaning.
metric_list documented() {
  metric_list found;
  std::istringstream lines(read("docs/metrics.md"));
  std::regex const row(R"(^\| `(aether_\w+)` \| ([^|]+) \| ([^|]*)\| ([^|]*) \| ([^|]+) \|$)");
  for (std::string line; std::getline(lines, line);) {
    std::smatch parts;
    if (!line.starts_with("| `aether_"))
      continue;
    BOOST_TEST_REQUIRE(std::regex_match(line, parts, row), line);
    description d;
    d.type = parts[2];
    d.unit = parts[3];
    if (d.unit.ends_with(' '))
      d.unit.pop_back();
    for (auto const& label : matches(parts[4], "`(\\w+)`"))
      d.labels.insert(label);
    BOOST_TEST(found.emplace(parts[1], d).second, "listed twice: " << parts[1]);
  }
  return found;
}

std::string word_of(tables::metric_type type) {
  switch (type) {
  case tables::metric_type::counter:
    return "counter";
  case tables::metric_type::histogram:
    return "histogram";
  case tables::metric_type::gauge_sum:
    return "gauge (sum)";
  case tables::metric_type::gauge_max:
    return "gauge (largest)";
  case tables::metric_type::gauge_min:
    return "gauge (smallest)";
  }
  return "";
}

std::string unit_of(std::string const& name) {
  for (auto const* unit : {"seconds", "bytes"})
    if (name.ends_with(std::string("_") + unit) && !name.ends_with("_per_second"))
      return unit;
  return "";
}

template <class Structure> void add_types(std::map<std::string, std::string>& to) {
  for (auto const& m : tables::table_of<Structure>())
    to[m.what.name] = word_of(m.what.type);
}

/// What a collector with one source of each kind exposes.
metric_list exposed_list() {
  std::map<std::string, std::string> types = {{"aether_metric_source_errors_total", "counter"}};
  add_types<store_metrics>(types);
  add_types<bus_metrics>(types);
  add_types<aether::prometheus::connection_metrics>(types);
  add_types<projection_progress>(types);
  add_types<actor_metrics>(types);
  add_types<workflow_metrics>(types);
  add_types<router_metrics>(types);
  add_types<aether::prometheus::placement_metrics>(types);

  aether::prometheus::collector c;
  auto const store = c.add_store("a", [] { return store_metrics(); });
  auto const bus = c.add_bus("a", [] { return bus_metrics(); });
  auto const connection = c.add_connection("a", [] { return aether::prometheus::connection_metrics(); });
  auto const projection = c.add_projection("a", [] { return projection_progress(); });
  auto const actors = c.add_actors("a", [] { return actor_metrics(); });
  auto const workflows = c.add_workflows("a", [] { return workflow_metrics(); });
  auto const router = c.add_router("a", [] { return router_metrics(); });
  auto const placement = c.add_placement("a", [] { return aether::prometheus::placement_metrics(); });
  metric_list found;
  for (auto const& family : c.Collect()) {
    auto& d = found[family.name];
    d.type = types.at(family.name);
    d.unit = unit_of(family.name);
    for (auto const& metric : family.metric)
      for (auto const& label : metric.label)
        d.labels.insert(label.name);
  }
  return found;
}

/// The text of every `expr`, `query` and `definition`, wherever it stands.
void collect_expressions(boost::json::value const& v, std::vector<std::string>& to) {
  if (auto const* array = v.if_array()) {
    for (auto const& element : *array)
      collect_expressions(element, to);
  } else if (auto const* object = v.if_object()) {
    for (auto const& [key, value] : *object) {
      if ((key == "expr" || key == "query" || key == "definition") && value.is_string())
        to.emplace_back(value.get_string());
      collect_expressions(value, to);
    }
  }
}

/// The name of the family that a series belongs to.
std::string family_of(std::string const& series, metric_list const& known) {
  for (std::string_view const suffix : {"_bucket", "_sum", "_count"}) {
    if (!series.ends_with(suffix))
      continue;
    auto const family = series.substr(0, series.size() - suffix.size());
    if (auto const at = known.find(family); at != known.end() && at->second.type == "histogram")
      return family;
  }
  return series;
}

/// What is wrong with an expression: metrics that do not exist, labels that a metric does not have.
std::vector<std::string> mistakes(std::string const& expression, metric_list const& known) {
  std::vector<std::string> found;
  std::set<std::string> labels = {"job", "instance", "le"}; // Prometheus' own
  for (auto const& series : matches(expression, "\\b(aether_\\w+)")) {
    auto const at = known.find(family_of(series, known));
    if (at == known.end())
      found.push_back("there is no " + series);
    else if (at->second.type == "histogram" && at->first == series)
      found.push_back("a histogram has no series of its own: " + series);
    else
      labels.insert(at->second.labels.begin(), at->second.labels.end());
  }
  for (auto const& label : matches(expression, "[{,](\\w+)(?:=|!=)"))
    if (!labels.contains(label))
      found.push_back("none has the label " + label);
  for (auto const& list : matches(expression, "\\bby \\(([^)]*)\\)"))
    for (auto const& label : matches(list, "(\\w+)"))
      if (!labels.contains(label))
        found.push_back("none has the label " + label);
  return found;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_metric_is_documented_as_it_is) {
  auto const listed = documented();
  for (auto const& [name, d] : exposed_list()) {
    auto const at = listed.find(name);
    BOOST_TEST_REQUIRE((at != listed.end()), "docs/metrics.md does not list " << name);
    BOOST_TEST(text_of(at->second) == text_of(d), name);
  }
}

BOOST_AUTO_TEST_CASE(every_documented_metric_is_there) {
  auto const there = exposed_list();
  for (auto const& [name, d] : documented())
    BOOST_TEST(there.contains(name), "nothing exposes " << name);
}

BOOST_AUTO_TEST_CASE(every_value_of_a_fixed_set_is_documented) {
  auto const text = read("docs/metrics.md");
  auto const check = [&text](auto const& table) {
    for (auto const& m : table)
      if (m.what.value)
        BOOST_TEST(text.find(std::string("`") + m.what.value + "`") != std::string::npos, m.what.value);
  };
  check(tables::table_of<store_metrics>());
  check(tables::table_of<projection_progress>());
  check(tables::table_of<actor_metrics>());
  check(tables::table_of<router_metrics>());
  check(tables::table_of<aether::prometheus::placement_metrics>());
}

BOOST_AUTO_TEST_CASE(mistakes_are_found) {
  auto const known = documented();
  auto const wrong = [&known](char const* expression) { return mistakes(expression, known).size(); };
  BOOST_TEST(wrong("rate(aether_saves_total{outcome=\"saved\",job=~\"$job\"}[5m])") == 0u);
  BOOST_TEST(wrong("histogram_quantile(0.9, sum by (store, le) (rate(aether_save_duration_seconds_bucket[5m])))") ==
             0u);
  BOOST_TEST(wrong("rate(aether_save_total[5m])") == 1u);
  BOOST_TEST(wrong("rate(aether_saves_total_sum[5m])") == 1u);
  BOOST_TEST(wrong("rate(aether_save_duration_seconds[5m])") == 1u);
  BOOST_TEST(wrong("sum by (actor) (aether_saves_in_flight)") == 1u);
  BOOST_TEST(wrong("aether_connected{store=\"a\"}") == 1u);
}

BOOST_AUTO_TEST_CASE(the_dashboard_uses_what_there_is) {
  auto const known = documented();
  std::vector<std::string> expressions;
  collect_expressions(boost::json::parse(read("examples/observability/dashboard.json")), expressions);
  std::set<std::string> used;
  for (auto const& expression : expressions) {
    for (auto const& mistake : mistakes(expression, known))
      BOOST_TEST(false, mistake << ", in " << expression);
    for (auto const& series : matches(expression, "\\b(aether_\\w+)"))
      used.insert(family_of(series, known));
  }
  for (auto const& [name, d] : known)
    BOOST_TEST(used.contains(name), "the dashboard does not show " << name);
}

BOOST_AUTO_TEST_CASE(the_alert_rules_use_what_there_is_and_are_documented) {
  auto const known = documented();
  auto const rules = read("examples/observability/alerts.yml");
  auto const document = read("docs/metrics.md");
  // An expression reaches from `expr:` to the next key.
  auto const expressions = matches(rules, "\\n        expr: ([\\s\\S]*?)(?=\\n        [a-z]+:)");
  auto const alerts = matches(rules, "\\n      - alert: (\\w+)");
  BOOST_TEST(expressions.size() == alerts.size());
  BOOST_TEST(!alerts.empty());
  for (auto const& expression : expressions) {
    BOOST_TEST(expression.find("aether_") != std::string::npos, expression);
    for (auto const& mistake : mistakes(expression, known))
      BOOST_TEST(false, mistake << ", in " << expression);
  }
  auto const listed = matches(document, "\\n\\| `(Aether\\w+)` \\|");
  BOOST_TEST(std::set<std::string>(alerts.begin(), alerts.end()) == std::set<std::string>(listed.begin(), listed.end()),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
