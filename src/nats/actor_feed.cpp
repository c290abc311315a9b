// A reader's feed of one actor.
#include "nats/actor_feed.hpp"

#include "nats/actor_source.hpp"
#include "nats/backward_source.hpp"
#include "nats/kept_questions.hpp"
#include "nats/leader_reads.hpp"
#include "nats/same_stream_source.hpp"
#include "nats/stored_feed.hpp"
#include "nats/windows.hpp"
#include "store_checks.hpp"

#include <limits>
#include <mutex>
#include <optional>
#include <utility>

namespace aether::nats::detail {
namespace {

/// Nothing is there.
class empty_source final : public message_source {
public:
  source_step take(fetched_message&) override {
    return std::exchange(said_, true) ? source_step::nothing : source_step::caught_up;
  }
  awaitable<void> wait(steady_time) override { return nothing(); }
  std::uint64_t behind() const override { return 0; }

private:
  static awaitable<void> nothing() { co_return; }

  bool said_ = false;
};

using source_ptr = std::shared_ptr<message_source>;

/// The sequence of the snapshot's event, when what the snapshot's message told is so; 0: it is not, or there is none.
awaitable<std::uint64_t> told_sequence(std::shared_ptr<store_core> store, std::shared_ptr<stream_access const> stream,
                                       std::string actor_id, std::int64_t version, steady_time deadline) {
  auto const hint = store->hints().find(actor_id, version);
  if (hint.sequence == 0 || hint.version != version)
    co_return 0;
  auto const message = co_await read_leader(stream, message_at_query(hint.sequence), deadline);
  if (!message || message->subject != stream->subjects.events_subject(actor_id))
    co_return 0;
  auto const read = read_stored_event(*stream, actor_id, message->sequence, message->data);
  co_return read.value&& read.value->version == version ? hint.sequence : 0;
}

/// Behind the event of `after_version`; none: nothing is there.
awaitable<std::optional<std::uint64_t>> start_behind(std::shared_ptr<store_core> store,
                                                     std::shared_ptr<stream_access const> stream, std::string actor_id,
                                                     std::int64_t after_version, steady_time deadline) {
  std::optional<std::uint64_t> start(1);
  if (after_version == 0)
    co_return start;
  auto const told = co_await told_sequence(store, stream, actor_id, after_version, deadline);
  if (told != 0)
    *start = told + 1;
  else
    start = co_await find_start_after(stream, std::move(actor_id), after_version, true, deadline);
  co_return start;
}

awaitable<source_ptr> forwards(std::shared_ptr<store_core> store, std::shared_ptr<stream_access const> stream,
                               std::string actor_id, read_options options, steady_time deadline) {
  auto const subject = stream->subjects.events_subject(actor_id);
  auto const start =
      co_await start_behind(std::move(store), stream, std::move(actor_id), options.after_version, deadline);
  source_ptr source;
  if (!start) {
    source = std::make_shared<empty_source>();
    co_return source;
  }
  actor_range range;
  range.subject = subject;
  range.from = *start;
  range.window_messages = window_messages(options.window_events);
  range.window_bytes = window_bytes(stream->config, options.window_bytes);
  source = make_actor_source(stream, std::move(range));
  co_return source;
}

awaitable<source_ptr> backwards(std::shared_ptr<stream_access const> stream, std::string actor_id, read_options options,
                                steady_time deadline) {
  auto const subject = stream->subjects.events_subject(actor_id);
  std::optional<std::uint64_t> below;
  if (options.up_to_version != 0 && options.up_to_version != std::numeric_limits<std::int64_t>::max()) {
    auto const above = co_await find_from_version(stream, std::move(actor_id), options.up_to_version + 1, deadline);
    if (above)
      below = above->sequence;
  }
  source_ptr source = of_same_stream(stream, std::make_shared<backward_source>(stream, subject, below));
  co_return source;
}

class actor_feed final : public event_feed, public std::enable_shared_from_this<actor_feed> {
public:
  actor_feed(std::shared_ptr<store_core> store, std::string actor_id, read_options options)
      : store_(std::move(store)), actor_id_(std::move(actor_id)), options_(options) {}

  feed_step take(recorded_event& into, replay_error& malformed) override {
    return feed_ ? feed_->take(into, malformed) : feed_step::nothing;
  }
  awaitable<void> wait(steady_time deadline) override {
    return feed_ ? feed_->wait(deadline) : begin(shared_from_this(), deadline);
  }
  std::string last_bytes() const override { return feed_ ? feed_->last_bytes() : std::string(); }
  position where() const override { return feed_ ? feed_->where() : position(); }
  std::uint64_t behind() const override { return feed_ ? feed_->behind() : 0; }
  void stop() noexcept override {
    std::shared_ptr<event_feed> feed;
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      feed = feed_;
    }
    if (feed)
      feed->stop();
  }

private:
  static awaitable<void> begin(std::shared_ptr<actor_feed> self, steady_time deadline) {
    auto const store = self->store_;
    store->check_open();
    aether::detail::check_id(self->actor_id_, "actor_id");
    self->options_.validate();
    if (!self->stream_)
      self->stream_ = with_questions(*store->stream());
    auto const stream = self->stream_;
    source_ptr source;
    if (self->options_.direction == read_direction::forwards)
      source = co_await forwards(store, stream, self->actor_id_, self->options_, deadline);
    else
      source = co_await backwards(stream, self->actor_id_, self->options_, deadline);
    forget_questions(*stream);
    auto identity = std::make_shared<stream_identity>(stream->stream(), stream->created);
    auto feed =
        std::make_shared<stored_feed>(store, std::move(identity), std::move(source), self->actor_id_, 0, std::string());
    std::lock_guard lock(self->mutex_);
    if (self->stopped_)
      feed->stop();
    self->feed_ = std::move(feed);
  }

  std::shared_ptr<store_core> const store_;
  std::string const actor_id_;
  read_options const options_;
  std::shared_ptr<stream_access const> stream_; // set when it begins
  std::mutex mutex_; // feed_ is set once, and stop() comes from any thread
  bool stopped_ = false;
  std::shared_ptr<event_feed> feed_;
};

} // namespace

std::shared_ptr<event_feed> make_actor_feed(std::shared_ptr<store_core> store, std::string actor_id,
                                            read_options options) {
  return store ? std::make_shared<actor_feed>(std::move(store), std::move(actor_id), options) : nullptr;
}

} // namespace aether::nats::detail
