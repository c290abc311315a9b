// One save on its way: it takes its actor's turn, runs the state machine, and tells the caller how it ended.
#pragma once

#include "announcer.hpp"
#include "detail/hash.hpp"
#include "detail/wait.hpp"
#include "nats/connection_core.hpp"
#include "nats/last_question.hpp"
#include "nats/publish_ack.hpp"
#include "nats/save_machine.hpp"
#include "nats/version_cache.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/container/small_vector.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aether::nats::detail {

class save_lane;
class store_core;
struct stream_access;
struct stored_message;

/// An event as it is written.
struct save_item {
  std::string event_id;
  std::int64_t version = 0;
  std::string data;
};

/// One, but for a batch.
using save_items = boost::container::small_vector<save_item, 1>;

struct save_result {
  save_end end = save_end::failed;
  saved success{};
  std::int64_t current_version = 0;
  boost::system::error_code error;
  std::string text; ///< what the server or the connection said last
};

inline save_step failed_step(boost::system::error_code error) noexcept {
  save_step step;
  step.error = error;
  return step;
}

/// Made by the caller, then owned by its lane; the store goes on with it when the caller has gone, until its deadline.
/// What publishes and gets its acknowledgement runs here; everything else runs in resolve(), a coroutine of its own
/// on the lane's strand.
class save_operation final : public written_request,
                             public last_message_asker,
                             public std::enable_shared_from_this<save_operation> {
public:
  save_operation(std::shared_ptr<store_core> store, std::string actor_id, std::size_t hash, save_items items,
                 save_request request, steady_time deadline);
  ~save_operation();

  std::string const& actor_id() const noexcept { return actor_id_; }
  hashed_id hashed_actor() const noexcept { return {actor_id_, hash_}; }
  save_items const& items() const noexcept { return items_; }
  save_item const& first() const noexcept { return items_.front(); }
  save_item const& last() const noexcept { return items_.back(); }
  save_request const& request() const noexcept { return request_; }
  unknown_save as_unknown() const;
  save_machine const& machine() const noexcept { return machine_; }

  // The caller's side, any thread.
  void announces(aether::detail::prepared_announcements what) { announcements_ = std::move(what); }
  void waits(std::shared_ptr<aether::detail::wait_state<save_result>> waiting) { waiting_ = std::move(waiting); }
  /// Queues it on its lane.
  void submit();
  /// The caller's deadline passed, or it was cancelled. How the save stands now: failed with timed_out when nothing
  /// was handed over (and nothing will be), unknown, or how it just ended.
  save_result give_up();

  // The lane's side, on its strand.
  /// The machine's first step. Ends at once when the caller has gone.
  save_step decide(std::optional<subject_state> cached, aether::detail::hash128 const& cached_id);
  /// Carries out a step and all that follow; the lane hears of the end.
  void proceed(save_step step);
  /// Tells the caller and the store's memory. Once.
  void finish(save_step const& step);
  /// The context goes: no lane, no strand any more.
  void close() noexcept;
  /// The hash of the id of the event that machine().learned() names as the current one.
  aether::detail::hash128 const& learned_id() const noexcept { return learned_id_; }
  /// How old that event was when it was learned.
  std::chrono::nanoseconds learned_age() const noexcept { return learned_age_; }
  /// True when an attempt was handed over; else none will be, and the save ends with `closed` when it is its turn.
  bool stop_unless_handed_over() noexcept;
  bool gave_up() const noexcept { return phase_.load(std::memory_order_acquire) == phase::given_up; }

  // Of its lane.
  actor_entry* entry = nullptr;         // where it is queued, for as long as it is
  std::shared_ptr<save_operation> next; // in the actor's queue

private:
  enum class phase { idle, handed_over, given_up, finished };

  bool on_reply(native_message reply) override;
  void on_no_answer(no_answer why) override;
  std::string_view subject() const noexcept override { return subject_; }
  outgoing_parts write(std::string_view reply, std::string& room) override;

  void publish(save_step step);
  void ask_for_last();
  void on_last_message(std::optional<leader_answer> answer) override;
  void on_last(std::optional<leader_answer> const& answer);
  void take_back_unless_handed_over(publish_verdict const& verdict) noexcept;
  void on_verdict(publish_verdict verdict);
  bool may_hand_over() noexcept;
  void count_attempt() noexcept;
  bool is_remembered() const;
  void note_that_it_is_unknown();
  void log_unknown();
  void log_resolved();
  save_step gone_step() const noexcept;
  void prepare(save_step const& step);
  steady_time attempt_deadline() const;

  void go_on(save_step step);
  void end(save_step const& step);
  static boost::asio::awaitable<save_step> resolve(std::shared_ptr<save_operation> self, save_step step);
  boost::asio::awaitable<save_step> perform(save_step step);
  boost::asio::awaitable<save_step> publish_and_wait(save_step step);
  boost::asio::awaitable<save_step> read_last();
  boost::asio::awaitable<save_step> read_one(save_step step);
  boost::asio::awaitable<save_step> read_deciding();
  boost::asio::awaitable<save_step> read_batch();
  boost::asio::awaitable<save_step> wait_ready(save_step step);
  seen_message seen(stored_message const& message) const;
  bool is_first(event const& stored) const; // this very event

  std::shared_ptr<store_core> const store_;
  std::string const actor_id_;
  std::size_t const hash_;
  std::string const subject_;
  save_items const items_;
  save_request const request_;
  steady_time const deadline_;
  save_lane& lane_; // of store_
  save_machine machine_;
  aether::detail::prepared_announcements announcements_{nullptr};
  std::vector<std::string> batch_ids_;
  aether::detail::hash128 learned_id_{};
  std::chrono::nanoseconds learned_age_{};
  std::string text_;
  save_result result_;
  std::shared_ptr<aether::detail::wait_state<save_result>> waiting_;
  std::atomic<phase> phase_{phase::idle};
  std::atomic<bool> told_unknown_{false}; // to a caller who gave up
  std::uint64_t expected_sequence_ = 0; // of the attempt that is made
  std::string suffixed_id_;             // its id, when it is not the event's
  unsigned attempts_ = 0;
  std::atomic<bool> logged_unknown_{false};
  bool had_turn_ = false;
  bool asked_for_last_ = false;
  bool had_remembered_ = false;
  bool answered_ = false; // the publish that proceed() made; on the connection's strand
};

} // namespace aether::nats::detail
