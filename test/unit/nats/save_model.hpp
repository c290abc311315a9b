// Stores, foreign writers and faults around the simulated server, one random walk at a time, with every promise
// checked. It is one state space and what is checked on it; that is why it is long.
#pragma once

#include "save_model_server.hpp"
#include "save_script.hpp"
#include "version_rules.hpp"

#include <array>
#include <string>
#include <vector>

namespace save_model {

class random_source {
public:
  explicit random_source(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du) {}
  int below(int n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<int>((state_ >> 20) % static_cast<unsigned>(n));
  }
  bool chance(int percent) { return below(100) < percent; }

private:
  std::uint64_t state_;
};

struct walk_settings {
  server_kind kind = server_kind::dedupe_first;
  bool batches = false;
  bool retention = false;
  bool loses_tail = false; ///< once; afterwards only that saves end, and are in the log as they say, is checked
  int events = 60;
};

/// How often the ends came, so that a walk that reaches nothing shows.
struct tally {
  std::uint64_t saved = 0, already = 0, conflict = 0, expectation = 0, unknown = 0, timed_out = 0, duplicate_id = 0,
                resolved = 0, longest = 0;
};

class walk {
public:
  walk(walk_settings settings, std::uint64_t seed, tally& ends, bool tracing = false)
      : settings_(settings), random_(seed), server_(settings.kind), ends_(ends), tracing_(tracing) {
    stores_.resize(static_cast<std::size_t>(2 + random_.below(2)));
    for (auto& s : stores_)
      s.room = static_cast<std::size_t>(1 + random_.below(3));
    subjects_ = random_.chance(70) ? 1 : 2;
  }

  /// The first promise broken; empty: none.
  std::string const& run();
  std::vector<std::string> const& trace() const { return trace_; }

private:
  struct attempt {
    std::string_view forbidden{}; ///< the end that said it is not stored and never will be
    bool stored = false;
    bool refused = false; ///< and told so
    bool refused_elsewhere = false; ///< by a server that took itself for the leader, and told so
    std::size_t at = 0; ///< in the log, its first message
  };
  struct kept_attempt {
    save_request request;
    model_event event;
    std::uint64_t sequence = 0;
    std::vector<int> attempts;
    int time = 0;
  };
  struct cache_entry {
    subject_state state;
    int id = 0;
    /// Its age is that of the event it tells of, not that of something malformed behind it.
    std::uint64_t lives_by() const { return state.version != 0 ? state.event_sequence : state.last_sequence; }
  };
  struct call {
    call(save_request r, model_event e) : request(r), event(e), machine(r) {}
    save_request request;
    model_event event;
    save_machine machine;
    save_step step;
    std::vector<int> attempts; ///< remembered ones first
    std::size_t remembered = 0;
    int started = 0, knows_since = 0, last_attempt_at = 0, steps = 0, deadline = 0;
    int awaiting = -1; ///< the attempt whose answer is waited for
    int asked_at = -1; ///< a read answered then, whose answer is on its way
    int known_id = 0;  ///< of the event that the last read, or the cache, gave as the latest
    bool forgetful = false, read_last = false, saw_stale = false;
    bool cache_outlived = false; ///< the cache entry outlived its message, as clocks differ
  };
  struct store {
    std::array<std::optional<cache_entry>, 2> cache;
    std::array<std::optional<call>, 2> active;
    std::vector<kept_attempt> kept;
    bool forgetful = false;
    std::size_t room = 2;
  };

  // The world's moves.
  void move();
  void begin_some_save();
  void begin(store& s, model_event e, save_request r, int deadline);
  model_event some_event(int subject);
  save_request some_demand(model_event const& e);
  void advance(store& s, call& c);
  void answer_read(store& s, call& c);
  void hand_over(call& c);
  void process_some_request();
  void settle_some_proposal();
  void deliver(int number, reply r);
  void foreign_write(int subject);
  void expire_oldest();
  void lose_tail();
  void come_to_rest();

  // What a store does around the machine.
  void step_to(store& s, call& c, save_step step);
  void finish(store& s, call& c);
  seen_message seen(call const& c, message const& m) const;
  bool is_event(model_event const& e, message const& m) const {
    return m.subject == e.subject && m.version == e.version && m.id == e.id;
  }

  // The promises.
  void stored(request const& r);
  void check_demand(request const& r);
  void check_saved(call const& c);
  void check_unknown(call const& c);
  void check_conflict(call const& c);
  void check_recognised(call const& c, bool passed);
  void forbid(call const& c, std::string_view end);
  bool had_version(int subject, std::int64_t version, int from) const;
  void broken(std::string what) {
    if (broken_.empty())
      broken_ = std::move(what);
    say([&] { return "BROKEN: " + broken_; });
  }

  template <class F> void say(F text) {
    if (tracing_)
      trace_.push_back(std::to_string(server_.now) + ": " + text());
  }
  std::string name(store const& s) const { return std::string(1, static_cast<char>('A' + (&s - stores_.data()))); }
  static std::string name(model_event const& e) {
    return "v" + std::to_string(e.version) + "#" + std::to_string(e.id) + (e.count > 1 ? "(batch)" : "") + "@" +
           std::to_string(e.subject);
  }

  walk_settings settings_;
  random_source random_;
  model_server server_;
  tally& ends_;
  bool tracing_;
  bool at_rest_ = false; ///< nothing is lost or late any more
  bool damaged_ = false; ///< the server lost what it had acknowledged
  int subjects_ = 1;
  int next_id_ = 1;
  int last_removal_ = 0;
  std::vector<store> stores_;
  std::vector<attempt> attempts_;
  std::vector<request> on_the_way_;
  std::vector<std::pair<model_event, save_request>> tried_;
  std::vector<std::string> trace_;
  std::string broken_;
};

} // namespace save_model
