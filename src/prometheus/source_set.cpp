// How a kind's sources are kept, asked and added up.
#include "prometheus/source_set.hpp"

#include "detail/utf8.hpp"
#include "prometheus/families.hpp"

#include <aether/error.hpp>
#include <aether/prometheus/collector.hpp>

#include <algorithm>
#include <utility>

namespace aether::prometheus::detail {

std::size_t label_names::place_of(std::string const& name) {
  if (name == values_[other])
    return other;
  if (auto const found = places_.find(name); found != places_.end())
    return found->second;
  if (places_.size() == collector::max_names)
    return other;
  auto const place = values_.size();
  values_.push_back(name);
  places_.emplace(name, place);
  return place;
}

static void check_name(char const* label, std::string const& name) {
  // Control characters are valid in a label, but not every serializer writes a line break as it must.
  auto const is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!aether::detail::valid_id(name) || std::any_of(name.begin(), name.end(), is_control))
    throw error(errc::invalid_argument, std::string("the name of a ") + label + ", " + aether::detail::quoted(name) +
                                            ": use 1 to 255 bytes of UTF-8 without control characters");
}

source_set::source_set(char const* label, std::vector<metric> table)
    : label_(label), table_(std::make_shared<std::vector<metric> const>(std::move(table))) {}

source_set::~source_set() {
  for (auto const& s : sources_)
    s->end();
}

std::shared_ptr<source> source_set::add(std::string const& name, source::function ask) {
  check_name(label_, name);
  std::lock_guard lock(mutex_);
  auto const place = names_.place_of(name);
  while (ended_.size() <= place)
    ended_.push_back(nothing(*table_));
  sources_.push_back(std::make_shared<source>(place, table_, std::move(ask)));
  return sources_.back();
}

void source_set::remove(source const& ended) noexcept {
  std::shared_ptr<source> dead; // destroyed without the lock
  std::lock_guard lock(mutex_);
  auto const found =
      std::find_if(sources_.begin(), sources_.end(), [&ended](auto const& s) { return s.get() == &ended; });
  if (found == sources_.end())
    return;
  ended.add_to(ended_[ended.place()]);
  dead = std::move(*found);
  sources_.erase(found);
}

void source_set::collect(std::vector<::prometheus::MetricFamily>& to) {
  std::unique_lock lock(mutex_);
  auto const sources = sources_;
  auto labels = names_.values();
  auto values = ended_;
  lock.unlock();

  std::vector<bool> here(values.size());
  std::uint64_t failures = 0;
  for (auto const& s : sources) {
    auto const said = s->read();
    add_reading(*table_, values[said.place], said, here[said.place]);
    here[said.place] = here[said.place] || said.here;
    failures += said.failed;
  }

  labeled_samples found{label_, {}};
  for (std::size_t place = 1; place < values.size(); ++place)
    if (here[place])
      found.rows.emplace_back(std::move(labels[place]), std::move(values[place]));
  if (!here.empty() && here[label_names::other])
    found.rows.emplace_back(std::move(labels[label_names::other]), std::move(values[label_names::other]));
  add_families(to, *table_, found);

  lock.lock();
  failures_ += failures;
}

std::uint64_t source_set::failures() const noexcept {
  std::lock_guard lock(mutex_);
  return failures_;
}

} // namespace aether::prometheus::detail
