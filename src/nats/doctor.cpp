// Examining a stream: what is asked for, and whose stream it is.
#include <aether/nats/doctor.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "nats/config_defaults.hpp"
#include "nats/doctor_questions.hpp"
#include "nats/duration_text.hpp"
#include "nats/http_answer.hpp"
#include "nats/option_defaults.hpp"
#include "nats/store_core.hpp"
#include "nats/subjects.hpp"

#include <utility>
#include <variant>

namespace aether::nats {

void doctor_options::validate() const {
  detail::names_of(*this).validate();
  for (auto const& [name, value] : {std::pair("operation_timeout", operation_timeout), std::pair("timeout", timeout)})
    if (value.count() < 0)
      throw error(errc::invalid_argument, std::string("doctor_options::") + name + " is " +
                                              detail::duration_text(value) + ": it cannot be negative");
  for (auto const& url : monitoring_urls) {
    auto const where = detail::monitoring_page(url);
    if (auto const* wrong = std::get_if<std::string>(&where))
      throw error(errc::invalid_argument, "doctor_options::monitoring_urls holds " +
                                              aether::detail::quoted(detail::without_credentials(url)) + ": " + *wrong);
  }
}

awaitable<std::vector<finding>> examine(connection on, std::string stream_name, doctor_options options) {
  if (!on)
    throw error(errc::not_open, "examining a stream on a connection that was default-made or moved from");
  options.validate();
  auto const name = detail::full_stream_name(options.name_space, stream_name);
  auto const api = detail::resolved(detail::names_of(options)).api_prefix;
  auto const deadline = aether::detail::deadline_after(options.timeout, on.core()->options().operation_timeout);

  co_return co_await detail::examine_stream(on, name, api, std::move(options), deadline);
}

awaitable<std::vector<finding>> examine(jetstream_event_store store, doctor_options options) {
  if (!store)
    throw error(errc::not_open, "examining a store that was default-made or moved from");
  auto const& config = store.core()->stream()->config;
  options.name_space = config.name_space;
  options.api_prefix = config.api_prefix;
  options.domain.clear();
  options.operation_timeout = config.operation_timeout;
  co_return co_await examine(store.core()->handle(), store.stream_name(), std::move(options));
}

} // namespace aether::nats
