// Readers: a store's feed of one actor, held to what was asked for.
#include <aether/event_reader.hpp>

#include <aether/error.hpp>
#include <aether/event_feed.hpp>

#include "detail/call_deadline.hpp"
#include "detail/give_way.hpp"
#include "read_rules.hpp"
#include "store_checks.hpp"
#include "store_watch.hpp"

#include <utility>

namespace aether {

struct event_reader::state {
  std::shared_ptr<event_feed> feed; // none: at the end
  read_options const options;
  detail::read_rules rules;
  std::chrono::nanoseconds const timeout;
  std::uint64_t skipped = 0;
  unsigned at_a_stretch = 0;
  std::uint64_t handed_out = 0;
  std::uint64_t malformed = 0;
  std::optional<detail::watched_call> call; // until it is told how it ended

  state(std::shared_ptr<event_feed> f, read_options const& o, std::chrono::nanoseconds t)
      : feed(std::move(f)), options(o), rules(o), timeout(t) {}
  state(state const&) = delete;
  state& operator=(state const&) = delete;
  ~state() { tell_end(); }

  void tell_end() noexcept {
    if (call)
      call->ended_after(handed_out, malformed);
    call.reset();
  }
};

namespace {

enum class reading { nothing, event, passed, error, end };

replay_error out_of_order(recorded_event const& e, std::string bytes, std::int64_t last) {
  replay_error bad;
  bad.sequence = e.sequence;
  bad.raw_data = std::move(bytes);
  bad.error = errc::version_order;
  bad.reason = R"(field "version": )" + std::to_string(e.event.version) + " stands where version " +
               std::to_string(last) + " has been";
  return bad;
}

/// What comes next; `end` is also that of the feed. Nothing suspends between taking and returning, so that nothing that
/// was taken is lost.
template <class State> reading take_next(State& self, recorded_event& into, replay_error& bad) {
  switch (self.feed->take(into, bad)) {
  case feed_step::nothing:
    return reading::nothing;
  case feed_step::malformed:
    return reading::error;
  case feed_step::passed:
    return reading::passed;
  case feed_step::caught_up:
    self.feed.reset();
    return reading::end;
  case feed_step::event:
    break;
  }
  auto const before = self.rules.last();
  auto const verdict = self.rules.on_event(into.event.version);
  if (verdict == detail::read_verdict::out_of_order) {
    bad = out_of_order(into, self.feed->last_bytes(), before);
    return reading::error;
  }
  if (verdict == detail::read_verdict::end || !self.rules.wants_more())
    self.feed.reset();
  return verdict == detail::read_verdict::deliver ? reading::event : reading::passed;
}

/// What of a reader's state the loop needs, as the type is private.
template <class State>
awaitable<reading> read_next(std::shared_ptr<State> self, recorded_event& into, replay_error& bad, bool skip_errors,
                             call_options options) {
  if (!self)
    throw error(errc::not_open, "next() on a reader that was default-made, moved from, or of a store that is not open");
  detail::check_timeout(options.timeout);
  self->options.validate();
  std::optional<detail::steady_time> deadline; // asking for the time costs as much as a small event
  while (self->feed) {
    if (++self->at_a_stretch >= detail::items_at_a_stretch) {
      co_await detail::give_way();
      self->at_a_stretch = 0;
    }
    auto const got = take_next(*self, into, bad);
    self->malformed += got == reading::error ? 1 : 0;
    if (got == reading::error && skip_errors)
      ++self->skipped;
    else if (got == reading::event || got == reading::error) {
      self->handed_out += got == reading::event ? 1 : 0;
      co_return got;
    }
    if (got != reading::nothing)
      continue;
    auto const feed = self->feed;
    auto const now = feed->now();
    if (!deadline)
      deadline = detail::deadline_after(options.timeout, self->timeout, now);
    if (now >= *deadline)
      throw error(errc::timed_out, "next(): nothing came within the call's timeout; call it again to go on");
    self->at_a_stretch = 0;
    co_await feed->wait(*deadline);
  }
  self->tell_end();
  co_return reading::end;
}

} // namespace

void read_options::validate() const {
  if (after_version < 0 || up_to_version < 0)
    throw error(errc::invalid_version, "read_options: after_version is " + std::to_string(after_version) +
                                           " and up_to_version " + std::to_string(up_to_version) +
                                           ", where 0 or greater is expected");
  if (direction != read_direction::forwards && direction != read_direction::backwards)
    throw error(errc::invalid_argument, "read_options::direction is none of the enumeration");
}

event_reader::event_reader(std::shared_ptr<event_feed> feed, read_options options, std::chrono::nanoseconds timeout) {
  if (feed)
    state_ = std::make_shared<state>(std::move(feed), options, timeout);
}

event_reader::~event_reader() = default;

void event_reader::watched_by(detail::watched_call call) {
  if (state_ && call)
    state_->call.emplace(std::move(call));
}

std::uint64_t event_reader::skipped() const noexcept { return state_ ? state_->skipped : 0; }

awaitable<std::optional<recorded_event>> event_reader::next(call_options options) {
  return next_event(state_, options);
}

awaitable<std::optional<read_item>> event_reader::next_with_errors(call_options options) {
  return next_item(state_, options);
}

awaitable<std::optional<recorded_event>> event_reader::next_event(std::shared_ptr<state> self, call_options options) {
  std::optional<recorded_event> out(std::in_place);
  replay_error bad;
  auto const got = co_await read_next(std::move(self), *out, bad, true, options);
  if (got == reading::end)
    out.reset();
  co_return out;
}

awaitable<std::optional<read_item>> event_reader::next_item(std::shared_ptr<state> self, call_options options) {
  recorded_event into;
  replay_error bad;
  std::optional<read_item> out;
  auto const got = co_await read_next(std::move(self), into, bad, false, options);
  if (got == reading::event)
    out.emplace(std::move(into));
  else if (got == reading::error)
    out.emplace(std::move(bad));
  co_return out;
}

} // namespace aether
