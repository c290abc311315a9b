// What every part of a node uses: short names, a logger that writes lines, a pause.
#pragma once

#include "../program.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace shop {

using example::store_ptr;
using bus_ptr = std::shared_ptr<aether::event_broadcaster>;
using logger_ptr = std::shared_ptr<aether::logger>;

/// Lines on the standard error stream.
class line_logger final : public aether::logger {
public:
  explicit line_logger(std::string name) : name_(std::move(name)) {}

private:
  void write(aether::log_level level, std::string_view message,
             std::span<aether::log_field const> fields) noexcept override {
    try {
      auto const line = name_ + ' ' + std::string(to_string(level)) + ": " + aether::to_line(message, fields) + '\n';
      std::lock_guard const lock(mutex_);
      std::cerr << line;
    } catch (std::exception const&) { // no memory: the record is lost
    }
  }

  std::string const name_;
  std::mutex mutex_;
};

inline aether::awaitable<void> pause(std::chrono::milliseconds how_long) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, how_long);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

} // namespace shop
