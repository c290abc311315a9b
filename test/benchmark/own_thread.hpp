// A second program within this one: a context that a thread of its own runs.
#pragma once

#include <aether/awaitable.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <thread>
#include <utility>

namespace aether::benchmark {

/// Runs a context until it goes.
class own_thread {
public:
  own_thread() : guard_(context.get_executor()), thread_([this] { context.run(); }) {}
  ~own_thread() {
    guard_.reset();
    thread_.join();
  }
  template <class T> T wait_for(awaitable<T> body) {
    return boost::asio::co_spawn(context, std::move(body), boost::asio::use_future).get();
  }

  boost::asio::io_context context{1};

private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
};

} // namespace aether::benchmark
