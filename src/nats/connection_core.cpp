// Connecting, reconnecting and closing: which native link there is, and who is told.
#include "nats/connection_core.hpp"

#include "detail/random.hpp"
#include "nats/connector.hpp"
#include "nats/option_defaults.hpp"

#include <aether/event.hpp>

#include <algorithm>
#include <cstdlib>

namespace aether::nats::detail {

using namespace std::chrono_literals;
using aether::detail::context_service;

namespace {

std::string make_inbox(std::string const& prefix) {
  auto unique = make_uuid();
  std::erase(unique, '-');
  return prefix + '.' + unique.substr(0, 16) + '.';
}

// As the server writes a subject into an error: with Go's %q.
std::string as_server_quotes(std::string_view subject) {
  std::string quoted;
  for (char const c : subject) {
    if (c == '"' || c == '\\')
      quoted += '\\';
    quoted += c;
  }
  return quoted;
}

constexpr std::chrono::milliseconds longest_attempt(2000);
// Attempts go on behind their limit, as cnats cannot be stopped: a late connection is taken when there is none yet. So
// many that another begins every two seconds while each takes the 20 that cnats gives a silent peer.
constexpr int most_attempts_running = 10;

} // namespace

connection_core::connection_core(connection_options options, boost::asio::any_io_executor const& executor)
    : options_(std::move(options)), serial_(executor), inbox_(make_inbox(options_.inbox_prefix)), log_(options_),
      pool_(options_.servers, options_.reconnect_wait, options_.reconnect_wait_max) {}

// The context owns it until it has ended, so nothing of Asio's is left here.
connection_core::~connection_core() = default;

void connection_core::start(std::shared_ptr<ready_sink> first) {
  first_ = std::move(first);
  bool owned = false;
  serial_.while_open([&](boost::asio::any_io_executor const& inner) {
    owned = context_service::of(inner).own_member(shared_from_this());
  });
  if (!owned)
    return end();
  serial_.post([self = shared_from_this()] { self->begin(); }); // refused: the context goes, and ends this
}

void connection_core::begin() {
  if (ended_)
    return;
  auto const strand = serial_.executor();
  work_ = boost::asio::prefer(serial_.inner(), boost::asio::execution::outstanding_work.tracked);
  for (auto* timer : {&deadline_timer_, &probe_timer_, &retry_timer_, &attempt_timer_})
    timer->emplace(strand);
  connect_deadline_ = std::chrono::steady_clock::now() + options_.connect_timeout;
  attempt();
}

void connection_core::close() {
  serial_.post([self = shared_from_this()] { self->end(); });
}

void connection_core::attempt() {
  if (ended_ || attempting_ != 0 || link_)
    return;
  if (attempts_running_ >= most_attempts_running)
    return on_attempt_failed(errc::timed_out, without_credentials(pool_.current().url) +
                                                  ": earlier attempts to connect have still not ended");
  auto timeout = longest_attempt;
  if (!ever_connected_) { // each server of the list is to have its turn
    auto const left = (connect_deadline_ - std::chrono::steady_clock::now()) / static_cast<int>(pool_.left_in_round());
    timeout = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), 1ms, longest_attempt);
  }
  auto const number = attempting_ = ++attempts_;
  auto job = [weak = weak_from_this(), options = options_, server = pool_.current(), number] {
    native_link::callbacks told;
    told.on_write_wanted = [weak] {
      if (auto core = weak.lock())
        core->schedule_flush();
    };
    told.on_error = [weak, number](natsStatus status, std::string text) {
      if (auto core = weak.lock())
        core->serial_.post([core, number, status, text = std::move(text)] {
          if (core->link_ && core->link_number_ == number)
            core->on_link_error(status, text);
        });
    };
    auto result = native_link::connect(options, server.url, server.tls_name, std::move(told));
    if (auto core = weak.lock())
      core->serial_.post(
          [core, number, result = std::move(result)]() mutable { core->on_attempt(number, std::move(result)); });
  };
  ++attempts_running_;
  auto& threads =
      boost::asio::use_service<connector>(boost::asio::query(serial_.executor(), boost::asio::execution::context));
  if (!threads.run(std::move(job))) {
    --attempts_running_;
    return on_attempt_failed(errc::connect_failed, "no thread to connect on");
  }
  attempt_timer_->expires_after(timeout);
  attempt_timer_->async_wait([weak = weak_from_this(), number](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec && self->attempting_ == number)
      self->on_attempt_failed(errc::timed_out,
                              without_credentials(self->pool_.current().url) + ": no connection in time");
  });
}

