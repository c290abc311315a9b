// Readers and listings of an embedded store: pieces of pointers to what never changes, copied out one by one.
#include "memory_feeds.hpp"

#include "store_checks.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace aether::detail {
namespace {

awaitable<void> nothing_to_wait_for() { co_return; }

class memory_reader final : public event_feed {
public:
  memory_reader(std::shared_ptr<memory_log> log, std::string actor_id, read_options const& options)
      : log_(std::move(log)), actor_id_(std::move(actor_id)), options_(options) {}

  feed_step take(recorded_event& into, replay_error&) override {
    log_->check_open();
    if (!begun_)
      begin();
    if (next_ == count_ && !fill())
      return feed_step::caught_up;
    last_ = piece_[next_++];
    copy_out(*last_, log_->stream(), into);
    return feed_step::event;
  }
  awaitable<void> wait(std::chrono::steady_clock::time_point) override { return nothing_to_wait_for(); }
  std::string last_bytes() const override { return last_ ? to_json(last_->value) : std::string(); }
  position where() const override { return last_ ? place_of(*last_, *log_->stream()) : position(); }
  std::uint64_t behind() const override { return count_ - next_; }

private:
  // What is saved from now on is not read: a reader ends, however fast others write.
  void begin() {
    check_actor(actor_id_, {});
    options_.validate();
    auto const* latest = log_->latest(actor_id_);
    range_.above = options_.after_version;
    range_.up_to = latest == nullptr ? 0 : latest->value.version;
    if (options_.up_to_version != 0)
      range_.up_to = std::min(range_.up_to, options_.up_to_version);
    begun_ = true;
  }

  bool fill() {
    bool const backwards = options_.direction == read_direction::backwards;
    next_ = 0;
    count_ = log_->read_piece(actor_id_, range_, backwards, piece_.data(), piece_.size());
    if (count_ == 0)
      return false;
    std::int64_t const reached = piece_[count_ - 1]->value.version;
    if (backwards)
      range_.up_to = reached - 1;
    else
      range_.above = reached;
    return true;
  }

  std::shared_ptr<memory_log> const log_;
  std::string const actor_id_;
  read_options const options_;
  bool begun_ = false;
  version_range range_;
  std::array<stored_event const*, 64> piece_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  stored_event const* last_ = nullptr;
};

/// By each actor's first event, in the order of these.
class memory_listing final : public actor_pages, public std::enable_shared_from_this<memory_listing> {
public:
  memory_listing(std::shared_ptr<memory_log> log, list_options options)
      : log_(std::move(log)), options_(std::move(options)) {}

  awaitable<std::vector<listed_actor>> next_page(call_options options) override {
    return read_page(shared_from_this(), options);
  }

private:
  static awaitable<std::vector<listed_actor>> read_page(std::shared_ptr<memory_listing> self, call_options options) {
    self->log_->check_open();
    check_timeout(options.timeout);
    co_return self->page();
  }

  std::vector<listed_actor> page() {
    if (!events_) {
      if (!options_.type.empty())
        check_id(options_.type, "list_options::type");
      auto& index = log_->index();
      events_ = options_.type.empty() ? &index.firsts() : &index.of_type(options_.type).firsts;
    }
    std::array<stored_event const*, 256> firsts{};
    std::size_t const count = log_->index().read_from(*events_, listed_, firsts.data(), firsts.size());
    std::vector<listed_actor> actors;
    actors.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      auto const& actor_id = firsts[i]->value.actor_id;
      actors.emplace_back(actor_id, log_->count_above(actor_id, 0));
    }
    listed_ += count;
    return actors;
  }

  std::shared_ptr<memory_log> const log_;
  list_options const options_;
  event_list const* events_ = nullptr;
  std::size_t listed_ = 0;
};

} // namespace

std::shared_ptr<event_feed> make_memory_reader(std::shared_ptr<memory_log> log, std::string actor_id,
                                               read_options const& options) {
  return std::make_shared<memory_reader>(std::move(log), std::move(actor_id), options);
}

std::shared_ptr<actor_pages> make_memory_listing(std::shared_ptr<memory_log> log, list_options options) {
  return std::make_shared<memory_listing>(std::move(log), std::move(options));
}

} // namespace aether::detail
