// A group of coroutines that end before whoever waits for them goes on.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <exception>
#include <limits>
#include <memory>
#include <vector>

namespace aether {

/// Runs children on an executor: all have ended before join() returns, and the first error cancels the
/// others and is rethrown by it. Children own what they use: spawn an awaitable (the call of a coroutine
/// function with arguments by value), never a lambda with captures, which would die before the child runs.
///
/// Threads: spawn, join and cancel may be called from any thread. Each child runs on a strand of its own
/// over the group's executor, so that cancelling it is safe, and children run side by side; a strand given as
/// the executor is used as it is, and then one child runs at a time.
///
/// Lifetime: the group may outlive its execution context. Children that are destroyed with it end with
/// errc::closed, which a joiner on another context gets.
class task_group {
public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  /// `at_once`: how many children run at the same time; the others wait their turn. 0: unlimited.
  explicit task_group(boost::asio::any_io_executor executor, std::size_t at_once = unlimited);
  task_group(task_group const&) = delete;
  task_group& operator=(task_group const&) = delete;
  /// Cancels the children (terminal) and does not wait: they own what they use.
  ~task_group();

  /// Starts a child, or queues it. After an error or cancel() it is dropped unstarted.
  void spawn(boost::asio::awaitable<void> child);

  /// Waits until every child has ended; rethrows the first error (operation_aborted of children that cancel()
  /// ended is none). Cancelling the wait cancels the children and still waits for them, then throws
  /// operation_aborted. The group can be used again afterwards.
  boost::asio::awaitable<void> join();

  /// Waits like join(), and returns every error in the order they came instead of throwing the first.
  boost::asio::awaitable<std::vector<std::exception_ptr>> join_all();

  /// Ends the children by terminal cancellation and drops those that wait.
  void cancel();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace aether
