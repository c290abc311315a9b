// A host's workflows: which are in memory, which are to be read, and when to look again.
#pragma once

#include "detail/context_service.hpp"
#include "workflow_agenda.hpp"
#include "workflow_desk.hpp"
#include "workflow_own_events.hpp"
#include "workflow_run.hpp"
#include "workflow_watch.hpp"

#include <aether/workflow_host.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace aether::detail {

/// Everything on its strand but what is said otherwise.
class workflow_core final : public workflow_desk, public workflow_surroundings, public context_member {
public:
  workflow_core(asio::any_io_executor const& executor, std::shared_ptr<event_store> store,
                workflow_host_options options);
  ~workflow_core() override;

  std::shared_ptr<workflow_core> self() { return std::static_pointer_cast<workflow_core>(shared_from_this()); }

  void add_code(std::string type, workflow_code code); ///< before open()
  static awaitable<void> open(std::shared_ptr<workflow_core> self, call_options options); ///< from anywhere
  static awaitable<void> close(std::shared_ptr<workflow_core> self, call_options options); ///< from anywhere
  void stop() noexcept; ///< from any thread: ends as a crash would
  workflow_metrics metrics() const; ///< from any thread
  std::vector<std::string> steps_under_way(std::optional<time_point> due_by) const;

  // the desk, from any thread
  std::string host_name() const override { return options_.name; }
  bool hosts(std::string const& type) const override { return is_open_ && types_.contains(type); }
  void on_starting(event const& first) override;
  void on_started(event const& first) override;
  void on_not_started(event const& first) override;
  void check_open() const override;

private:
  struct resident {
    std::shared_ptr<workflow_run> run;
    std::optional<std::list<std::string>::iterator> parked;
  };
  /// Where to read, and which event must still be the last one for another host to be taken for gone.
  struct reading {
    std::int64_t since = 1; ///< 0: its last event says it
    std::int64_t silent_at = 0;
    bool stirred = false; ///< its child has ended: there is something to do, whatever its last event says
  };
  struct counters {
    std::atomic<std::uint64_t> started{0}, resumed{0}, finished{0}, lost{0}, broken{0}, evicted{0};
    std::atomic<std::size_t> resident{0}, waiting{0};
  };

  // the surroundings of runs
  asio::any_io_executor executor() const override { return strand_executor(); }
  asio::any_io_executor strand_executor() const;
  void post_settle(std::shared_ptr<workflow_run> run) override {
    strand().post([kept = std::move(run)] { kept->settle(); });
  }
  std::shared_ptr<event_store> const& store() const override { return workflow_desk::store(); }
  workflow_host_options const& options() const override { return options_; }
  void on_writing(std::string const& event_id) override { own_.add(event_id); }
  void wake_at(workflow_run& run, time_point when) override;
  void on_parked(workflow_run& run) override;
  void on_end(workflow_run& run, run_end how, std::string const& why) override;
  void start_child(workflow_run& parent, std::shared_ptr<workflow_op> const& op) override;
  void cancel_child(workflow_run& parent, std::shared_ptr<workflow_op> const& op) override;

  void context_shutdown() noexcept override;

  void see(recorded_event const* item, bool live);
  void release(std::string const& actor_id);
  void take_started(event const& first);
  bool is_hosted(std::string const& actor_id) const;
  void want(std::string const& actor_id, reading from);
  void load_some();
  static awaitable<void> load(std::shared_ptr<workflow_core> self, std::string actor_id, reading from);
  void take_up(workflow_book book, bool fresh);
  void unpark(resident& of);
  void make_room();
  void drop(std::string const& actor_id);
  void arm();
  void on_agenda();
  void look_at(std::string const& actor_id, reading from, time_point when);
  static awaitable<void> follow_child(std::shared_ptr<workflow_core> self, std::shared_ptr<workflow_run> parent,
                                      std::shared_ptr<workflow_op> op);
  static awaitable<void> await_child(std::shared_ptr<workflow_core> self, std::weak_ptr<workflow_run> parent,
                                     std::string parent_id, std::shared_ptr<workflow_op> op);
  static awaitable<void> end_child(std::shared_ptr<workflow_core> self, std::shared_ptr<workflow_run> parent,
                                   std::shared_ptr<workflow_op> op);
  void log(log_level level, char const* what, std::string const& actor_id, std::string const& why);
  void update_counts();

  workflow_host_options options_;
  std::map<std::string, workflow_code> types_;
  std::atomic<bool> is_open_{false};
  std::atomic<bool> is_closed_{false};
  std::vector<std::shared_ptr<workflow_feed>> hosted_feeds_;
  std::unordered_map<std::string, resident> residents_;
  std::list<std::string> parked_; ///< longest parked first
  std::deque<std::pair<std::string, reading>> wanted_;
  std::set<std::string> under_way_; ///< wanted or being read
  std::unordered_map<std::string, recorded_event> held_; ///< the last seen of those under way or starting
  workflow_own_events own_;
  std::mutex starting_mutex_;
  std::set<std::string> starting_; ///< that are started here: their beginning is told by on_started()
  std::unordered_map<std::string, reading> looks_; ///< of those on the agenda that are not resident
  std::size_t loading_ = 0;
  workflow_agenda agenda_;
  std::optional<time_point> armed_;
  std::shared_ptr<asio::cancellation_signal> sleeper_;
  counters counts_;
};

/// What testing::workflow_tester sees of a host, while nothing of it runs.
struct workflow_host_access {
  static std::shared_ptr<workflow_core> core_of(workflow_host const& host);
  static void stop(workflow_host const& host) noexcept; ///< as the end of its last handle
  /// As texts. `due_by`: only those whose attempt times out by then.
  static std::vector<std::string> steps_under_way(workflow_host const& host, std::optional<time_point> due_by);
};

} // namespace aether::detail
