// The checkpoints' stream: one message a projection, written behind the one that it replaces.
#include <aether/nats/checkpoint_store.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "nats/checkpoint_message.hpp"
#include "nats/checkpoint_stream.hpp"
#include "nats/config_defaults.hpp"
#include "nats/leader_reads.hpp"
#include "nats/publish_ack.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"
#include "nats/store_core.hpp"
#include "store_checks.hpp"

#include <aether/event.hpp>
#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats {

namespace {

using aether::detail::deadline_after;
using aether::detail::quoted;
using aether::detail::steady_time;
using clock = std::chrono::steady_clock;
using detail::checkpoint_message;
using access_ptr = std::shared_ptr<detail::stream_access const>;

std::string subject_of(detail::stream_access const& stream, std::string const& name) {
  auto subject = stream.stream() + '.';
  detail::append_percent(subject, name);
  return subject;
}

std::string now_text() {
  return format_time(std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now()));
}

struct last_checkpoint {
  std::uint64_t sequence = 0; ///< 0: there is none
  checkpoint_message message;

  last_checkpoint() = default;
};

awaitable<last_checkpoint> read_last(access_ptr stream, std::string name, steady_time deadline) {
  auto const found =
      co_await detail::read_leader(stream, detail::last_message_query(subject_of(*stream, name)), deadline);
  last_checkpoint last;
  if (!found)
    co_return last;
  last.sequence = found->sequence;
  last.message = checkpoint_message::from_text(found->data);
  if (last.message.projection != name)
    throw error(errc::position_invalid, "the checkpoint stored for projection " + quoted(name) + " says that it is " +
                                            quoted(last.message.projection) + "'s");
  co_return last;
}

/// One attempt: the sequence it was stored at, or 0 when that is not known. Throws what cannot change.
awaitable<std::uint64_t> publish(access_ptr stream, checkpoint_message message, std::uint64_t expected,
                                 steady_time deadline) {
  auto const what = "storing the checkpoint of projection " + quoted(message.projection);
  auto const token = stream->connection->next_token();
  detail::outgoing_message sent(subject_of(*stream, message.projection), stream->connection->reply_subject(token),
                                message.to_text(now_text()),
                                {{"Nats-Expected-Last-Subject-Sequence", std::to_string(expected)}});
  auto const until = std::min(deadline, clock::now() + stream->config.request_timeout);
  auto const got = co_await detail::request_once(stream->connection, std::move(sent), token, until);
  if (!got) {
    if (detail::is_denied(got.why) || detail::is_closed(got.why))
      detail::throw_unanswered(got.why, what);
    co_return 0;
  }
  if (got.message.data().empty()) // nobody listens: JetStream may be on its way up
    co_return 0;
  detail::publish_ack ack;
  auto const verdict = detail::classify(got.message.data(), stream->stream(), ack);
  if (verdict.answer == detail::publish_answer::rejected)
    throw error(verdict.error, what + (ack.error ? ": " + detail::text_of(*ack.error) : std::string()));
  co_return verdict.answer == detail::publish_answer::stored ? verdict.sequence : 0;
}

[[noreturn]] void throw_taken_over(std::string const& name, char const* why) {
  throw error(errc::projection_taken_over, "projection " + quoted(name) + ": " + why);
}

awaitable<void> wait_to_try_again(access_ptr stream, std::string name, steady_time deadline, int attempt) {
  auto const what = "storing the checkpoint of projection " + quoted(name);
  bool const connected = co_await detail::wait_connected(stream->connection, deadline);
  if (!connected)
    detail::throw_unanswered(stream->connection->state() == connection_state::closed
                                 ? detail::no_answer::closed
                                 : detail::no_answer::connection_lost,
                             what);
  if (clock::now() >= deadline)
    detail::throw_unanswered(detail::no_answer::timed_out, what);
  if (attempt > 0)
    co_await detail::pause_until(
        std::min(deadline, clock::now() + std::chrono::milliseconds(1 << std::min(attempt, 6))));
}

/// Stores it behind `expected`, and returns its sequence. What is unclear is read back until it is clear.
awaitable<std::uint64_t> write(access_ptr stream, checkpoint_message message, std::uint64_t expected,
                               steady_time deadline) {
  using detail::write_state;
  for (int attempt = 0;; ++attempt) {
    auto const stored = co_await publish(stream, message, expected, deadline);
    if (stored != 0)
      co_return stored;
    for (;; ++attempt) {
      co_await wait_to_try_again(stream, message.projection, deadline, attempt);
      auto const last = co_await read_last(stream, message.projection, deadline);
      auto const verdict = detail::judge_write(expected, message.writer, message.write, last.sequence,
                                               last.message.writer, last.message.write);
      if (verdict.state == write_state::stored)
        co_return verdict.sequence;
      if (verdict.state == write_state::taken_over)
        throw_taken_over(message.projection, "another runner of this name began after this one");
      if (verdict.state == write_state::again) {
        expected = verdict.sequence;
        break;
      }
      if (clock::now() + std::chrono::milliseconds(100) >= deadline || attempt > 20)
        throw_taken_over(message.projection, "its checkpoint was removed, or is an older one: the stream was purged, "
                                             "made anew or brought back from a copy");
    }
  }
}

