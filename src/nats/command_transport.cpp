// Commands between processes: a request whose answer tells whether anybody has it.
#include <aether/nats/command_transport.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"
#include "nats/store_core.hpp"
#include "nats/stream_by_name.hpp"
#include "nats/subjects.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace aether::nats {
namespace {

using aether::detail::quoted;
using aether::detail::steady_time;
using detail::connection_core;
using detail::no_answer;
using clock = std::chrono::steady_clock;

constexpr std::size_t max_commands_prefix_bytes = 200;
constexpr std::int64_t usual_max_payload = 1 << 20;

class command_listener final : public detail::message_sink {
public:
  command_listener(std::weak_ptr<connection_core> link, std::weak_ptr<command_receiver> receiver)
      : link_(std::move(link)), receiver_(std::move(receiver)) {}

  void on_message(detail::native_message message) override {
    auto const receiver = receiver_.lock();
    std::string reply(message.reply());
    if (!receiver || reply.empty()) // nobody waits for an answer
      return;
    auto answer = [link = link_, to = std::move(reply)](std::string text) {
      if (auto const on = link.lock())
        on->publish_later(detail::outgoing_message(to, {}, text));
    };
    receiver->on_command(std::string(message.data()), std::move(answer));
  }
  void on_refused() override { is_refused = true; }
  void on_interrupted(bool) override {}

  std::atomic<bool> is_refused{false};

private:
  std::weak_ptr<connection_core> const link_;
  std::weak_ptr<command_receiver> const receiver_;
};

/// Ends a subscription with itself.
class command_listening {
public:
  command_listening(std::shared_ptr<void const> keeps_open, std::shared_ptr<connection_core> link,
                    std::string const& subject, std::shared_ptr<command_listener> sink)
      : keeps_open_(std::move(keeps_open)), link_(std::move(link)),
        id_(link_->subscribe(subject, {}, std::move(sink), nullptr)) {}
  command_listening(command_listening const&) = delete;
  command_listening& operator=(command_listening const&) = delete;
  ~command_listening() { link_->unsubscribe(id_); }

private:
  std::shared_ptr<void const> const keeps_open_;
  std::shared_ptr<connection_core> const link_;
  std::uint64_t const id_;
};

awaitable<command_delivery> send_command(std::shared_ptr<connection_core> link, message m, steady_time deadline) {
  auto const what = "sending a command to " + quoted(m.subject);
  auto const begun = clock::now();
  auto const sent_by = begun + (deadline - begun) / 4; // the rest is for who executes it instead
  for (std::chrono::nanoseconds pause = std::chrono::milliseconds(1);; pause *= 2) {
    bool const connected = co_await detail::wait_connected(link, sent_by);
    if (!connected) {
      if (link->state() == connection_state::closed)
        detail::throw_unanswered(no_answer::closed, what);
      co_return command_delivery(delivery::not_sent);
    }
    auto const got = co_await detail::request_exactly_once(link, m, deadline);
    if (got)
      co_return command_delivery(delivery::answered, std::string(got.message.data()));
    if (got.why == no_answer::closed || got.why == no_answer::permission_denied)
      detail::throw_unanswered(got.why, what);
    if (got.why == no_answer::no_responders)
      co_return command_delivery(delivery::nobody);
    if (got.why != no_answer::not_handed_over)
      co_return command_delivery(delivery::unanswered);
    if (clock::now() >= sent_by)
      co_return command_delivery(delivery::not_sent);
    co_await detail::pause_until(std::min(sent_by, clock::now() + pause)); // until there is room
  }
}

awaitable<std::shared_ptr<void>> listen_on(std::shared_ptr<void const> keeps_open,
                                           std::shared_ptr<connection_core> link, std::string subject,
                                           std::shared_ptr<command_receiver> receiver, steady_time deadline) {
  auto const what = "listening on " + quoted(subject);
  auto sink = std::make_shared<command_listener>(link, receiver);
  auto made = std::make_shared<command_listening>(std::move(keeps_open), link, subject, sink);
  for (;;) {
    auto const why = co_await detail::round_trip(link, deadline);
    if (sink->is_refused)
      throw error(errc::permission_denied, what + ": " + link->last_error_text());
    if (!why)
      co_return made;
    if (*why != no_answer::connection_lost && *why != no_answer::not_handed_over)
      detail::throw_unanswered(*why, what);
    bool const connected = co_await detail::wait_connected(link, deadline);
    if (!connected)
      detail::throw_unanswered(link->state() == connection_state::closed ? no_answer::closed : *why, what);
    co_await detail::pause_until(std::min(deadline, clock::now() + std::chrono::milliseconds(1)));
  }
}

} // namespace

void command_transport_options::validate() const {
  if (prefix.empty())
    return;
  if (prefix.size() > max_commands_prefix_bytes || !detail::is_safe_filter(prefix) ||
      prefix.find_first_of("*>") != std::string::npos)
    throw error(errc::invalid_argument, "command_transport_options::prefix is " + quoted(prefix) +
                                            ": give tokens separated by single dots, without white space and "
                                            "wildcards, 200 bytes at most");
}

struct command_transport::impl {
  std::shared_ptr<void const> keeps_open;
  std::string before; ///< the node's token
  std::shared_ptr<connection_core> link;
  std::chrono::nanoseconds timeout{};

  impl() = default;

  static std::shared_ptr<impl const> make(std::shared_ptr<void const> keeps_open, detail::stream_access const& stream,
                                          command_transport_options const& options) {
    options.validate();
    auto made = std::make_shared<impl>();
    made->before = (options.prefix.empty() ? "aether.commands" : options.prefix) + '.' + stream.stream() + '.';
    made->link = stream.connection;
    made->timeout = stream.config.operation_timeout;
    made->keeps_open = std::move(keeps_open);
    return made;
  }
};

command_transport::command_transport(jetstream_event_store store, command_transport_options options) {
  if (!store)
    throw error(errc::not_open, "a transport beside a store that was default-made or moved from");
  impl_ = impl::make(store.core(), *store.core()->stream(), options);
}

command_transport::command_transport(connection on, std::string const& store, jetstream_config config,
                                     command_transport_options options) {
  auto const stream = detail::access_by_name(on, store, std::move(config));
  impl_ = impl::make(std::make_shared<connection const>(std::move(on)), *stream, options);
}

command_transport::impl const& command_transport::open() const {
  if (!impl_)
    throw error(errc::not_open, "this command transport is default-made or was moved from");
  return *impl_;
}

std::string command_transport::subject_of(std::string const& node) const {
  auto subject = open().before;
  detail::append_percent(subject, node);
  return subject;
}

awaitable<command_delivery> command_transport::do_send(std::string node, std::string command, call_options options) {
  auto const& self = open();
  message m(subject_of(node), std::move(command));
  return send_command(self.link, std::move(m), aether::detail::deadline_after(options.timeout, self.timeout));
}

awaitable<std::shared_ptr<void>>
command_transport::do_listen(std::string node, std::shared_ptr<command_receiver> receiver, call_options options) {
  auto const& self = open();
  return listen_on(impl_, self.link, subject_of(node), std::move(receiver),
                   aether::detail::deadline_after(options.timeout, self.timeout));
}

std::size_t command_transport::do_max_bytes() const {
  auto const most = open().link->max_payload();
  return static_cast<std::size_t>(most > 0 ? most : usual_max_payload);
}

} // namespace aether::nats
