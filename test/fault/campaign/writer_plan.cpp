// A plan as the argument of a process.
#include "fault/campaign/writer.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <ostream>

namespace aether::fault {

namespace json = boost::json;

std::ostream& operator<<(std::ostream& out, expectation e) {
  return out << (e == expectation::none ? "none" : e == expectation::contiguous ? "contiguous" : "expected_version");
}

std::string to_text(writer_plan const& plan) {
  json::object o;
  o["urls"] = plan.urls;
  o["stream"] = plan.stream;
  o["log"] = plan.log;
  o["begin"] = plan.begin;
  o["stop"] = plan.stop;
  o["process"] = plan.process;
  o["seed"] = plan.seed;
  o["replicas"] = plan.replicas;
  o["duplicate_window"] = plan.duplicate_window.count();
  o["way"] = static_cast<int>(plan.way);
  o["actors"] = plan.actors;
  o["versions"] = plan.versions;
  o["side_by_side"] = plan.side_by_side;
  o["rest"] = plan.rest.count();
  o["payload"] = plan.payload;
  o["expects"] = static_cast<int>(plan.expects);
  o["gives_up"] = plan.gives_up;
  return json::serialize(o);
}

writer_plan plan_of_text(std::string const& text) {
  auto const o = json::parse(text).as_object();
  auto const number = [&](char const* name) { return o.at(name).to_number<std::int64_t>(); };
  writer_plan plan;
  plan.urls = o.at("urls").as_string().c_str();
  plan.stream = o.at("stream").as_string().c_str();
  plan.log = o.at("log").as_string().c_str();
  plan.begin = o.at("begin").as_string().c_str();
  plan.stop = o.at("stop").as_string().c_str();
  plan.process = o.at("process").to_number<std::uint32_t>();
  plan.seed = o.at("seed").to_number<std::uint64_t>();
  plan.replicas = static_cast<int>(number("replicas"));
  plan.duplicate_window = std::chrono::milliseconds(number("duplicate_window"));
  plan.way = static_cast<behaviour>(number("way"));
  plan.actors = static_cast<int>(number("actors"));
  plan.versions = static_cast<int>(number("versions"));
  plan.side_by_side = static_cast<int>(number("side_by_side"));
  plan.rest = std::chrono::milliseconds(number("rest"));
  plan.payload = static_cast<int>(number("payload"));
  plan.expects = static_cast<expectation>(number("expects"));
  plan.gives_up = o.at("gives_up").as_bool();
  return plan;
}

} // namespace aether::fault
