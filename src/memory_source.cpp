// Sources: the index's lists, or one actor's events.
#include "memory_source.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

class list_source final : public memory_source {
public:
  list_source(std::shared_ptr<memory_log> log, std::vector<std::string> types)
      : log_(std::move(log)), types_(std::move(types)) {
    std::sort(types_.begin(), types_.end());
    types_.erase(std::unique(types_.begin(), types_.end()), types_.end());
    for (std::string const& type : types_)
      places_.push_back(list_place{&log_->index().of_type(type).all, 0});
    if (types_.empty())
      places_.push_back(list_place{&log_->index().all(), 0});
  }

  void go_behind(std::uint64_t sequence) override { log_->index().go_behind(sequence, places_); }
  std::size_t read(stored_event const** into, std::size_t most) override {
    return log_->index().read(places_, into, most);
  }
  std::uint64_t left() const override { return log_->index().left(places_); }
  bool add_latest(std::size_t part, std::uint64_t sequence, std::vector<stored_event const*>& events) override {
    auto const more = log_->latest_of_shard(part, types_, sequence);
    events.insert(events.end(), more.begin(), more.end());
    return part + 1 < memory_log::shard_count;
  }

private:
  std::shared_ptr<memory_log> log_;
  std::vector<std::string> types_;
  std::vector<list_place> places_;
};

class actor_source final : public memory_source {
public:
  actor_source(std::shared_ptr<memory_log> log, std::string actor_id)
      : log_(std::move(log)), actor_id_(std::move(actor_id)) {}

  void go_behind(std::uint64_t sequence) override {
    if (auto const* last = log_->latest_at(actor_id_, sequence))
      range_.above = std::max(range_.above, last->value.version);
  }
  std::size_t read(stored_event const** into, std::size_t most) override {
    std::size_t const count = log_->read_piece(actor_id_, range_, false, into, most);
    if (count > 0)
      range_.above = into[count - 1]->value.version;
    return count;
  }
  std::uint64_t left() const override { return log_->count_above(actor_id_, range_.above); }
  bool add_latest(std::size_t, std::uint64_t sequence, std::vector<stored_event const*>& events) override {
    if (auto const* last = log_->latest_at(actor_id_, sequence))
      events.push_back(last);
    return false;
  }

private:
  std::shared_ptr<memory_log> log_;
  std::string actor_id_;
  version_range range_;
};

} // namespace

std::unique_ptr<memory_source> make_memory_source(std::shared_ptr<memory_log> log, event_filter const& filter) {
  if (!filter.actor_id.empty())
    return std::make_unique<actor_source>(std::move(log), filter.actor_id);
  return std::make_unique<list_source>(std::move(log), filter.actor_types);
}

} // namespace aether::detail
