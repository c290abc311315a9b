// What every asynchronous call returns.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace aether {

template <class T> using awaitable = boost::asio::awaitable<T>;

} // namespace aether
