// What stands beside a store and needs of it its connection, its options and its name.
#include "nats/stream_by_name.hpp"

#include "nats/config_defaults.hpp"
#include "nats/subjects.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether::nats::detail {

std::shared_ptr<stream_access const> access_by_name(connection const& on, std::string const& store,
                                                    jetstream_config config) {
  if (!on)
    throw error(errc::not_open, "a connection that was default-made or moved from");
  config.validate();
  config = resolved(std::move(config));
  auto name = full_stream_name(config.name_space, store);
  auto api = !config.domain.empty() ? "$JS." + config.domain + ".API" : config.api_prefix;
  auto const replicas = config.replica_count;
  return std::make_shared<stream_access const>(stream_access{
      .connection = on.core(),
      .subjects = subject_map(name, config.subject_encoding),
      .api = std::move(api),
      .config = std::move(config),
      .replicas = replicas,
  });
}

} // namespace aether::nats::detail
