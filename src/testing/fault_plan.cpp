// Checks of a fault plan.
#include <aether/testing/fault_plan.hpp>

#include "detail/utf8.hpp"

#include <aether/error.hpp>

#include <string>

namespace aether::testing {
namespace {

using std::chrono::nanoseconds;

[[noreturn]] void refuse(std::string const& what) { throw error(errc::invalid_argument, "fault_plan::" + what); }

void check_probability(double value, char const* name) {
  if (!(value >= 0 && value <= 1)) // so that NaN is refused
    refuse(std::string(name) + " is no probability: " + std::to_string(value));
}

void check_duration(nanoseconds value, char const* name) {
  if (value < nanoseconds::zero())
    refuse(std::string(name) + " is negative");
}

void check_range(nanoseconds least, nanoseconds most, char const* name) {
  check_duration(least, (std::string("min_") + name).c_str());
  check_duration(most, (std::string("max_") + name).c_str());
  if (most != nanoseconds::zero() && most < least)
    refuse(std::string("max_") + name + " is less than min_" + name);
}

void check_sum(double sum, char const* of) {
  constexpr double rounding = 1e-9;
  if (sum > 1 + rounding)
    refuse(std::string("the probabilities of ") + of + " are together more than 1: " + std::to_string(sum));
}

} // namespace

void fault_plan::validate() const {
  check_probability(lose_acknowledgement, "lose_acknowledgement");
  check_probability(lose_request, "lose_request");
  check_probability(store_late, "store_late");
  check_probability(fail_save, "fail_save");
  check_probability(conflict, "conflict");
  check_probability(fail_read, "fail_read");
  check_probability(outage, "outage");
  check_sum(lose_acknowledgement + lose_request + store_late + fail_save + conflict + outage, "saves");
  check_sum(fail_read + outage, "reads");
  check_range(min_delay, max_delay, "delay");
  check_range(min_lateness, max_lateness, "lateness");
  check_range(min_outage, max_outage, "outage");
  for (outage_window const& w : outages)
    if (w.from < nanoseconds::zero() || w.to <= w.from)
      refuse("outages has one that is negative or ends before it begins");
  check_duration(answer_wait, "answer_wait");
  check_duration(operation_timeout, "operation_timeout");
  if (rival_type.empty() && !rival_data.empty())
    refuse("rival_data needs rival_type");
  if (!rival_type.empty() && !aether::detail::valid_id(rival_type))
    refuse("rival_type is no event type");
}

} // namespace aether::testing
