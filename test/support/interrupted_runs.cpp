// Implementation of ending a coroutine after so many steps.
#include <support/interrupted_runs.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>

namespace aether::test {

namespace asio = boost::asio;

bool interrupt_after(int steps, interruption how, std::function<asio::awaitable<void>()> call) {
  std::exception_ptr thrown;
  bool ended = false;
  bool stepped = true;
  {
    asio::cancellation_signal signal;
    asio::io_context context(1);
    asio::co_spawn(context, call(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                     thrown = e;
                     ended = true;
                   }));
    for (int i = 0; i < steps && stepped; ++i)
      stepped = context.poll_one() != 0;
    if (how == interruption::cancel && !ended) {
      signal.emit(asio::cancellation_type::terminal);
      context.run_for(std::chrono::seconds(20));
      if (!ended)
        throw std::runtime_error("a cancelled call hangs");
    }
  }
  try {
    if (thrown)
      std::rethrow_exception(thrown);
  } catch (boost::system::system_error const& e) {
    if (e.code() != asio::error::operation_aborted)
      throw;
  }
  return stepped;
}

} // namespace aether::test
