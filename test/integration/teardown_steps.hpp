// A call that is cancelled, or whose context goes, at each of its steps: it ends, and nothing is left.
#pragma once

#include <integration/connection_support.hpp>
#include <support/nats_server.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iterator>
#include <optional>

namespace aether::test {

inline std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

inline constexpr int most_steps = 60;

/// Runs `steps` steps, fewer when the call has ended or waits for what never comes; then it returns true.
template <class Ended> bool run_steps(boost::asio::io_context& context, int steps, Ended ended) {
  bool last = false;
  for (int i = 0; i < steps && !last; ++i)
    last = context.run_one_for(std::chrono::milliseconds(50)) == 0 || ended();
  return last;
}

/// `Stage` is made of a server; it has a `context` and drop_handles(). `call(stage)` is the call, `is_known_end(error)`
/// tells whether it may end so, `look(stage)` looks at the stage behind it.
template <class Stage, class Call, class IsKnownEnd, class Look>
void cancel_at_each_step(nats_server& server, Call call, IsKnownEnd is_known_end, Look look) {
  namespace asio = boost::asio;
  auto const before = open_descriptors();
  bool last = false;
  for (int steps = 0; steps < most_steps && !last; ++steps) {
    Stage stage(server);
    asio::cancellation_signal signal;
    std::optional<std::exception_ptr> end;
    asio::co_spawn(*stage.context, call(stage),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { end = e; }));
    last = run_steps(*stage.context, steps, [&] { return end.has_value(); });
    signal.emit(asio::cancellation_type::terminal);
    for (int i = 0; i < 1000 && !end; ++i)
      stage.context->run_one_for(std::chrono::milliseconds(10));
    BOOST_REQUIRE(end.has_value());
    BOOST_TEST(is_known_end(*end));
    look(stage);
    stage.drop_handles();
    stage.context->run_for(std::chrono::seconds(10)); // returns when nothing is left
    BOOST_TEST(stage.context->stopped());
  }
  BOOST_TEST(open_descriptors() == before);
}

/// `look(stage)` looks at handles that outlive the context; every other time they go first.
template <class Stage, class Call, class Look>
void destroy_the_context_at_each_step(nats_server& server, Call call, Look look) {
  auto const before = open_descriptors();
  bool ended = false, last = false;
  for (int steps = 0; steps < most_steps && !last; ++steps) {
    Stage stage(server);
    boost::asio::co_spawn(*stage.context, call(stage), [&](std::exception_ptr) { ended = true; });
    last = run_steps(*stage.context, steps, [&] { return ended; });
    if (steps % 2 == 0)
      stage.drop_handles();
    stage.context.reset();
    if (steps % 2 == 1)
      look(stage);
  }
  BOOST_TEST(open_descriptors() == before);
}

} // namespace aether::test
