// Connecting, reconnecting and closing: which native link there is, and who is told.
#include "nats/connection_core.hpp"

#include "nats/connector.hpp"

#include <aether/event.hpp>

#include <random>

namespace aether::nats::detail {

using namespace std::chrono_literals;

namespace {

std::string make_inbox(std::string const& prefix) {
  auto unique = make_uuid();
  std::erase(unique, '-');
  return prefix + '.' + unique.substr(0, 16) + '.';
}

double random_fraction() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::generate_canonical<double, 32>(generator);
}

constexpr auto longest_attempt = std::chrono::milliseconds(2000);

} // namespace

connection_core::connection_core(connection_options options, boost::asio::any_io_executor const& executor)
    : options_(std::move(options)), executor_(aether::detail::unwrap_strands(executor)), serial_(executor_),
      inbox_(make_inbox(options_.inbox_prefix)),
      pool_(options_.servers, options_.reconnect_wait, options_.reconnect_wait_max) {
  auto strand = serial_.executor();
  deadline_timer_.emplace(strand);
  probe_timer_.emplace(strand);
  retry_timer_.emplace(strand);
}

connection_core::~connection_core() {
  if (!ended_) drop_link();
}

void connection_core::start(std::shared_ptr<ready_sink> first) {
  aether::detail::context_service::of(executor_).add_member(weak_from_this());
  auto refused = !serial_.post([self = shared_from_this(), first]() mutable {
    self->first_ = std::move(first);
    self->connect_deadline_ = std::chrono::steady_clock::now() + self->options_.connect_timeout;
    self->attempt();
  });
  if (refused) first->on_ready(true);
}

void connection_core::close() {
  serial_.post([self = shared_from_this()] { self->end(); });
}

void connection_core::attempt() {
  if (ended_ || attempting_) return;
  auto timeout = longest_attempt;
  if (!ever_connected_) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(connect_deadline_ - std::chrono::steady_clock::now());
    timeout = std::max(1ms, std::min(longest_attempt, left));
  }
  attempting_ = true;
  auto job = [weak = weak_from_this(), options = options_, server = pool_.current(), timeout] {
    native_link::callbacks told;
    told.on_write_wanted = [weak] {
      if (auto core = weak.lock()) core->schedule_flush();
    };
    told.on_error = [weak](natsStatus status, std::string text) {
      if (auto core = weak.lock())
        core->serial_.post([core, status, text = std::move(text)] { core->on_link_error(status, text); });
    };
    auto result = native_link::connect(options, server, timeout, std::move(told));
    if (auto core = weak.lock())
      core->serial_.post([core, result = std::move(result)]() mutable { core->on_attempt(std::move(result)); });
  };
  boost::asio::use_service<connector>(boost::asio::query(executor_, boost::asio::execution::context)).run(job);
}

void connection_core::on_attempt(native_link::result result) {
  attempting_ = false;
  if (ended_) return;
  if (result.link) {
    adopt(std::move(result.link));
    return;
  }
  remember_error(result.error, result.text);
  auto const round_over = pool_.failed();
  if (ever_connected_) {
    retry_later();
  } else if (round_over || std::chrono::steady_clock::now() >= connect_deadline_) {
    auto first = std::exchange(first_, nullptr);
    end();
    if (first) first->on_ready(true);
  } else {
    attempt();
  }
}

void connection_core::retry_later() {
  retry_timer_->expires_after(pool_.pause(random_fraction()));
  retry_timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec) self->attempt();
  });
}

void connection_core::adopt(std::shared_ptr<native_link> link) {
  pool_.succeeded();
  link_ = std::move(link);
  descriptor_.emplace(serial_.executor(), link_->release_descriptor());
  auto* native = link_->get();
  max_payload_ = natsConnection_GetMaxPayload(native);
  has_headers_ = natsConnection_HasHeaderSupport(native) == NATS_OK;
  char url[512] = "";
  natsConnection_GetConnectedUrl(native, url, sizeof url);
  {
    std::lock_guard lock(mutex_);
    server_ = url;
  }
  if (options_.use_discovered_servers) {
    char** urls = nullptr;
    int count = 0;
    if (natsConnection_GetDiscoveredServers(native, &urls, &count) == NATS_OK) {
      pool_.discover(std::vector<std::string>(urls, urls + count));
      for (int i = 0; i < count; ++i) std::free(urls[i]);
      std::free(urls);
    }
  }
  inbox_subscription_ = make_native(inbox_ + '*');
  auto subscribed = inbox_subscription_ != nullptr;
  for (auto& s : subscriptions_) {
    if (!subscribed)
      break;
    s->native = make_native(s->subject, s->queue);
    subscribed = s->native != nullptr;
  }
  if (!subscribed) return lose_link(errc::connection_lost, "the connection broke while it was set up");
  if (ever_connected_) ++reconnects_;
  ever_connected_ = true;
  probes_out_ = 0;
  heard_ = true;
  arm_probe();
  start_reading();
  schedule_flush();
  set_state(connection_state::connected);
  if (auto first = std::exchange(first_, nullptr)) first->on_ready(false);
}

