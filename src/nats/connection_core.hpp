// What a connection is behind its handles: one native link at a time, the requests in flight, the subscriptions.
#pragma once

#include "detail/context_service.hpp"
#include "detail/deadline_queue.hpp"
#include "detail/serial.hpp"
#include "nats/connection_log.hpp"
#include "nats/native_link.hpp"
#include "nats/native_message.hpp"
#include "nats/outgoing_message.hpp"
#include "nats/server_pool.hpp"

#include <aether/nats/connection.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aether::nats::detail {

using aether::detail::steady_time;

/// Why a request ended without an answer.
enum class no_answer {
  timed_out,         ///< its own deadline
  no_responders,     ///< somebody's request on this inbox met nobody: ask again
  connection_lost,   ///< under the request: it may have been received
  not_handed_over,   ///< there was no connection, or no room: nothing was sent
  permission_denied, ///< the server refused to publish it
  inbox_refused,     ///< the server refuses the inbox for its answer: it may have been received
  closed,            ///< the connection was closed before: nothing was sent
  closed_meanwhile,  ///< the connection was closed under it: it may have been received
};

constexpr bool is_closed(no_answer why) noexcept {
  return why == no_answer::closed || why == no_answer::closed_meanwhile;
}
constexpr bool is_denied(no_answer why) noexcept {
  return why == no_answer::permission_denied || why == no_answer::inbox_refused;
}

/// Takes the answers of one request. Called on the connection's strand; must not throw.
class reply_sink {
public:
  /// True: wait for more answers to the same request.
  virtual bool on_reply(native_message reply) = 0;
  /// The last call.
  virtual void on_no_answer(no_answer why) = 0;
  /// Whom a refused permission concerns, when it is not told with the request.
  virtual std::string_view subject() const noexcept { return {}; }

protected:
  ~reply_sink() = default;
};

/// A request that is written where it is sent: it costs no message in between, and no copy of its subject.
class written_request : public reply_sink {
public:
  /// On the connection's strand, at most once a request. What it needs room for it appends to `room`.
  virtual outgoing_parts write(std::string_view reply, std::string& room) = 0;

protected:
  ~written_request() = default;
};

/// Takes the messages of one subscription, likewise.
class message_sink {
public:
  virtual void on_message(native_message message) = 0;
  virtual void on_no_responders() {}
  /// The server refused the subscription.
  virtual void on_refused() {}
  /// The connection was lost (messages may be missing from here on), or closed.
  virtual void on_interrupted(bool closed) = 0;

protected:
  ~message_sink() = default;
};

enum class publish_result {
  handed_over,   ///< written, or about to be
  not_connected, ///< nothing was sent
  overloaded,    ///< max_pending_bytes wait to be written: nothing was sent
  closed,        ///< nothing was sent
};

/// Told once, on the strand, how a publish ended.
class publish_sink {
public:
  virtual void on_published(publish_result result) = 0;

protected:
  ~publish_sink() = default;
};

/// Told once, on the strand, when there is a connection, or when there will be none any more.
class ready_sink {
public:
  virtual void on_ready(bool closed) = 0;
  /// Nobody waits any more: it may be dropped untold.
  virtual bool is_over() const noexcept { return false; }

protected:
  ~ready_sink() = default;
};

/// Something to do on the strand, once.
class strand_task {
public:
  virtual void run() = 0;

protected:
  ~strand_task() = default;
};