void connection_core::on_attempt(std::uint64_t attempt, native_link::result result) {
  --attempts_running_;
  if (ended_)
    return;
  if (result.link) {
    if (!link_) // also when it comes late
      adopt(attempt, std::move(result.link));
  } else if (attempt == attempting_) {
    on_attempt_failed(result.error, std::move(result.text));
  }
}

void connection_core::on_attempt_failed(boost::system::error_code why, std::string text) {
  attempting_ = 0;
  attempt_timer_->cancel();
  remember_error(why, text);
  log_.attempt_failed(pool_.current().url, why, text);
  auto const round_over = pool_.failed();
  if (ever_connected_)
    return retry_later();
  first_failures_.emplace_back(why, std::move(text));
  if (round_over || std::chrono::steady_clock::now() >= connect_deadline_)
    end();
  else // not inline: without a thread to be had every server fails at once
    serial_.post([self = shared_from_this()] { self->attempt(); });
}

void connection_core::retry_later() {
  retry_timer_->expires_after(pool_.pause(aether::detail::random_of_this_thread()));
  retry_timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec)
      self->attempt();
  });
}

void connection_core::adopt(std::uint64_t attempt, std::shared_ptr<native_link> link) {
  attempting_ = 0;
  attempt_timer_->cancel();
  retry_timer_->cancel();
  connected_at_ = std::chrono::steady_clock::now();
  link_ = std::move(link);
  link_number_ = attempt;
  descriptor_.emplace(serial_.executor(), link_->release_descriptor());
  auto* native = link_->get();
  max_payload_ = natsConnection_GetMaxPayload(native);
  has_headers_ = natsConnection_HasHeaderSupport(native) == NATS_OK;
  char url[2048] = "";
  natsConnection_GetConnectedUrl(native, url, sizeof url);
  {
    std::lock_guard lock(mutex_);
    server_ = without_credentials(url);
  }
  inbox_refused_ = false;
  inbox_subscription_ = make_native(inbox_ + '*');
  auto subscribed = inbox_subscription_ != nullptr;
  for (auto& s : subscriptions_) {
    if (!subscribed)
      break;
    s->native = make_native(s->subject, s->queue);
    subscribed = s->native != nullptr;
  }
  if (!subscribed)
    return lose_link(errc::connection_lost, "the connection broke while it was set up");
  if (ever_connected_)
    ++reconnects_;
  char id[128] = "";
  natsConnection_GetConnectedServerId(native, id, sizeof id);
  log_.connected(connected_server(), id, ever_connected_);
  ever_connected_ = true;
  probes_out_ = 0;
  heard_ = true;
  arm_probe();
  start_reading();
  schedule_flush();
  set_state(connection_state::connected);
  if (auto first = std::exchange(first_, nullptr))
    first->on_ready(false);
}

void connection_core::check_link() {
  if (!link_ || !link_->is_detached())
    return;
  auto text = link_->last_error_text();
  lose_link(errc::connection_lost, text.empty() ? "the server closed the connection" : text);
}

void connection_core::lose_link(boost::system::error_code why, std::string text) {
  remember_error(why, text);
  log_.lost(connected_server(), why, text);
  discover_servers();
  drop_link();
  // A server that takes connections and drops them at once is to be paused for like one that takes none.
  bool const held = std::chrono::steady_clock::now() - connected_at_ >= options_.reconnect_wait_max;
  if (held)
    pool_.succeeded();
  if (!held || pool_.size() > 1) // another one first
    pool_.failed();
  set_state(connection_state::reconnecting);
  end_requests(no_answer::connection_lost);
  for (std::size_t i = 0; i < subscriptions_.size(); ++i)
    subscriptions_[i]->sink->on_interrupted(false);
  retry_later();
}

