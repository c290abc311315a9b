// Commands between processes, as requests over core NATS.
#pragma once

#include <aether/command_transport.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <memory>
#include <string>

namespace aether::nats {

/// Empty means the default.
struct command_transport_options {
  std::string prefix; ///< first tokens of every subject; empty: `aether.commands`

  command_transport_options() = default;

  /// Throws invalid_argument.
  void validate() const;
};

/// On the subjects `{prefix}.{stream}.{node}`, where the stream's name begins with the store's namespace and the node's
/// is encoded as ids are. A copyable handle, on the connection of the store, which it keeps open.
class command_transport final : public aether::command_transport {
public:
  command_transport() = default; ///< every call throws not_open

  /// Throws not_open, invalid_argument.
  explicit command_transport(jetstream_event_store store, command_transport_options options = {});
  /// The same by the store's name: of a sharded store. Of `config` only name_space and operation_timeout matter.
  command_transport(connection on, std::string const& store, jetstream_config config,
                    command_transport_options options = {});

  std::string subject_of(std::string const& node) const;

private:
  awaitable<command_delivery> do_send(std::string node, std::string command, call_options options) override;
  awaitable<std::shared_ptr<void>> do_listen(std::string node, std::shared_ptr<command_receiver> receiver,
                                             call_options options) override;
  std::size_t do_max_bytes() const override;

  struct impl;
  impl const& open() const;

  std::shared_ptr<impl const> impl_;
};

} // namespace aether::nats
