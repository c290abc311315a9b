// The public handle of a host, and what the tester sees of it.
#include "workflow_core.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether {

struct workflow_host::impl {
  std::shared_ptr<detail::workflow_core> core;

  explicit impl(std::shared_ptr<detail::workflow_core> made) : core(std::move(made)) {}
  ~impl() { core->stop(); }

  static detail::workflow_core& of(std::shared_ptr<impl> const& self) {
    if (!self)
      throw error(errc::not_open, "a workflow host that was default-made or moved from");
    return *self->core;
  }
};

workflow_host::workflow_host(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
                             workflow_host_options options)
    : impl_(std::make_shared<impl>(
          std::make_shared<detail::workflow_core>(executor, std::move(store), std::move(options)))) {}

void workflow_host::add_code(std::string type, std::int64_t code_version, body code) {
  impl::of(impl_).add_code(std::move(type), {std::move(code), code_version});
}

awaitable<void> workflow_host::open(call_options options) {
  return detail::workflow_core::open(impl::of(impl_).self(), options);
}

workflow_client workflow_host::client() const { return workflow_client(impl::of(impl_).self()); }

awaitable<void> workflow_host::close(call_options options) {
  return detail::workflow_core::close(impl::of(impl_).self(), options);
}

workflow_metrics workflow_host::metrics() const { return impl::of(impl_).metrics(); }

namespace detail {

std::shared_ptr<workflow_core> workflow_host_access::core_of(workflow_host const& host) {
  return workflow_host::impl::of(host.impl_).self();
}

void workflow_host_access::stop(workflow_host const& host) noexcept { workflow_host::impl::of(host.impl_).stop(); }

std::vector<std::string> workflow_host_access::steps_under_way(workflow_host const& host,
                                                               std::optional<time_point> due_by) {
  return workflow_host::impl::of(host.impl_).steps_under_way(due_by);
}

} // namespace detail

} // namespace aether
