// Drawing faults: a few numbers from a generator that starts anew for each call.
#include "testing/fault_draw.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace aether::testing::detail {
namespace {

using std::chrono::nanoseconds;

// SplitMix64 (Steele, Lea and Flood): good from its first number on, whatever the seed.
class generator {
public:
  generator(std::uint64_t seed, operation kind, std::uint64_t nth) : state_(seed) {
    state_ = next() ^ (static_cast<std::uint64_t>(kind) + 1);
    state_ = next() ^ nth;
  }

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// 0 to 1, without 1.
  double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// From `least` to `most`, with both.
  nanoseconds between(nanoseconds least, nanoseconds most) noexcept {
    auto const span = static_cast<double>((most - least).count()) + 1;
    return std::min(most, least + nanoseconds(static_cast<nanoseconds::rep>(fraction() * span)));
  }

private:
  std::uint64_t state_;
};

using chance = std::pair<fault, double>;

std::array<chance, 6> chances(fault_plan const& plan, operation kind) {
  if (kind == operation::read)
    return {chance(fault::outage, plan.outage), chance(fault::fail, plan.fail_read)};
  return {chance(fault::outage, plan.outage),
          chance(fault::fail, plan.fail_save),
          chance(fault::lose_acknowledgement, plan.lose_acknowledgement),
          chance(fault::lose_request, plan.lose_request),
          chance(fault::store_late, plan.store_late),
          chance(fault::conflict, kind == operation::save ? plan.conflict : 0)};
}

// FNV-1a: the same in every run, as the rival's id is.
std::uint64_t hash_of(std::string_view text, std::uint64_t from = 0xCBF29CE484222325u) noexcept {
  for (char const c : text)
    from = (from ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return from;
}

} // namespace

fault_plan settled(fault_plan plan) {
  auto const or_default = [](nanoseconds& most, nanoseconds least, nanoseconds otherwise) {
    if (most == nanoseconds::zero())
      most = std::max(least, otherwise);
  };
  or_default(plan.max_delay, plan.min_delay, nanoseconds::zero());
  or_default(plan.max_lateness, plan.min_lateness, std::chrono::seconds(10));
  or_default(plan.max_outage, plan.min_outage, std::chrono::seconds(20));
  or_default(plan.operation_timeout, nanoseconds::zero(), std::chrono::seconds(10));
  return plan;
}

bool can_happen(operation kind, fault what) noexcept {
  switch (kind) {
  case operation::save:
    return true;
  case operation::save_snapshot:
    return what != fault::conflict;
  case operation::read:
    return what == fault::none || what == fault::fail || what == fault::outage;
  }
  return false;
}

drawn_faults draw(fault_plan const& plan, operation kind, std::uint64_t nth) {
  generator random(plan.seed, kind, nth);
  drawn_faults out;
  double at = random.fraction();
  for (auto const& [what, probability] : chances(plan, kind)) {
    if (at >= 0 && at < probability)
      out.what = what;
    at -= probability;
  }
  out.outage_at = static_cast<stage>(random.next() % 3);
  out.there = random.between(plan.min_delay, plan.max_delay);
  out.back = random.between(plan.min_delay, plan.max_delay);
  out.lateness = random.between(plan.min_lateness, plan.max_lateness);
  out.outage = random.between(plan.min_outage, plan.max_outage);
  return out;
}

event make_rival(event const& beaten, fault_plan const& plan, std::uint64_t nth) {
  event rival;
  rival.id = "rival-" + std::to_string(nth) + "-" + std::to_string(hash_of(beaten.id, hash_of(beaten.actor_id)));
  rival.event_type = plan.rival_type.empty() ? beaten.event_type : plan.rival_type;
  rival.actor_id = beaten.actor_id;
  rival.version = beaten.version;
  rival.data = plan.rival_type.empty() ? beaten.data : plan.rival_data;
  rival.timestamp = beaten.timestamp;
  return rival;
}

} // namespace aether::testing::detail