void connection_core::drop_link() noexcept {
  if (!link_)
    return;
  {
    std::lock_guard lock(mutex_);
    server_.clear();
  }
  waiting_writable_ = false;
  last_refusal_.clear();
  probe_timer_->cancel();
  link_->close();
  descriptor_.reset();
  for (auto& s : subscriptions_)
    s->native.reset();
  for (auto const token : std::exchange(own_inboxes_, {}))
    if (auto const found = requests_.find(token); found != requests_.end())
      found->second.own.reset();
  inbox_subscription_.reset();
  link_.reset();
}

// Asked when the link goes, when it knows the latest.
void connection_core::discover_servers() {
  char** urls = nullptr;
  int count = 0;
  if (!link_ || !options_.use_discovered_servers ||
      natsConnection_GetDiscoveredServers(link_->get(), &urls, &count) != NATS_OK)
    return;
  std::vector<std::string> told(urls, urls + count);
  for (int i = 0; i < count; ++i)
    std::free(urls[i]);
  std::free(urls);
  if (link_->is_tls()) // they are told of without a scheme
    for (auto& url : told)
      url.replace(0, url.find("://"), "tls");
  log_.discovered(told);
  pool_.discover(told, link_->tls_name());
}

// On the strand, or in the context's shutdown.
void connection_core::end() noexcept {
  if (std::exchange(ended_, true))
    return;
  auto const self = weak_from_this().lock();
  drop_link();
  attempting_ = 0; // its timer may have run out already
  for (auto* timer : {&deadline_timer_, &probe_timer_, &retry_timer_, &attempt_timer_})
    timer->reset();
  if (!ever_connected_)
    name_first_failure();
  log_.closed(reconnects_);
  set_state(connection_state::closed);
  end_requests(no_answer::closed_meanwhile);
  tell_written(true);
  auto const subscriptions = std::exchange(subscriptions_, {});
  for (auto const& s : subscriptions)
    s->sink->on_interrupted(true);
  if (auto const first = std::exchange(first_, nullptr))
    first->on_ready(!ever_connected_);
  work_ = {};
  if (auto const inner = serial_.inner()) // else the context goes and has let go of this already
    context_service::of(inner).disown_member(*this);
}

void connection_core::context_shutdown() noexcept { end(); }

// Of several servers that failed the first to say more than that it is not there; the text names all.
void connection_core::name_first_failure() {
  if (first_failures_.empty())
    return;
  auto why = first_failures_.front().first;
  std::string text;
  for (auto const& [code, what] : first_failures_) {
    if (why == errc::connect_failed || why == errc::timed_out)
      why = code == errc::connect_failed ? why : code;
    text += (text.empty() ? "" : "; ") + what;
  }
  remember_error(why, std::move(text));
}

void connection_core::set_state(connection_state next) {
  state_ = next;
  std::vector<state_waiter> woken;
  std::erase_if(state_waiters_, [&](state_waiter& w) {
    if (w.seen == next)
      return false;
    woken.push_back(std::move(w));
    return true;
  });
  for (auto& w : woken)
    w.sink->on_ready(next == connection_state::closed);
}

void connection_core::remember_error(boost::system::error_code ec, std::string text) {
  std::lock_guard lock(mutex_);
  last_error_ = ec;
  last_error_text_ = std::move(text);
}

void connection_core::on_link_error(natsStatus status, std::string const& text) {
  remember_error(to_error(status), text);
  if (status == NATS_NOT_PERMITTED)
    on_refusal(text, true);
}

