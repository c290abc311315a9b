// How a command reaches another node: the interface below the routing of commands.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace aether {

/// How it ended to send a command.
enum class delivery {
  answered,
  nobody,     ///< nobody listens under the node's name: nobody has it
  not_sent,   ///< there was no connection for a quarter of the time: nobody has it
  unanswered, ///< somebody may have it
};

struct command_delivery {
  delivery how = delivery::unanswered;
  std::string answer;

  command_delivery() = default;
  explicit command_delivery(delivery d, std::string text = {}) : how(d), answer(std::move(text)) {}
};

/// Takes commands that come for a node.
class command_receiver {
public:
  virtual ~command_receiver() = default;
  /// Called from any thread, on which it is to be short, and must not throw. `answer` may be called once, on any
  /// thread, now or later.
  virtual void on_command(std::string command, std::function<void(std::string answer)> answer) = 0;
};

/// Thread-safe. Implementations: memory_cluster, nats::command_transport.
class command_transport {
public:
  virtual ~command_transport() = default;

  /// Throws `closed`, permission_denied and event_too_large: nobody has it then.
  awaitable<command_delivery> send(std::string node, std::string command, call_options options) {
    return do_send(std::move(node), std::move(command), options);
  }

  /// What is sent to `node` from when this returns goes to the receiver, for as long as what it returns is kept.
  awaitable<std::shared_ptr<void>> listen(std::string node, std::shared_ptr<command_receiver> receiver,
                                          call_options options = {}) {
    return do_listen(std::move(node), std::move(receiver), options);
  }

  std::size_t max_bytes() const { return do_max_bytes(); } ///< of a command or an answer

protected:
  command_transport() = default;
  command_transport(command_transport const&) = default;
  command_transport(command_transport&&) = default;
  command_transport& operator=(command_transport const&) = default;
  command_transport& operator=(command_transport&&) = default;

private:
  virtual awaitable<command_delivery> do_send(std::string node, std::string command, call_options options) = 0;
  virtual awaitable<std::shared_ptr<void>> do_listen(std::string node, std::shared_ptr<command_receiver> receiver,
                                                     call_options options) = 0;
  virtual std::size_t do_max_bytes() const = 0;
};

} // namespace aether
