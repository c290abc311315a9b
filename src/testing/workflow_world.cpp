// Making, crashing and driving hosts.
#include "testing/workflow_world.hpp"

#include "testing/timers.hpp"
#include "workflow_core.hpp"

#include <aether/memory_event_store.hpp>
#include <aether/testing/fault_injecting_store.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace aether::testing::detail {

class host_time final : public time_source {
public:
  explicit host_time(virtual_clock const& clock) : clock_(clock) {}

  time_point now() const override { return clock_.now(); }
  std::chrono::nanoseconds elapsed() const override { return clock_.elapsed(); }
  awaitable<void> sleep_for(std::chrono::nanoseconds duration) const override {
    return counted(clock_, waiting_, duration);
  }
  std::size_t waiting() const noexcept { return *waiting_; }

private:
  struct one_more {
    std::shared_ptr<std::size_t> count;
    explicit one_more(std::shared_ptr<std::size_t> of) : count(std::move(of)) { ++*count; }
    one_more(one_more const&) = delete;
    one_more& operator=(one_more const&) = delete;
    ~one_more() { --*count; }
  };
  static awaitable<void> counted(virtual_clock clock, std::shared_ptr<std::size_t> count,
                                 std::chrono::nanoseconds duration) {
    one_more const waits(std::move(count));
    co_await clock.sleep_for(duration);
  }

  virtual_clock clock_;
  std::shared_ptr<std::size_t> waiting_ = std::make_shared<std::size_t>(0);
};

class workflow_world::log_text final : public logger {
public:
  log_text() : logger(log_level::warning) {}
  std::string const& text() const noexcept { return text_; }

private:
  void write(log_level level, std::string_view message, std::span<log_field const> fields) noexcept override {
    text_ += std::string(to_string(level)) + ' ' + to_line(message, fields) + '\n';
  }
  std::string text_;
};

workflow_world::workflow_world(workflow_tester_options options, add_types add, std::uint64_t seed)
    : options_(std::move(options)), add_(std::move(add)), random_(seed),
      host_time_(std::make_shared<host_time>(clock_)), log_(std::make_shared<log_text>()),
      store_(std::make_shared<memory_event_store>(context_->get_executor())) {}

workflow_world::~workflow_world() { tear_down(); }

std::shared_ptr<event_store> workflow_world::store() const { return store_; }
std::string workflow_world::log() const { return log_->text(); }

void workflow_world::add_host(std::string name) {
  process made;
  made.name = std::move(name);
  processes_.push_back(std::move(made));
  start(processes_.size() - 1);
}

void workflow_world::start(std::size_t which) {
  auto const life = std::make_shared<mortal>();
  life->inner = store_;
  if (faults_) {
    auto plan = *faults_;
    plan.seed = random_();
    life->inner = std::make_shared<fault_injecting_store>(context_->get_executor(), clock_, store_, std::move(plan));
  }
  // A world is gone before its context runs on: see tear_down().
  life->on_save = [this](event const& e) { return ++writes_, plan_ ? plan_(writes_, e) : crash_at::never; };
  life->crash = [this, which, weak = std::weak_ptr<mortal>(life)] {
    if (auto const of = weak.lock())
      on_crash(which, of);
  };
  life->post = [this](std::function<void()> call) { asio::post(*context_, std::move(call)); };
  auto options = options_.host;
  options.name = processes_[which].name;
  options.time = host_time_;
  options.random = [engine = std::mt19937_64(random_())]() mutable {
    return std::uniform_real_distribution<double>()(engine);
  };
  if (!options.log)
    options.log = log_;
  workflow_host host(context_->get_executor(), std::make_shared<mortal_store>(life), std::move(options));
  add_(host);
  cores_.push_back(aether::detail::workflow_host_access::core_of(host));
  auto open = [](workflow_host opened) -> awaitable<void> {
    for (bool again = true; again;) {
      again = false;
      try {
        co_await opened.open();
      } catch (error const& e) {
        if (!is_retryable(e.code()))
          throw;
        again = true;
      }
    }
  };
  // Its own handle would keep the host from ending with the one here.
  asio::co_spawn(*context_, open(host), [this, life](std::exception_ptr error) {
    if (error && !life->is_dead)
      start_failed_ = std::move(error);
  });
  processes_[which].host = std::move(host);
  processes_[which].life = life;
}

