// The circuit breaker around its machine: a lock, counters, and changes told in order and outside the lock.
#include <aether/circuit_breaker.hpp>

#include "circuit_machine.hpp"

#include <cmath>
#include <deque>
#include <mutex>

namespace aether {

namespace {

using std::chrono::nanoseconds;

template <class T> T or_default(T value, T otherwise) { return value == T{} ? otherwise : value; }

circuit_breaker_options settled(circuit_breaker_options options) {
  options.validate();
  if (!options.verdict)
    options.verdict = usual_circuit_verdict;
  if (!options.time)
    options.time = machine_time();
  return options;
}

detail::circuit_rules rules_of(circuit_breaker_options const& options) {
  detail::circuit_rules rules;
  rules.failure_threshold = or_default(options.failure_threshold, 5);
  rules.failure_rate = options.failure_rate;
  rules.window = or_default(options.window, 100);
  rules.open_for = or_default<nanoseconds>(options.open_for, std::chrono::seconds(30));
  rules.trials = or_default(options.trials, 1);
  rules.successes_to_close = or_default(options.successes_to_close, 1);
  return rules;
}

std::string describe(std::string const& name, nanoseconds time_left) {
  auto const which = name.empty() ? std::string("the circuit") : "the circuit " + name;
  if (time_left == nanoseconds::zero())
    return which + " is half-open, and its trials are under way";
  auto const milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time_left).count();
  return which + " is open for another " + std::to_string(milliseconds) + " ms";
}

} // namespace

circuit_verdict usual_circuit_verdict(boost::system::error_code const& code) noexcept {
  if (code.category() != error_category())
    return circuit_verdict::no_evidence;
  switch (static_cast<errc>(code.value())) {
  case errc::connection_lost:
  case errc::connect_failed:
  case errc::timed_out:
  case errc::outcome_unknown:
    return circuit_verdict::failure;
  case errc::version_conflict:
  case errc::duplicate_event_id:
  case errc::snapshot_not_found:
    return circuit_verdict::success;
  default:
    return circuit_verdict::no_evidence;
  }
}

circuit_open_error::circuit_open_error(std::string const& name, nanoseconds time_left)
    : error(errc::circuit_open, describe(name, time_left)), time_left_(time_left) {}

void circuit_breaker_options::validate() const {
  auto const refuse = [](char const* what) {
    throw error(errc::invalid_argument, std::string("circuit_breaker_options::") + what);
  };
  if (failure_threshold < 0)
    refuse("failure_threshold is negative");
  if (!(failure_rate >= 0 && failure_rate <= 1))
    refuse("failure_rate is not between 0 and 1");
  if (window < 0 || window > 1'000'000)
    refuse("window is negative or above 1,000,000");
  if (open_for < nanoseconds::zero())
    refuse("open_for is negative");
  if (trials < 0)
    refuse("trials is negative");
  if (successes_to_close < 0)
    refuse("successes_to_close is negative");
}

namespace detail {

class circuit {
public:
  explicit circuit(circuit_breaker_options options)
      : options_(settled(std::move(options))), machine_(rules_of(options_)) {}

  std::uint64_t begin() {
    std::unique_lock lock(mutex_);
    auto const before = machine_.state();
    auto const answer = machine_.begin(now());
    if (!answer.passes) {
      ++counts_.refused;
      lock.unlock();
      throw circuit_open_error(options_.name, answer.time_left);
    }
    tell_change(before, lock);
    return answer.round;
  }

  void end(std::uint64_t round, circuit_verdict verdict) {
    std::unique_lock lock(mutex_);
    auto const before = machine_.state();
    machine_.end(round, verdict, now());
    count(verdict);
    tell_change(before, lock);
  }

  circuit_verdict verdict_of(std::exception_ptr const& thrown) const {
    try {
      std::rethrow_exception(thrown);
    } catch (boost::system::system_error const& e) {
      return options_.verdict(e.code());
    } catch (...) {
      return circuit_verdict::no_evidence;
    }
  }

  circuit_metrics metrics() const {
    std::lock_guard lock(mutex_);
    auto told = counts_;
    auto const at = now();
    told.state = machine_.is_due(at) ? circuit_state::half_open : machine_.state();
    told.time_left = machine_.time_left(at);
    return told;
  }

private:
  nanoseconds now() const { return options_.time->elapsed(); } // under the lock, so that it never goes back

  void count(circuit_verdict verdict) {
    switch (verdict) {
    case circuit_verdict::success:
      ++counts_.successes;
      break;
    case circuit_verdict::failure:
      ++counts_.failures;
      break;
    case circuit_verdict::no_evidence:
      ++counts_.without_evidence;
      break;
    }
  }

  // One thread at a time tells, so that nobody hears of two changes in the wrong order; the others leave it theirs.
  void tell_change(circuit_state before, std::unique_lock<std::mutex>& lock) {
    auto const after = machine_.state();
    if (after == before)
      return;
    if (after == circuit_state::open)
      ++counts_.opened;
    if (!options_.on_change)
      return;
    to_tell_.push_back(after);
    if (std::exchange(telling_, true))
      return;
    while (!to_tell_.empty()) {
      auto const state = to_tell_.front();
      to_tell_.pop_front();
      lock.unlock();
      try {
        options_.on_change(state);
      } catch (...) { // documented: whoever is told decides nothing here
      }
      lock.lock();
    }
    telling_ = false;
  }

  circuit_breaker_options const options_;
  mutable std::mutex mutex_;
  circuit_machine machine_;
  circuit_metrics counts_;
  std::deque<circuit_state> to_tell_;
  bool telling_ = false;
};

circuit& opened(std::shared_ptr<circuit> const& handle) {
  if (!handle)
    throw error(errc::not_open, "this circuit breaker was moved from");
  return *handle;
}

circuit_permit::circuit_permit(std::shared_ptr<circuit> from)
    : circuit_(std::move(from)), round_(opened(circuit_).begin()) {}

circuit_permit::~circuit_permit() {
  if (circuit_)
    end(circuit_verdict::no_evidence);
}

void circuit_permit::end(circuit_verdict verdict) { std::exchange(circuit_, nullptr)->end(round_, verdict); }
void circuit_permit::end(std::exception_ptr const& thrown) { end(circuit_->verdict_of(thrown)); }

} // namespace detail

circuit_breaker::circuit_breaker(circuit_breaker_options options)
    : circuit_(std::make_shared<detail::circuit>(std::move(options))) {}

circuit_state circuit_breaker::state() const { return metrics().state; }
circuit_metrics circuit_breaker::metrics() const { return detail::opened(circuit_).metrics(); }

} // namespace aether