/// Everything cnats does, happens on one strand. The functions under "any thread" post or dispatch to it.
class connection_core final : public aether::detail::context_member,
                              public std::enable_shared_from_this<connection_core> {
public:
  connection_core(connection_options options, boost::asio::any_io_executor const& executor);
  ~connection_core();

  // Any thread.

  /// Begins to connect. `first` is told how the first round over all servers ended; on failure the core is closed.
  void start(std::shared_ptr<ready_sink> first);
  void close();

  /// A number for a request, and the reply subject that leads its answers back.
  std::uint64_t next_token() noexcept { return next_token_.fetch_add(1, std::memory_order_relaxed); }
  std::string reply_subject(std::uint64_t token) const;
  void write_reply_subject(std::string& out, std::uint64_t token) const;
  /// `message` carries reply_subject(token). The sink hears of every end.
  void request(outgoing_message message, std::uint64_t token, std::shared_ptr<reply_sink> sink, steady_time deadline);
  /// The same of one that keeps this connection until it has ended. Its subject is safe, and its size allowed.
  void request(std::shared_ptr<written_request> what, std::uint64_t token, steady_time deadline);
  /// The same on an inbox of its own, own_inbox(token), which costs a subscription: here no_responders is exact, said
  /// of this very request.
  void request_exactly(outgoing_message message, std::uint64_t token, std::shared_ptr<reply_sink> sink,
                       steady_time deadline);
  std::string own_inbox(std::uint64_t token) const;
  /// Forgets a request; its sink hears no more, and the answer is dropped.
  void abandon(std::uint64_t token);
  void publish(outgoing_message message, std::shared_ptr<publish_sink> sink);
  /// The same, never inside this call: what a sink locks may be locked. Nobody hears how it ended.
  void publish_later(outgoing_message message);
  /// Runs it later, never inside this call. False: the context is gone.
  bool run_later(std::shared_ptr<strand_task> task);
  /// The sink is told when there is a connection on which nothing waits to be written, never inside this call.
  void when_written(std::shared_ptr<ready_sink> sink);
  std::uint64_t subscribe(std::string subject, std::string queue, std::shared_ptr<message_sink> sink,
                          std::shared_ptr<ready_sink> subscribed);
  void unsubscribe(std::uint64_t id);
  void when_ready(std::shared_ptr<ready_sink> sink);
  void when_state_is_not(connection_state seen, std::shared_ptr<ready_sink> sink);

  /// Closed from the moment on that its context goes, which is before end() says so to those who wait.
  connection_state state() const noexcept {
    return serial_.is_open() ? state_.load(std::memory_order_acquire) : connection_state::closed;
  }
  boost::system::error_code last_error() const;
  std::string last_error_text() const;
  std::string connected_server() const;
  std::int64_t max_payload() const noexcept { return max_payload_.load(std::memory_order_relaxed); }
  bool has_headers() const noexcept { return has_headers_.load(std::memory_order_relaxed); }
  /// The server forbids the subscription on which answers come: inbox_prefix has to be set.
  bool inbox_refused() const noexcept { return inbox_refused_.load(std::memory_order_acquire); }
  connection_statistics statistics() const noexcept;
  connection_options const& options() const noexcept { return options_; }
  /// With the executor of the context on which the connection runs: what is made there is made inside of this, see
  /// serial. False when that context is gone.
  template <class Function> bool while_open(Function function) const { return serial_.while_open(std::move(function)); }
  /// A subject under the inbox that nobody else uses.
  std::string unique_inbox();

  // On the strand.

  /// Copies the message into what is to be written. One of many: what has gathered is sent from time to time.
  publish_result publish_now(outgoing_parts const& message);

private:
  struct native_unsubscriber {
    void operator()(natsSubscription* s) const noexcept { natsSubscription_Destroy(s); }
  };
  using native_subscription = std::unique_ptr<natsSubscription, native_unsubscriber>;

  struct pending_request {
    std::shared_ptr<reply_sink> sink;
    std::string subject; // tells whom a refused permission concerns; empty: the sink does
    aether::detail::deadline_queue<std::uint64_t>::handle place;
    native_subscription own; // of request_exactly()
  };
  struct live_subscription {
    std::uint64_t id = 0;
    std::string subject;
    std::string queue;
    std::shared_ptr<message_sink> sink;
    native_subscription native;
  };
  struct state_waiter {
    connection_state seen;
    std::shared_ptr<ready_sink> sink;
  };

  void context_shutdown() noexcept override;

  // On the strand.
  void begin();
  void attempt();
  void on_attempt(std::uint64_t attempt, native_link::result result);
  void on_attempt_failed(boost::system::error_code why, std::string text);
  void retry_later();
  void adopt(std::uint64_t attempt, std::shared_ptr<native_link> link);
  native_subscription make_native(std::string const& subject, std::string const& queue = {});
  void begin_request(outgoing_message message, std::uint64_t token, std::shared_ptr<reply_sink> sink,
                     steady_time deadline, native_subscription own);
  void await_answer(std::uint64_t token, std::shared_ptr<reply_sink> sink, std::string subject, steady_time deadline,
                    native_subscription own);
  void start_reading();
  void on_readable();
  void drain_inbox();
  void drain_own_inboxes();
  void drain(live_subscription& s);
  void on_reply(native_message reply);
  void on_reply(std::uint64_t token, native_message reply);
  void schedule_flush();
  void flush();
  void write();
  void tell_written(bool closed);
  void check_link();
  void lose_link(boost::system::error_code why, std::string text);
  void drop_link() noexcept;
  void discover_servers();
  void name_first_failure();
  void end() noexcept;
  void end_requests(no_answer why);
  void end_shared_requests(no_answer why);
  void end_request(std::uint64_t token, no_answer why);
  publish_result hand_over(outgoing_parts const& message);
  void arm_deadlines();
  void on_deadlines();
  void arm_probe();
  void on_probe();
  void on_link_error(natsStatus status, std::string const& text);
  void on_refusal(std::string const& text, bool to_be_logged);
  void notice_refusal();
  void set_state(connection_state next);
  void remember_error(boost::system::error_code ec, std::string text);

  static constexpr std::uint64_t probe_token = 0; // of no request

  connection_options const options_;
  aether::detail::serial serial_;
  std::string const inbox_; // "prefix.unique."
  std::atomic<std::uint64_t> next_token_{1};
  std::atomic<std::uint64_t> next_subscription_{1};
  std::atomic<connection_state> state_{connection_state::reconnecting};
  std::atomic<std::int64_t> max_payload_{0};
  std::atomic<bool> has_headers_{false};
  std::atomic<bool> inbox_refused_{false};
  std::size_t unflushed_ = 0; // bytes of data handed over since the last flush
  std::atomic<bool> flush_posted_{false};
  std::atomic<std::uint64_t> reconnects_{0}, messages_in_{0}, messages_out_{0}, unmatched_{0};

  mutable std::mutex mutex_; // the texts
  boost::system::error_code last_error_;
  std::string last_error_text_;
  std::string server_;

  // Guarded by the strand.
  connection_log log_;
  server_pool pool_;
  std::shared_ptr<native_link> link_;
  std::uint64_t link_number_ = 0; // of the attempt that made it: tells handlers of an earlier one
  native_subscription inbox_subscription_;
  std::vector<std::uint64_t> own_inboxes_; // tokens of requests that have one; some may have ended
  std::optional<boost::asio::posix::stream_descriptor> descriptor_;
  std::optional<boost::asio::steady_timer> deadline_timer_, probe_timer_, retry_timer_, attempt_timer_;
  std::optional<steady_time> armed_;
  std::string reply_room_, message_room_; // for requests that are written here
  spent_messages spent_;
  boost::unordered_flat_map<std::uint64_t, pending_request> requests_;
  aether::detail::deadline_queue<std::uint64_t> deadlines_;
  std::vector<std::unique_ptr<live_subscription>> subscriptions_;
  std::vector<state_waiter> state_waiters_;
  std::size_t state_waiters_prune_at_ = 64;
  std::vector<std::shared_ptr<ready_sink>> written_waiters_;
  std::shared_ptr<ready_sink> first_;
  boost::asio::any_io_executor work_; // keeps run() from returning between two attempts
  steady_time connect_deadline_{};
  steady_time connected_at_{};
  std::vector<std::pair<boost::system::error_code, std::string>> first_failures_; // of the first round
  std::string last_refusal_;
  std::uint64_t attempts_ = 0; // the number of the newest
  std::uint64_t attempting_ = 0; // whose result is waited for; 0: none
  int attempts_running_ = 0; // with those that were given up
  bool ever_connected_ = false;
  bool waiting_writable_ = false;
  bool heard_ = false;
  int probes_out_ = 0;
  bool ended_ = false;
};

} // namespace aether::nats::detail