class session final : public checkpoint_session {
public:
  session(std::shared_ptr<void const> owner, access_ptr stream, checkpoint_message mine, std::uint64_t sequence)
      : owner_(std::move(owner)), stream_(std::move(stream)), mine_(std::move(mine)), sequence_(sequence) {}

  checkpoint const& last() const noexcept override { return mine_.value; }
  bool is_transactional() const noexcept override { return false; }

  awaitable<void> commit(checkpoint next, call_options options) override {
    auto const deadline = deadline_after(options.timeout, stream_->config.operation_timeout);
    auto message = mine_;
    message.value = std::move(next);
    message.write = ++writes_;
    sequence_ = co_await write(stream_, message, sequence_, deadline);
    mine_ = std::move(message);
  }

private:
  std::shared_ptr<void const> owner_; // keeps the connection open
  access_ptr stream_;
  checkpoint_message mine_;
  std::uint64_t sequence_;
  std::uint64_t writes_ = 0; // also those that failed: each is told from the others
};

} // namespace

struct checkpoint_store::impl {
  using handle = std::shared_ptr<impl const>;

  std::shared_ptr<void const> owner; ///< a connection or an event store: keeps the connection open
  access_ptr stream;

  static steady_time check(handle const& self, std::string const& name, call_options const& options) {
    if (!self)
      throw error(errc::not_open, "nats::checkpoint_store: the handle is default-made or was moved from");
    aether::detail::check_id(name, "the projection's name");
    return deadline_after(options.timeout, self->stream->config.operation_timeout);
  }

  static awaitable<std::optional<checkpoint>> find(handle self, std::string name, call_options options) {
    auto const deadline = check(self, name, options);
    auto last = co_await read_last(self->stream, std::move(name), deadline);
    std::optional<checkpoint> found;
    if (last.sequence != 0)
      found = std::move(last.message.value);
    co_return found;
  }

  /// Writes what it found, as a writer of its own: whoever wrote before is refused from then on.
  static awaitable<std::unique_ptr<checkpoint_session>> take_over(handle self, std::string name, call_options options) {
    auto const deadline = check(self, name, options);
    auto const writer = make_uuid();
    for (int attempt = 0;; ++attempt) {
      auto last = co_await read_last(self->stream, name, deadline);
      auto sequence = last.message.writer == writer ? last.sequence : 0; // its answer was lost
      auto const expected = last.sequence;
      last.message.projection = name;
      last.message.writer = writer;
      last.message.write = 0;
      if (sequence == 0)
        sequence = co_await publish(self->stream, last.message, expected, deadline);
      if (sequence != 0)
        co_return std::make_unique<session>(self->owner, self->stream, std::move(last.message), sequence);
      co_await wait_to_try_again(self->stream, name, deadline, attempt);
    }
  }

  static awaitable<handle> open(std::shared_ptr<void const> owner, std::shared_ptr<detail::connection_core> link,
                                std::string events_stream, jetstream_config config, steady_time deadline) {
    auto made = std::make_shared<impl>();
    made->stream =
        co_await detail::open_checkpoint_stream(std::move(link), std::move(events_stream), std::move(config), deadline);
    made->owner = std::move(owner);
    co_return made;
  }
};

awaitable<checkpoint_store> checkpoint_store::open(jetstream_event_store events, call_options options) {
  if (!events)
    throw error(errc::not_open, "opening checkpoints beside a store that was default-made or moved from");
  auto const core = events.core();
  core->check_open();
  auto config = core->stream()->config;
  config.replica_count = core->stream()->replicas;
  auto const deadline = deadline_after(options.timeout, config.operation_timeout);
  auto made =
      co_await impl::open(core, core->stream()->connection, core->stream()->stream(), std::move(config), deadline);
  co_return checkpoint_store(std::move(made));
}

awaitable<checkpoint_store> checkpoint_store::open(connection on, std::string stream_name, jetstream_config config) {
  if (!on)
    throw error(errc::not_open, "opening checkpoints on a connection that was default-made or moved from");
  config.validate();
  auto full = detail::full_stream_name(config.name_space, stream_name);
  config = detail::resolved(std::move(config));
  auto const deadline = deadline_after({}, config.operation_timeout);
  auto const link = on.core();
  auto owner = std::make_shared<connection const>(std::move(on));
  auto made = co_await impl::open(std::move(owner), link, std::move(full), std::move(config), deadline);
  co_return checkpoint_store(std::move(made));
}

std::string const& checkpoint_store::stream() const {
  if (!impl_)
    throw error(errc::not_open, "stream() on checkpoints that were default-made or moved from");
  return impl_->stream->stream();
}

awaitable<std::optional<checkpoint>> checkpoint_store::do_find(std::string name, call_options options) const {
  return impl::find(impl_, std::move(name), options);
}

awaitable<std::unique_ptr<checkpoint_session>> checkpoint_store::do_take_over(std::string name, call_options options) {
  return impl::take_over(impl_, std::move(name), options);
}

} // namespace aether::nats
