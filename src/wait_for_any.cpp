// Waiting for several handles at once.
#include "wait_for_any.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace aether::detail {

namespace {

/// Ends the other waits: the first error of a task_group does.
struct something_came : std::exception {};

awaitable<void> wait_for_one(awaitable<bool> wait, std::size_t which,
                             std::shared_ptr<std::function<void(std::size_t)> const> ready) {
  bool came = false;
  try {
    came = co_await std::move(wait);
  } catch (boost::system::system_error const& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      throw;
    came = true;
  } catch (...) {
    came = true;
  }
  if (came) {
    (*ready)(which);
    throw something_came();
  }
}

} // namespace

call_options options_until(std::chrono::steady_clock::time_point deadline) {
  call_options options;
  if (deadline != std::chrono::steady_clock::time_point::max())
    options.timeout =
        std::max(std::chrono::nanoseconds(1), std::chrono::nanoseconds(deadline - std::chrono::steady_clock::now()));
  return options;
}

awaitable<bool> wait_for_any(std::vector<awaitable<bool>> waits, std::function<void(std::size_t)> ready) {
  auto const told = std::make_shared<std::function<void(std::size_t)> const>(std::move(ready));
  task_group under_way(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < waits.size(); ++i)
    under_way.spawn(wait_for_one(std::move(waits[i]), i, told));
  try {
    co_await under_way.join();
  } catch (something_came const&) {
    co_return true;
  }
  co_return false;
}

} // namespace aether::detail
