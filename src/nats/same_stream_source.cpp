// At the end of a long read: is it still the stream that it began with?
#include "nats/same_stream_source.hpp"

#include "nats/kept_questions.hpp"
#include "nats/stream_state.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

class same_stream_source final : public message_source, public std::enable_shared_from_this<same_stream_source> {
public:
  same_stream_source(std::shared_ptr<stream_access const> stream, std::shared_ptr<message_source> source)
      : stream_(std::move(stream)), source_(std::move(source)) {}

  source_step take(fetched_message& into) override {
    if (!at_end_) {
      auto const step = source_->take(into);
      if (step == source_step::message) {
        oldest_ = std::min(oldest_, into.stored);
        last_ = into.sequence;
      }
      if (step != source_step::caught_up)
        return step;
      at_end_ = true;
    }
    if (several_answers_ && !checked_)
      return source_step::nothing;
    return std::exchange(said_end_, true) ? source_step::nothing : source_step::caught_up;
  }
  awaitable<void> wait(std::chrono::steady_clock::time_point deadline) override {
    if (at_end_ && several_answers_ && !checked_)
      return check(shared_from_this(), deadline);
    several_answers_ = several_answers_ || last_ != 0;
    return source_->wait(deadline);
  }
  std::uint64_t behind() const override { return source_->behind(); }
  void stop() noexcept override { source_->stop(); }

private:
  static awaitable<void> check(std::shared_ptr<same_stream_source> self, steady_time deadline) {
    co_await verify_same_stream(self->stream_, self->oldest_, self->last_ + 1, deadline);
    self->checked_ = true;
    forget_questions(*self->stream_);
  }

  std::shared_ptr<stream_access const> const stream_;
  std::shared_ptr<message_source> const source_;
  time_point oldest_ = time_point::max();
  std::uint64_t last_ = 0;
  bool several_answers_ = false;
  bool at_end_ = false;
  bool checked_ = false;
  bool said_end_ = false;
};

} // namespace

awaitable<void> verify_same_stream(std::shared_ptr<stream_access const> stream, time_point stored, std::uint64_t next,
                                   steady_time deadline) {
  std::optional<stream_state> state;
  try {
    state = co_await read_stream_state(stream, deadline);
  } catch (error const& e) {
    if (e.code() != errc::permission_denied)
      throw;
  }
  // A mirror holds messages that are older than itself.
  if (state && state->created != stream->created && state->created > stored)
    throw_broken(continuity::another_stream, *stream, *state, next);
}

std::shared_ptr<message_source> of_same_stream(std::shared_ptr<stream_access const> stream,
                                               std::shared_ptr<message_source> source) {
  return std::make_shared<same_stream_source>(std::move(stream), std::move(source));
}

} // namespace aether::nats::detail
