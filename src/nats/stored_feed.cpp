// Stored messages as events.
#include "nats/stored_feed.hpp"

#include "detail/utf8.hpp"
#include "nats/leader_reads.hpp"

#include <boost/asio/error.hpp>

#include <utility>

namespace aether::nats::detail {

namespace {

/// The id of an event as this library writes it, with that first; empty: it is written in another way.
std::string_view leading_id(std::string_view json) noexcept {
  constexpr std::string_view before = R"({"id":")";
  if (!json.starts_with(before))
    return {};
  auto const rest = json.substr(before.size());
  auto const end = rest.find_first_of("\"\\");
  return end == rest.npos || rest[end] == '\\' ? std::string_view() : rest.substr(0, end);
}

} // namespace

stored_feed::stored_feed(std::shared_ptr<store_core> store, std::shared_ptr<stream_identity const> identity,
                         std::shared_ptr<message_source> source, std::string actor_id, std::uint64_t sequence,
                         std::string event_id)
    : store_(std::move(store)), subjects_(store_->stream()->subjects), identity_(std::move(identity)),
      source_(std::move(source)), actor_id_(std::move(actor_id)), sequence_(sequence), event_id_(std::move(event_id)) {}

feed_step stored_feed::take(recorded_event& into, replay_error& malformed) {
  if (store_->is_closing())
    throw error(errc::closed, "the store was closed");
  if (ended_)
    std::rethrow_exception(ended_);
  if (auto const step = source_->take(last_); step != source_step::message) {
    last_ = {}; // what it pointed to may be gone
    return step == source_step::caught_up ? feed_step::caught_up : feed_step::nothing;
  }
  sequence_ = last_.sequence;
  if (is_known_)
    if (auto const id = leading_id(last_.data); !id.empty() && is_known_(id)) {
      event_id_ = id;
      return feed_step::passed;
    }
  parse_error bad;
  if (parse(into.event, bad)) {
    event_id_ = into.event.id;
    into.sequence = last_.sequence;
    into.stored = last_.stored;
    into.stream = identity_;
    return feed_step::event;
  }
  event_id_.clear();
  if (bad.code == errc::actor_mismatch) {
    ended_ = std::make_exception_ptr(error(bad.code, bad.reason));
    std::rethrow_exception(ended_);
  }
  if (auto const& log = store_->stream()->log)
    log->malformed(last_.sequence, bad.code);
  malformed.sequence = last_.sequence;
  malformed.raw_data = last_.data;
  malformed.error = bad.code;
  malformed.reason = std::move(bad.reason);
  return feed_step::malformed;
}

awaitable<void> stored_feed::wait(steady_time deadline) { return wait_until(shared_from_this(), deadline); }

awaitable<void> stored_feed::wait_until(std::shared_ptr<stored_feed> self, steady_time deadline) {
  if (!self->stopped_)
    co_await self->source_->wait(deadline);
  if (self->stopped_)
    throw boost::system::system_error(boost::asio::error::operation_aborted);
}

void stored_feed::stop() noexcept {
  stopped_ = true;
  source_->stop();
}

bool stored_feed::parse(event& out, parse_error& bad) {
  if (!actor_id_.empty())
    return parse_stored_event(subjects_, actor_id_, last_.data, out, bad);
  if (!parse_event(last_.data, out, bad))
    return false;
  if (subjects_.is_events_subject(last_.subject, out.actor_id))
    return true;
  bad.code = errc::malformed_event;
  bad.reason =
      R"(field "actorId": )" + aether::detail::quoted(out.actor_id) + " on subject " + std::string(last_.subject);
  return false;
}

position stored_feed::where() const {
  std::vector<stream_place> places;
  places.emplace_back(identity_->name, identity_->created, sequence_, event_id_);
  return position(std::move(places));
}

} // namespace aether::nats::detail