void connection_core::on_refusal(std::string const& text, bool to_be_logged) {
  auto const quote = text.find('"');
  if (quote == std::string::npos)
    return;
  // The server shortens a long text: then what is left of the subject has to do. Of a permission that is taken away it
  // names the subscription's number too.
  auto const number = text.find(" (sid ");
  auto const end = text.rfind('"', number == std::string::npos ? number : number - 1);
  bool const whole = end > quote;
  auto const named = std::string_view(text).substr(quote + 1, whole ? end - quote - 1 : std::string::npos);
  auto concerns = [&](std::string const& subject) { return whole ? subject == named : subject.starts_with(named); };
  bool const subscribing = text.find("Subscription to") < quote;
  if (to_be_logged)
    log_.refused(named, subscribing);
  if (subscribing && concerns(as_server_quotes(inbox_) + '*')) { // no request can be answered on this link
    inbox_refused_ = true;
    return end_shared_requests(no_answer::inbox_refused);
  }
  std::vector<std::uint64_t> refused;
  for (auto const& [token, request] : requests_)
    if (subscribing ? request.own && concerns(as_server_quotes(own_inbox(token)))
                    : concerns(as_server_quotes(request.subject.empty() ? request.sink->subject() : request.subject)))
      refused.push_back(token);
  if (!whole && refused.size() > 1) // of one that was allowed this would be wrong: each is asked about again in time
    refused.clear();
  for (auto token : refused)
    end_request(token, subscribing ? no_answer::inbox_refused : no_answer::permission_denied);
  for (std::size_t i = 0; subscribing && i < subscriptions_.size(); ++i) {
    auto const& s = *subscriptions_[i];
    auto const name = as_server_quotes(s.subject);
    if (concerns(s.queue.empty() ? name : name + "\" using queue \"" + as_server_quotes(s.queue)))
      s.sink->on_refused();
  }
}

// A refusal is also told by a thread of cnats, which may come after the answers that were read with it.
void connection_core::notice_refusal() {
  auto refusal = link_->last_refusal();
  if (refusal.empty() || refusal == last_refusal_)
    return;
  last_refusal_ = refusal;
  remember_error(to_error(NATS_NOT_PERMITTED), refusal);
  on_refusal(refusal, false); // it is told by that thread too
}

void connection_core::arm_probe() {
  probe_timer_->expires_after(options_.ping_interval);
  probe_timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec && self->link_)
      self->on_probe();
  });
}

void connection_core::on_probe() {
  if (std::exchange(heard_, false)) {
    probes_out_ = 0;
  } else if (++probes_out_ > options_.max_pings_out) {
    return lose_link(errc::connection_lost, "the server does not answer any more");
  } else { // to ourselves, through the server; a refusal for lack of permission is an answer too
    natsConnection_Publish(link_->get(), reply_subject(probe_token).c_str(), "", 0);
    check_link();
  }
  if (link_)
    arm_probe();
}

void connection_core::when_ready(std::shared_ptr<ready_sink> sink) {
  when_state_is_not(connection_state::reconnecting, std::move(sink));
}

void connection_core::when_state_is_not(connection_state seen, std::shared_ptr<ready_sink> sink) {
  auto run = [self = shared_from_this(), seen, sink] {
    auto const now = self->state();
    if (now != seen || self->ended_)
      return sink->on_ready(now == connection_state::closed);
    auto& waiters = self->state_waiters_;
    if (waiters.size() >= self->state_waiters_prune_at_) {
      std::erase_if(waiters, [](state_waiter const& w) { return w.sink->is_over(); });
      self->state_waiters_prune_at_ = std::max<std::size_t>(64, 2 * waiters.size());
    }
    waiters.push_back({seen, sink});
  };
  serial_.dispatch(std::move(run), [sink] { sink->on_ready(true); });
}

boost::system::error_code connection_core::last_error() const {
  std::lock_guard lock(mutex_);
  return last_error_;
}

std::string connection_core::last_error_text() const {
  std::lock_guard lock(mutex_);
  return last_error_text_;
}

std::string connection_core::connected_server() const {
  std::lock_guard lock(mutex_);
  return server_;
}

connection_statistics connection_core::statistics() const noexcept {
  return {reconnects_, messages_in_, messages_out_, unmatched_};
}

} // namespace aether::nats::detail
