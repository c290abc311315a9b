// Starting and ending the writers, and gathering their logs.
#include "fault/campaign/fleet.hpp"

#include "fault/history_file.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace aether::fault {

fleet::fleet(writer_plan common) : common_(std::move(common)) { common_.stop = (directory_.path() / "stop").string(); }

void fleet::start(int count) {
  for (int i = 0; i < count; ++i) {
    auto plan = common_;
    plan.process = static_cast<std::uint32_t>(writers_.size() + 1);
    plan.seed = common_.seed * 1000 + plan.process;
    plan.log = (directory_.path() / std::to_string(plan.process)).string();
    auto const output = plan.log + ".out";
    std::vector<std::string> arguments = {"/proc/self/exe", "--run_test=campaign_writer/*", "--", to_text(plan)};
    writers_.push_back({test::child_process(std::move(arguments), output), plan.log, output});
  }
}

void fleet::start_together(int count, std::chrono::milliseconds limit) {
  auto const begin = directory_.path() / "begin";
  common_.begin = begin.string();
  start(count);
  common_.begin.clear();
  auto const until = std::chrono::steady_clock::now() + limit;
  for (auto const& w : writers_)
    while (!std::filesystem::exists(w.log + ".ready")) {
      if (std::chrono::steady_clock::now() > until)
        throw std::runtime_error("writer " + w.log + " does not open its store: " + test::read_file(w.output));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  std::ofstream file(begin);
}

void fleet::kill_running(std::size_t which) {
  for (auto& w : writers_) {
    if (w.killed || which-- > 0)
      continue;
    if (auto const code = w.process.wait(std::chrono::milliseconds(0)))
      throw std::runtime_error("writer " + w.log + " had ended before it was killed, with " + std::to_string(*code) +
                               ": " + test::read_file(w.output));
    w.process.kill();
    w.killed = true;
    w.killed_at = monotonic_now();
    return;
  }
  throw std::out_of_range("fewer writers run");
}

void fleet::stop(std::chrono::milliseconds limit) {
  std::ofstream file(common_.stop);
  file.close();
  wait(limit);
}

void fleet::wait(std::chrono::milliseconds limit) {
  auto const until = std::chrono::steady_clock::now() + limit;
  for (auto& w : writers_) {
    if (w.killed)
      continue;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    auto const code = w.process.wait(std::max(left, std::chrono::milliseconds(0)));
    if (code != 0)
      throw std::runtime_error("writer " + w.log + (code ? " failed: " : " does not end: ") +
                               test::read_file(w.output));
  }
}

bool fleet::has_saved_since(std::int64_t time) const {
  return std::any_of(writers_.begin(), writers_.end(),
                     [&](auto const& w) { return std::filesystem::exists(w.log) && ends_with_a_save(w.log, time); });
}

std::size_t fleet::running() const {
  return static_cast<std::size_t>(
      std::count_if(writers_.begin(), writers_.end(), [](auto const& w) { return !w.killed; }));
}

std::vector<operation> fleet::history() const {
  std::vector<operation> all;
  for (auto const& w : writers_) {
    if (!std::filesystem::exists(w.log)) // killed before it began
      continue;
    auto one = read_history(w.log);
    for (auto& o : one)
      if (o.end == call_end::open)
        o.killed = w.killed_at;
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

std::set<std::uint32_t> fleet::killed() const {
  std::set<std::uint32_t> all;
  for (std::size_t i = 0; i < writers_.size(); ++i)
    if (writers_[i].killed)
      all.insert(static_cast<std::uint32_t>(i + 1));
  return all;
}

} // namespace aether::fault
