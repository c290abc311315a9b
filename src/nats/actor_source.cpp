// One actor's messages: which way to read them.
#include "nats/actor_source.hpp"

#include "nats/batch_source.hpp"
#include "nats/consumer_source.hpp"
#include "nats/kept_questions.hpp"
#include "nats/leader_reads.hpp"
#include "nats/same_stream_source.hpp"

#include <optional>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

/// Message by message: for whoever may do nothing else.
class leader_source final : public message_source, public std::enable_shared_from_this<leader_source> {
public:
  leader_source(std::shared_ptr<stream_access const> stream, std::string subject, std::uint64_t from,
                std::uint64_t target)
      : stream_(std::move(stream)), subject_(std::move(subject)), next_(from), target_(target) {}

  source_step take(fetched_message& into) override {
    if (waiting_) {
      last_ = std::exchange(waiting_, std::nullopt);
      into = {last_->subject, last_->data, last_->sequence, last_->time};
      next_ = last_->sequence + 1;
      return source_step::message;
    }
    if (next_ > target_ && !std::exchange(said_caught_up_, true))
      return source_step::caught_up;
    return source_step::nothing;
  }
  awaitable<void> wait(steady_time deadline) override { return read(shared_from_this(), deadline); }
  std::uint64_t behind() const override { return 0; }

private:
  static awaitable<void> read(std::shared_ptr<leader_source> self, steady_time deadline) {
    auto query = next_message_query(self->subject_, self->next_);
    self->waiting_ = co_await read_leader(self->stream_, std::move(query), deadline);
    forget_questions(*self->stream_);
    if (!self->waiting_)
      self->next_ = std::max(self->next_, self->target_ + 1); // what was there expired
  }

  std::shared_ptr<stream_access const> const stream_;
  std::string const subject_;
  std::uint64_t next_;
  std::uint64_t const target_;
  std::optional<stored_message> waiting_;
  std::optional<stored_message> last_;
  bool said_caught_up_ = false;
};

class actor_source final : public message_source, public std::enable_shared_from_this<actor_source> {
public:
  actor_source(std::shared_ptr<stream_access const> stream, actor_range range)
      : stream_(std::move(stream)), range_(std::move(range)) {}

  source_step take(fetched_message& into) override {
    if (!way_)
      return source_step::nothing;
    auto const step = take_from_way(into);
    if (step == source_step::message)
      range_.from = into.sequence + 1;
    return step;
  }
  awaitable<void> wait(steady_time deadline) override { return run(shared_from_this(), deadline); }
  std::uint64_t behind() const override { return way_ ? way_->behind() : 0; }

private:
  source_step take_from_way(fetched_message& into) {
    if (!by_consumer_)
      return way_->take(into);
    try {
      return way_->take(into);
    } catch (error const& e) {
      if (e.code() != errc::permission_denied && e.code() != errc::server_error)
        throw;
    }
    by_consumer_ = consumers_ = false;
    way_.reset();
    return source_step::nothing;
  }

  static awaitable<void> run(std::shared_ptr<actor_source> self, steady_time deadline) {
    if (!self->way_) {
      co_await begin(self, deadline);
      co_return;
    }
    auto closed = false;
    try {
      co_await self->way_->wait(deadline);
    } catch (way_is_closed const&) {
      closed = true;
    }
    if (!closed)
      co_return;
    self->batches_ = false;
    self->way_.reset();
  }

  static awaitable<void> begin(std::shared_ptr<actor_source> self, steady_time deadline) {
    auto const& stream = *self->stream_;
    auto const by_batches = self->batches_ && stream.direct_get && stream.batch_direct_get;
    // One copy knows everything; where there are more, and where one asks for each, the leader says how far to read.
    if ((stream.may_have_copies || (!by_batches && !self->consumers_)) && !self->target_)
      self->target_ = co_await find_last_sequence(self->stream_, self->range_.subject, deadline);
    forget_questions(stream);
    if (by_batches) {
      self->way_ =
          of_same_stream(self->stream_, std::make_shared<batch_source>(self->stream_, self->range_, self->target_));
      co_return;
    }
    if (!self->consumers_) {
      auto const& range = self->range_;
      self->way_ = of_same_stream(
          self->stream_, std::make_shared<leader_source>(self->stream_, range.subject, range.from, *self->target_));
      co_return;
    }
    stream_start start;
    start.stream = std::make_shared<stream_identity>(stream.stream(), stream.created);
    start.next = self->range_.from;
    auto const target = self->target_.value_or(0);
    start.target = target >= start.next ? target : 0;
    source_options options;
    options.filters.push_back(self->range_.subject);
    options.on_expired = expired_start::first; // a history whose beginning expired is shorter, and nothing is lost
    options.window_messages = self->range_.window_messages;
    options.window_bytes = self->range_.window_bytes;
    options.to_what_is_there = !self->target_;
    self->way_ = std::make_shared<consumer_source>(self->stream_, std::move(start), std::move(options));
    self->by_consumer_ = true;
  }

  std::shared_ptr<stream_access const> const stream_;
  actor_range range_; // from: everything below has been taken
  std::optional<std::uint64_t> target_;
  std::shared_ptr<message_source> way_;
  bool batches_ = true;
  bool consumers_ = true;
  bool by_consumer_ = false;
};

} // namespace

std::shared_ptr<message_source> make_actor_source(std::shared_ptr<stream_access const> stream, actor_range range) {
  return std::make_shared<actor_source>(std::move(stream), std::move(range));
}

} // namespace aether::nats::detail
