// Implementation of aether::test::run.
#include <support/run.hpp>

#include <boost/asio/co_spawn.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace aether::test {
namespace {

// Counts the threads that still run, so that waiting for them can end.
class countdown {
public:
  explicit countdown(int count) : count_(count) {}

  void done() {
    std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  bool wait_for(std::chrono::seconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return count_ == 0; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_;
};

// A handler threw or blocks: state is lost, and so is the process.
[[noreturn]] void give_up(char const* why) {
  std::fprintf(stderr, "aether::test::run: %s\n", why);
  std::fflush(nullptr);
  std::_Exit(70);
}

} // namespace

std::chrono::seconds scaled(std::chrono::seconds limit) {
#ifdef AETHER_TEST_SANITIZED
  return 4 * limit;
#else
  return limit;
#endif
}

void run(std::function<boost::asio::awaitable<void>(boost::asio::io_context&)> body, run_options options) {
  boost::asio::io_context context(options.threads);
  std::exception_ptr error;
  std::atomic<bool> ended = false;
  boost::asio::co_spawn(context, body(context), [&](std::exception_ptr e) {
    error = e;
    ended = true;
    if (e)
      context.stop();
  });

  countdown running(options.threads);
  std::vector<std::thread> threads;
  for (int i = 0; i < options.threads; ++i)
    threads.emplace_back([&] {
      try {
        context.run();
      } catch (std::exception const& e) {
        give_up((std::string("a handler threw: ") + e.what()).c_str());
      }
      running.done();
    });

  auto const limit = scaled(options.limit);
  bool const in_time = running.wait_for(limit);
  if (!in_time) {
    context.stop();
    if (!running.wait_for(std::chrono::seconds(20)))
      give_up("the time limit passed, and a thread blocks in a handler");
  }
  for (auto& thread : threads)
    thread.join();

  if (error)
    std::rethrow_exception(error);
  if (!in_time)
    throw std::runtime_error((ended ? "the test's body ended but left work behind that did not end within "
                                    : "the test's body did not end within ") +
                             std::to_string(limit.count()) + " s");
  if (!ended)
    throw std::runtime_error("the test's body waits for something that nobody will do: the io_context ran out of work");
}

} // namespace aether::test
