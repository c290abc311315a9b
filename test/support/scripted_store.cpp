// Implementation of the scripted store: a list under a lock, and feeds that wait for it to grow.
#include <support/scripted_store.hpp>

#include "detail/wait.hpp"

#include <aether/event_feed.hpp>

#include <boost/asio/error.hpp>

#include <deque>
#include <mutex>
#include <utility>
#include <variant>

namespace aether::test {

using detail::wait_end;
using waiter = std::shared_ptr<detail::wait_state<bool>>;

struct scripted_store::log {
  using entry = std::variant<event, std::string, std::exception_ptr>;

  std::mutex mutex;
  std::deque<entry> entries;
  std::shared_ptr<stream_identity const> stream = std::make_shared<stream_identity const>("scripted", time_point());
  std::vector<waiter> waiting;
  int subscriptions = 0;

  void add(entry e) {
    std::vector<waiter> told;
    {
      std::lock_guard lock(mutex);
      entries.push_back(std::move(e));
      told.swap(waiting);
    }
    for (auto& w : told)
      w->complete(true);
  }

  std::string id_at(std::uint64_t sequence) const {
    if (sequence == 0 || sequence > entries.size())
      return {};
    auto const* e = std::get_if<event>(&entries[sequence - 1]);
    return e ? e->id : std::string();
  }
  position at(std::uint64_t sequence) const {
    std::vector<stream_place> places;
    places.emplace_back(stream->name, stream->created, sequence, id_at(sequence));
    return position(std::move(places));
  }
};

namespace {

class scripted_feed final : public event_feed {
public:
  scripted_feed(std::shared_ptr<scripted_store::log> log, std::uint64_t taken)
      : log_(std::move(log)), taken_(taken), end_(log_->entries.size()) {}

  feed_step take(recorded_event& into, replay_error& malformed) override {
    std::lock_guard lock(log_->mutex);
    if (taken_ >= end_ && !std::exchange(told_, true))
      return feed_step::caught_up;
    if (taken_ == log_->entries.size())
      return feed_step::nothing;
    auto const& next = log_->entries[taken_];
    if (auto const* failure = std::get_if<std::exception_ptr>(&next))
      std::rethrow_exception(*failure);
    ++taken_;
    if (auto const* reason = std::get_if<std::string>(&next)) {
      malformed = replay_error();
      malformed.sequence = taken_;
      malformed.raw_data = "no event";
      malformed.error = errc::malformed_event;
      malformed.reason = *reason;
      return feed_step::malformed;
    }
    into.event = std::get<event>(next);
    into.sequence = taken_;
    into.stream = log_->stream;
    return feed_step::event;
  }

  awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override {
    auto const waited = co_await detail::wait_until<bool>(deadline, [this](waiter w) {
      {
        std::lock_guard lock(log_->mutex);
        if (taken_ == log_->entries.size() && (told_ || taken_ < end_)) {
          log_->waiting.push_back(std::move(w));
          return;
        }
      }
      w->complete(true);
    });
    if (waited.end == wait_end::cancelled)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

  std::string last_bytes() const override { return "no event"; }
  position where() const override {
    std::lock_guard lock(log_->mutex);
    return log_->at(taken_);
  }
  std::uint64_t behind() const override {
    std::lock_guard lock(log_->mutex);
    return log_->entries.size() - taken_;
  }

private:
  std::shared_ptr<scripted_store::log> log_;
  std::uint64_t taken_;
  std::uint64_t const end_;
  bool told_ = false;
};

[[noreturn]] void refuse() { throw error(errc::not_implemented, "the scripted store only knows subscribe()"); }

awaitable<event_subscription> follow(std::shared_ptr<scripted_store::log> log, subscribe_options options) {
  std::lock_guard lock(log->mutex);
  ++log->subscriptions;
  std::uint64_t from = 0;
  switch (options.start.what()) {
  case start_from::kind::beginning:
    break;
  case start_from::kind::now:
    from = log->entries.size();
    break;
  case start_from::kind::position:
    from = options.start.where().places().front().sequence;
    if (from > log->entries.size() || log->at(from) != options.start.where())
      throw error(errc::position_invalid, "the scripted stream is another one, or shorter");
    break;
  default:
    refuse();
  }
  co_return event_subscription(std::make_shared<scripted_feed>(log, from), options);
}

} // namespace

scripted_store::scripted_store() : log_(std::make_shared<log>()) {}

void scripted_store::add(event e) { log_->add(std::move(e)); }
void scripted_store::add_malformed(std::string reason) { log_->add(std::move(reason)); }
void scripted_store::fail_here(std::exception_ptr with) { log_->add(std::move(with)); }

void scripted_store::make_anew() {
  std::lock_guard lock(log_->mutex);
  log_->entries.clear();
  log_->stream = std::make_shared<stream_identity const>("scripted", log_->stream->created + std::chrono::seconds(1));
}

std::uint64_t scripted_store::last_sequence() const {
  std::lock_guard lock(log_->mutex);
  return log_->entries.size();
}

int scripted_store::subscriptions() const {
  std::lock_guard lock(log_->mutex);
  return log_->subscriptions;
}

awaitable<event_subscription> scripted_store::do_subscribe(subscribe_options options) {
  return follow(log_, std::move(options));
}

awaitable<save_outcome> scripted_store::do_save_event(event, save_options) { refuse(); }
awaitable<save_outcome> scripted_store::do_save_events(std::vector<event>, save_options) { refuse(); }
awaitable<replay_result> scripted_store::do_get_events(std::string, std::int64_t, bool, call_options) { refuse(); }
event_reader scripted_store::do_read_events(std::string, read_options) { refuse(); }
actor_list scripted_store::do_list_actors(list_options) { refuse(); }
awaitable<event_group> scripted_store::do_join_group(group_options) { refuse(); }
awaitable<bool> scripted_store::do_delete_group(std::string, call_options) { refuse(); }
dead_letter_list scripted_store::do_dead_letters(std::string) { refuse(); }
awaitable<bool> scripted_store::do_remove_dead_letter(dead_letter, bool, call_options) { refuse(); }
awaitable<std::int64_t> scripted_store::do_latest_version(std::string, call_options) { refuse(); }
awaitable<std::optional<event>> scripted_store::do_find_event(std::string, std::int64_t, call_options) { refuse(); }
awaitable<std::optional<event>> scripted_store::do_find_latest_event(std::string, call_options) { refuse(); }
awaitable<void> scripted_store::do_save_snapshot(actor_snapshot, call_options) { refuse(); }
awaitable<std::optional<actor_snapshot>> scripted_store::do_find_snapshot(std::string, call_options) { refuse(); }
awaitable<close_report> scripted_store::do_close(call_options) { refuse(); }

} // namespace aether::test