void workflow_world::on_crash(std::size_t which, std::shared_ptr<mortal> const& life) {
  if (!life->is_dead && processes_[which].life == life)
    crash(which);
}

void workflow_world::crash(std::size_t which) {
  auto& one = processes_[which];
  if (!one.host)
    return;
  ++crashes_;
  one.life->is_dead = true;
  aether::detail::workflow_host_access::stop(*one.host); // also when its opening is under way
  one.host.reset();
  if (!stays_down_)
    asio::post(*context_, [this, which] { start(which); });
}

workflow_client workflow_world::own_client(fault_plan const* faults) {
  if (!faults)
    return workflow_client(context_->get_executor(), store_);
  fault_plan plan;
  plan.seed = random_();
  plan.min_delay = faults->min_delay;
  plan.max_delay = faults->max_delay;
  return workflow_client(context_->get_executor(), std::make_shared<fault_injecting_store>(
                                                       context_->get_executor(), clock_, store_, std::move(plan)));
}

std::string workflow_world::steps_under_way(std::optional<time_point> due_by) const {
  std::string text;
  for (auto const& one : processes_)
    if (one.host)
      for (auto const& step : aether::detail::workflow_host_access::steps_under_way(*one.host, due_by))
        text += (text.empty() ? "" : "; ") + step;
  return text;
}

void workflow_world::refuse_real_wait(std::string const& steps) const {
  throw deadlock_error(
      "workflow_tester: nothing is ready, and no timer of the clock is left but those of the hosts. "
      "Under way is " +
      steps +
      ". It waits for what nobody will do, or for a real timer, a socket or a thread: in a test a step "
      "waits for the tester's clock");
}

void workflow_world::drive(bool const& ended) {
  auto const limits = options_.limits;
  auto const until =
      later(clock_.now(), limits.virtual_time.count() > 0 ? limits.virtual_time : std::chrono::hours(24));
  std::size_t left = limits.handlers > 0 ? limits.handlers : 10'000'000;
  auto const timers = clock_access::timers_of(clock_);
  while (!ended) {
    if (start_failed_)
      std::rethrow_exception(std::exchange(start_failed_, nullptr));
    if (context_->stopped())
      context_->restart();
    if (context_->poll_one() != 0) {
      if (--left == 0)
        throw limit_error("workflow_tester: no end: see run_limits::handlers. Steps under way: " +
                          steps_under_way(std::nullopt));
      continue;
    }
    auto const next = clock_.next_timer();
    auto const under_way = steps_under_way(std::nullopt);
    if (!next && !under_way.empty())
      refuse_real_wait(under_way);
    if (!next)
      throw deadlock_error(
          "workflow_tester: nothing is ready, no timer of the clock is left, and no step is under way, "
          "but the scenario has not ended: it waits for what nobody will do");
    if (!under_way.empty() && timers->count() <= host_time_->waiting())
      if (auto const steps = steps_under_way(next); !steps.empty())
        refuse_real_wait(steps);
    if (*next > until)
      throw limit_error("workflow_tester: no end: see run_limits::virtual_time. Steps under way: " + under_way);
    clock_.advance_to(*next);
  }
}

void workflow_world::settle() {
  if (context_->stopped())
    context_->restart();
  context_->poll();
}

namespace {

awaitable<std::vector<event>> read_all(std::shared_ptr<event_store> store) {
  std::vector<event> out;
  event_subscription all = co_await store->subscribe(subscribe_options());
  for (;;) {
    std::optional<subscription_item> item = co_await all.next();
    if (!item || std::holds_alternative<caught_up>(*item))
      break;
    if (auto* one = std::get_if<recorded_event>(&*item))
      out.push_back(std::move(one->event));
  }
  co_return out;
}

} // namespace

std::vector<event> workflow_world::all_events() { return run(read_all(store_)); }

std::string workflow_world::tear_down() {
  if (!context_)
    return {};
  stays_down_ = true;
  plan_ = nullptr;
  for (auto& one : processes_)
    one.host.reset();
  try {
    settle();
  } catch (...) { // of a handler; what is left goes with the context
  }
  processes_.clear();
  store_.reset();
  context_.reset();
  auto const left = std::count_if(cores_.begin(), cores_.end(), [](auto const& core) { return !core.expired(); });
  cores_.clear();
  return left == 0 ? std::string() : std::to_string(left) + " hosts were destroyed and are still in memory";
}

} // namespace aether::testing::detail
