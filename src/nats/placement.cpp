// The handle of a node: its options, joining, and its end.
#include <aether/nats/placement.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "nats/duration_text.hpp"
#include "nats/placement_core.hpp"
#include "nats/store_core.hpp"
#include "nats/stream_by_name.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/ip/host_name.hpp>

#include <utility>

namespace aether::nats {
namespace {

using namespace std::chrono_literals;
using detail::placement_core;

constexpr std::chrono::nanoseconds shortest_lease = 1s, longest_lease = 1h;

std::string new_node_name() {
  boost::system::error_code ec;
  auto host = boost::asio::ip::host_name(ec);
  if (ec || !aether::detail::valid_id(host) || host.size() > 200)
    host = "node";
  return host + '-' + make_uuid().substr(0, 8);
}

placement_options placement_filled_in(placement_options o, std::shared_ptr<logger> log) {
  o.validate();
  if (o.node.empty())
    o.node = new_node_name();
  if (o.weight == 0)
    o.weight = 1;
  if (o.lease.count() == 0)
    o.lease = 10s;
  if (!o.log)
    o.log = std::move(log);
  return o;
}

} // namespace

void placement_options::validate() const {
  auto const refuse = [](std::string const& what) {
    throw error(errc::invalid_argument, "placement_options::" + what);
  };
  if (!node.empty() && !aether::detail::valid_id(node))
    throw error(errc::invalid_id, "placement_options::node " + aether::detail::quoted(node) +
                                      " is not 1 to 255 bytes of UTF-8 without NUL");
  if (weight > detail::max_node_weight)
    refuse("weight is greater than 100");
  if (lease.count() != 0 && (lease < shortest_lease || lease > longest_lease))
    refuse("lease is " + detail::duration_text(lease) + ": give 1 s to 1 h, or 0 for the default");
  if (data.size() > detail::max_node_data_bytes || !aether::detail::valid_utf8(data))
    refuse("data is longer than 4,096 bytes or not UTF-8");
}

struct placement::impl {
  std::shared_ptr<placement_core> const core;
  task_group works;

  impl(std::shared_ptr<placement_core> made, boost::asio::any_io_executor const& executor)
      : core(std::move(made)), works(executor) {}
  ~impl() { core->abandon(); }

  static std::shared_ptr<impl> make(std::shared_ptr<void const> keeps_open, detail::stream_access const& stream,
                                    std::string store, placement_options options) {
    auto bucket =
        std::make_shared<detail::node_bucket const>(stream, stream.config.name_space, std::move(store), options.lease);
    auto core = std::make_shared<placement_core>(std::move(keeps_open), std::move(bucket), std::move(options));
    std::shared_ptr<impl> made;
    stream.connection->while_open(
        [&](boost::asio::any_io_executor const& executor) { made = std::make_shared<impl>(core, executor); });
    if (!made)
      throw error(errc::closed, "joining as a node: the connection's context is gone");
    return made;
  }
};

awaitable<placement> placement::join(std::shared_ptr<void const> keeps_open,
                                     std::shared_ptr<detail::stream_access const> stream, std::string store,
                                     placement_options options, call_options call) {
  options = placement_filled_in(std::move(options), stream->connection->options().log);
  auto const deadline =
      aether::detail::deadline_after(call.timeout, stream->config.operation_timeout + options.lease * 3 / 2);
  auto made = impl::make(std::move(keeps_open), *stream, std::move(store), std::move(options));
  made->core->listen();
  co_await placement_core::join(made->core, deadline);
  made->works.spawn(placement_core::keep(made->core));
  co_return placement(std::move(made));
}

awaitable<placement> placement::join(jetstream_event_store store, placement_options options, call_options call) {
  if (!store)
    throw error(errc::not_open, "joining beside a store that was default-made or moved from");
  store.core()->check_open();
  auto made = co_await join(store.core(), store.core()->stream(), store.stream_name(), std::move(options), call);
  co_return made;
}

awaitable<placement> placement::join(connection on, std::string store, jetstream_config config,
                                     placement_options options, call_options call) {
  auto stream = detail::access_by_name(on, store, std::move(config));
  auto owner = std::make_shared<connection const>(std::move(on));
  auto made = co_await join(std::move(owner), std::move(stream), std::move(store), std::move(options), call);
  co_return made;
}

placement_core& placement::core() const {
  if (!impl_)
    throw error(errc::not_open, "this placement is default-made or was moved from");
  return *impl_->core;
}

std::string const& placement::bucket() const { return core().bucket().name(); }

placement_metrics placement::metrics() const { return impl_ ? impl_->core->metrics() : placement_metrics(); }

std::string const& placement::do_node() const noexcept {
  static std::string const none;
  return impl_ ? impl_->core->node() : none;
}

std::shared_ptr<placement_view const> placement::do_view() const { return core().board()->view(); }

bool placement::do_is_live() const { return impl_ && impl_->core->is_live(); }

awaitable<std::shared_ptr<placement_view const>> placement::do_wait_for_change(std::uint64_t seen,
                                                                               call_options options) {
  return aether::detail::placement_board::wait_for_change(core().board(), seen, options);
}

awaitable<void> placement::do_leave(call_options options) {
  auto& self = core();
  auto const standard = self.bucket().access()->config.operation_timeout;
  return placement_core::leave(self.shared_from_this(), aether::detail::deadline_after(options.timeout, standard));
}

lease_stamp placement::do_stamp_of(std::string_view node) const { return core().stamp_of(node); }

bool placement::do_is_late(lease_stamp const& stamp) const { return core().is_late(stamp); }

} // namespace aether::nats
