// A consumer that one reader makes for itself.
#include "nats/reading_consumer.hpp"

#include "nats/answer_slot.hpp"
#include "nats/api_answer.hpp"
#include "nats/json_fields.hpp"
#include "nats/json_string.hpp"
#include "nats/read_failure.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <atomic>
#include <utility>
#include <variant>

namespace aether::nats::detail {

using boost::asio::awaitable;

namespace {

/// A server that does not know a filter ignores it, and everything comes.
bool filters_so(boost::json::object const& config, std::vector<std::string> const& wanted) {
  if (wanted.size() == 1)
    return string_at(config, "filter_subject") == wanted.front();
  auto const* filters = config.if_contains("filter_subjects");
  return filters != nullptr && filters->is_array() && filters->get_array().size() == wanted.size();
}

} // namespace

/// The answer to a consumer's creation. When nobody waits for it any more, the consumer is deleted once it is made:
/// servers may handle a deletion that follows at once before the creation.
class consumer_creation final : public answer_slot {
public:
  consumer_creation(std::shared_ptr<connection_core> core, std::string delete_subject)
      : core_(std::move(core)), delete_subject_(std::move(delete_subject)) {}

  void give_up() { one_of_two(); }

private:
  void answered() override { one_of_two(); }
  void one_of_two() {
    if (one_of_two_.exchange(true))
      core_->publish(outgoing_message(delete_subject_, {}, {}), nullptr);
  }

  std::shared_ptr<connection_core> const core_;
  std::string const delete_subject_;
  std::atomic<bool> one_of_two_{false};
};

/// Hears whether the server refuses the pull, which shows nowhere else: what it brings comes to the inbox.
class pull_watch final : public reply_sink {
public:
  explicit pull_watch(std::shared_ptr<consumer_inbox> inbox) : inbox_(std::move(inbox)) {}
  bool on_reply(native_message) override { return false; }
  void on_no_answer(no_answer why) override {
    if (is_denied(why))
      inbox_->on_pull_refused();
  }

private:
  std::shared_ptr<consumer_inbox> const inbox_;
};

reading_consumer::reading_consumer(std::shared_ptr<stream_access const> stream)
    : stream_(std::move(stream)), name_("read-" + make_uuid()), reply_(stream_->connection->unique_inbox()),
      subscription_(stream_->connection->subscribe(reply_, {}, inbox_, nullptr)) {}

reading_consumer::~reading_consumer() {
  stream_->connection->unsubscribe(subscription_);
  if (creation_)
    creation_->give_up();
}

void reading_consumer::create(consumer_request const& request, steady_time until) {
  auto const& core = stream_->connection;
  auto const token = core->next_token();
  auto const subject = request.filters.size() == 1 ? api("CREATE") + '.' + request.filters.front() : api("CREATE");
  outgoing_message message(subject, core->reply_subject(token), config(request));
  creation_ = std::make_shared<consumer_creation>(core, api("DELETE"));
  filters_ = request.filters;
  core->request(std::move(message), token, creation_, until);
}

awaitable<std::optional<creation_result>> reading_consumer::created(std::shared_ptr<reading_consumer> self,
                                                                    steady_time until) {
  std::optional<creation_result> result;
  auto const answered = co_await answer_slot::wait(self->creation_, until);
  if (!answered)
    co_return result;
  auto const& reply = *answered;
  auto& out = result.emplace();
  if (!reply) {
    if (is_closed(reply.why))
      throw_unanswered(reply.why, "reading from stream " + self->stream_->stream());
    if (is_denied(reply.why)) {
      out.end = creation_end::unavailable;
      out.code = errc::permission_denied;
      out.why = "the user may not create consumers";
    } else if (reply.why == no_answer::connection_lost || reply.why == no_answer::not_handed_over) {
      out.end = creation_end::not_connected;
    }
    co_return result;
  }
  auto const parsed = parse_consumer_answer(reply.message.data());
  if (auto const* made = std::get_if<consumer_answer>(&parsed)) {
    out.end = filters_so(made->config, self->filters_) ? creation_end::created : creation_end::unavailable;
    out.why = "the server does not filter by several subjects";
    out.num_pending = made->num_pending;
    co_return result;
  }
  auto const& refused = std::get<api_error>(parsed);
  if (refused.err_code == js_code::stream_not_found)
    throw_refused(refused, "reading from stream " + self->stream_->stream());
  out.end = is_temporary(refused) ? creation_end::refused : creation_end::unavailable;
  out.why = text_of(refused);
  co_return result;
}

void reading_consumer::pull_now(pull const& p) { ask(p, R"("no_wait":true)"); }

void reading_consumer::pull_live(pull const& p, std::chrono::nanoseconds expires, std::chrono::nanoseconds heartbeat) {
  ask(p,
      R"("expires":)" + std::to_string(expires.count()) + R"(,"idle_heartbeat":)" + std::to_string(heartbeat.count()));
}

void reading_consumer::ask(pull const& p, std::string rest) {
  auto body = '{' + std::move(rest) + R"(,"batch":)" + std::to_string(p.batch);
  if (p.max_bytes != 0)
    body += R"(,"max_bytes":)" + std::to_string(p.max_bytes);
  auto const& core = stream_->connection;
  outgoing_message message(api("MSG.NEXT"), reply_, body + '}');
  if (std::exchange(pulled_, true))
    return core->publish(std::move(message), nullptr);
  core->request(std::move(message), core->next_token(), std::make_shared<pull_watch>(inbox_),
                std::chrono::steady_clock::now() + stream_->config.request_timeout);
}

std::string reading_consumer::api(std::string_view what) const {
  return stream_->api + ".CONSUMER." + std::string(what) + '.' + stream_->stream() + '.' + name_;
}

std::string reading_consumer::config(consumer_request const& request) const {
  auto const start = request.last_per_subject
                         ? std::string(R"("last_per_subject")")
                         : R"("by_start_sequence","opt_start_seq":)" + std::to_string(request.from);
  boost::json::array several(request.filters.begin(), request.filters.end());
  auto const filter = request.filters.size() == 1 ? R"("filter_subject":)" + json_string(request.filters.front())
                                                  : R"("filter_subjects":)" + boost::json::serialize(several);
  return R"({"stream_name":)" + json_string(stream_->stream()) + R"(,"config":{"name":)" + json_string(name_) +
         R"(,"deliver_policy":)" + start + R"(,"ack_policy":"none","replay_policy":"instant",)" + filter +
         R"(,"inactive_threshold":30000000000,"num_replicas":1,"mem_storage":true}})";
}

} // namespace aether::nats::detail