void connection_core::check_link() {
  if (!link_ || !link_->is_detached()) return;
  auto text = link_->last_error_text();
  lose_link(errc::connection_lost, text.empty() ? "the server closed the connection" : text);
}

void connection_core::lose_link(boost::system::error_code why, std::string text) {
  remember_error(why, std::move(text));
  drop_link();
  if (ended_) return;
  set_state(connection_state::reconnecting);
  end_requests(no_answer::connection_lost);
  for (std::size_t i = 0; i < subscriptions_.size(); ++i)
    if (auto sink = subscriptions_[i]->sink) sink->on_interrupted(false);
  if (pool_.size() > 1) pool_.failed(); // another one first
  retry_later();
}

void connection_core::drop_link() noexcept {
  if (!link_) return;
  {
    std::lock_guard lock(mutex_);
    server_.clear();
  }
  waiting_writable_ = false;
  if (probe_timer_) probe_timer_->cancel();
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

void connection_core::end() {
  if (std::exchange(ended_, true)) return;
  drop_link();
  deadline_timer_.reset();
  probe_timer_.reset();
  retry_timer_.reset();
  set_state(connection_state::closed);
  end_requests(no_answer::connection_lost);
  auto subscriptions = std::exchange(subscriptions_, {});
  for (auto& s : subscriptions)
    if (s->sink) s->sink->on_interrupted(true);
}

void connection_core::context_shutdown() noexcept {
  auto first = std::exchange(first_, nullptr);
  end();
  if (first) first->on_ready(true);
  serial_.drop();
}

void connection_core::set_state(connection_state next) {
  state_ = next;
  std::vector<state_waiter> woken;
  std::erase_if(state_waiters_, [&](state_waiter& w) {
    if (w.seen == next) return false;
    woken.push_back(std::move(w));
    return true;
  });
  for (auto& w : woken) w.sink->on_ready(next == connection_state::closed);
}

void connection_core::remember_error(boost::system::error_code ec, std::string text) {
  std::lock_guard lock(mutex_);
  last_error_ = ec;
  last_error_text_ = std::move(text);
}

void connection_core::on_link_error(natsStatus status, std::string const& text) {
  remember_error(to_error(status), text);
  auto const quote = text.find('"');
  auto const end = text.rfind('"');
  if (status != NATS_NOT_PERMITTED || quote == std::string::npos || end <= quote) return;
  auto const subject = std::string_view(text).substr(quote + 1, end - quote - 1);
  std::vector<std::uint64_t> refused;
  for (auto const& [token, request] : requests_)
    if (request.sent.subject() == subject) refused.push_back(token);
  for (auto token : refused) end_request(token, no_answer::permission_denied);
}

void connection_core::arm_probe() {
  probe_timer_->expires_after(options_.ping_interval);
  probe_timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec && self->link_) self->on_probe();
  });
}

void connection_core::on_probe() {
  if (std::exchange(heard_, false)) {
    probes_out_ = 0;
  } else if (++probes_out_ > options_.max_pings_out) {
    return lose_link(errc::connection_lost, "the server does not answer any more");
  } else { // to ourselves, through the server; a refusal for lack of permission is an answer too
    natsConnection_Publish(link_->get(), (inbox_ + "probe").c_str(), "", 0);
  }
  arm_probe();
}

void connection_core::when_ready(std::shared_ptr<ready_sink> sink) {
  when_state_is_not(connection_state::reconnecting, std::move(sink));
}

void connection_core::when_state_is_not(connection_state seen, std::shared_ptr<ready_sink> sink) {
  auto refused = !serial_.dispatch([self = shared_from_this(), seen, sink] {
    auto const now = self->state();
    if (now == seen && !self->ended_)
      self->state_waiters_.push_back({seen, sink});
    else
      sink->on_ready(now == connection_state::closed);
  });
  if (refused) sink->on_ready(true);
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
