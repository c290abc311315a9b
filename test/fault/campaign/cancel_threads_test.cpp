// The same operations and endings with four threads for each context, where a handler is no moment any more: each round
// ends one at a random moment. AETHER_SEED repeats a run's choices.
#include "fault/campaign/cancel_matrix.hpp"

#include <support/nats_server.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <thread>

BOOST_AUTO_TEST_SUITE(cancel_threads, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace {

using clock = std::chrono::steady_clock;

constexpr char const* saves_stream = "SAVES";
constexpr int threads_each = 4;

int rounds() { return std::getenv("AETHER_CAMPAIGN") ? 20'000 : 1200; }

std::uint64_t seed() {
  auto const* given = std::getenv("AETHER_SEED");
  return given ? std::stoull(given) : std::random_device{}() % 1'000'000;
}

class random_rounds {
public:
  random_rounds(nats_server& server, std::uint64_t with_seed)
      : server_(server), others_(server.port()), random_(with_seed) {
    for (auto const& table :
         {save_operations(server.at_least(2, 12, 1)), read_operations(), store_operations(), connection_operations()})
      calls_.insert(calls_.end(), table.begin(), table.end());
  }

  void run(int count) {
    for (int i = 0; i < count && wrong.size() < 5; ++i) {
      auto const& o = calls_[static_cast<std::size_t>(i) % calls_.size()];
      if (!durations_.contains(o.name))
        durations_[o.name] = measure(o);
      constexpr ending endings[] = {ending::signal, ending::late_deadline, ending::handles, ending::callers_context,
                                    ending::homes_context};
      auto const e = endings[below(std::size(endings))];
      // Given its context by an option it needs that as it begins: see tried_call.
      if (!o.is_given_context || e != ending::homes_context)
        round(o, e);
    }
    for (auto const& text : book_.check(server_.port(), saves_stream))
      wrong.push_back(text);
  }

  int tried = 0, struck = 0; // ended otherwise than by a deadline, and how many of them before their end
  int timed = 0, deadlines = 0; // the others, likewise
  std::vector<std::string> wrong;

private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  scene next_scene(tried_call const& o, std::chrono::nanoseconds timeout) {
    auto at = scene_of(o, o.version > 0 ? saves_stream : history_stream, "order-" + std::to_string(++actors_), timeout);
    at.others = &others_;
    return at;
  }

  void prepare(stage& s, tried_call const& o, scene const& at) {
    s.set_up(o.needs_store ? at.stream : std::string());
    if (o.prepare)
      s.run(o.prepare(s, at));
    s.start_threads(threads_each);
  }

  // How long the call takes when nothing ends it, the shortest of a few.
  std::chrono::nanoseconds measure(tried_call const& o) {
    std::chrono::nanoseconds shortest = 1s;
    for (int i = 0; i < 3; ++i) {
      auto const at = next_scene(o, {});
      stage s(server_.url(), contexts::callers_first);
      prepare(s, o, at);
      auto const begun = clock::now();
      o.begin(s, at);
      s.run_calls();
      shortest = std::min<std::chrono::nanoseconds>(shortest, clock::now() - begun);
      finish(s, o, at);
    }
    return shortest;
  }

  void round(tried_call const& o, ending e) {
    auto const where = e == ending::homes_context || below(2) == 0 ? contexts::callers_first : contexts::one;
    auto const moment = std::chrono::nanoseconds(below(static_cast<std::uint64_t>(durations_[o.name].count())));
    bool const by_deadline = e == ending::late_deadline;
    auto const at = next_scene(o, by_deadline ? moment + 1ns : 0ns);
    stage s(server_.url(), where);
    prepare(s, o, at);
    auto const until = clock::now() + moment;
    o.begin(s, at);
    while (!by_deadline && clock::now() < until)
      std::this_thread::yield();
    bool const early = !s.all_ended();
    strike(s, e);
    bool const frames_gone = e == ending::callers_context;
    if (!frames_gone && !s.run_calls())
      note(o, e, "it does not end");
    for (auto const& l : s.calls()) {
      if (l.w->ended && !allowed(e, early, l.promise, *l.w))
        note(o, e, "it ended with: " + words_of(*l.w));
    }
    deadlines += by_deadline && s.calls().front().w->error;
    (by_deadline ? timed : tried) += 1;
    struck += early && !by_deadline;
    finish(s, o, at);
    if (!s.nothing_is_left())
      note(o, e, "something of it is left");
  }

  void strike(stage& s, ending e) {
    if (e == ending::signal)
      s.cancel();
    else if (e == ending::handles)
      s.drop_handles();
    else if (e == ending::homes_context)
      s.destroy_home();
    else if (e == ending::callers_context) {
      if (below(2) == 0)
        s.drop_handles();
      s.destroy_callers();
    }
  }

  void finish(stage& s, tried_call const& o, scene const& at) {
    s.join_threads();
    if (o.version > 0)
      book_.add(told_by(s, at, o));
    s.drop_handles();
    if (!s.run_out())
      wrong.push_back(o.name + ": its contexts do not run out of work");
    s.destroy();
  }

  void note(tried_call const& o, ending e, std::string const& what) {
    std::ostringstream text;
    text << o.name << ", " << e << ": " << what;
    wrong.push_back(text.str());
  }

  nats_server& server_;
  wire_client others_;
  std::mt19937_64 random_;
  std::vector<tried_call> calls_;
  std::map<std::string, std::chrono::nanoseconds> durations_;
  save_book book_;
  int actors_ = 0;
};

BOOST_AUTO_TEST_CASE(every_operation_ends_at_random_moments) {
  nats_server server;
  make_history(server.url());
  auto const with_seed = seed();
  random_rounds all(server, with_seed);
  all.run(rounds());
  for (auto const& text : all.wrong)
    BOOST_ERROR("seed " << with_seed << ": " << text);
  BOOST_TEST_MESSAGE("seed " << with_seed << ": " << all.struck << " of " << all.tried << " calls met their end, "
                             << all.deadlines << " of " << all.timed << " their deadline");
  BOOST_TEST(all.struck >= all.tried / 4);
  BOOST_TEST(all.deadlines >= all.timed / 4);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
