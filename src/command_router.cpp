// The sending side of a router: here, or to the owner, and on to whom that names.
#include <aether/command_router.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "router_core.hpp"

#include <aether/json.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace aether {
namespace detail {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t max_nodes_tried = 2;

/// Where a command goes next. It is over after two nodes: then it is executed here.
class itinerary {
public:
  itinerary(placement const& where, std::string const& actor_id)
      : where_(where), actor_id_(actor_id), node_(where.owner_of(actor_id)) {
    if (node_ == where.node())
      node_.clear();
  }

  bool ends_here() const noexcept { return node_.empty(); }
  std::string const& node() const noexcept { return node_; }
  std::int64_t hop() const noexcept { return static_cast<std::int64_t>(tried_.size()); }

  /// The node named another one, or none.
  void moved_to(std::string owner) {
    tried_.push_back(std::exchange(node_, {}));
    if (tried_.size() < max_nodes_tried && owner != where_.node() && !is_tried(owner))
      node_ = std::move(owner);
  }
  /// Nobody answers for the node: the one that owns the actor when it is gone.
  void pass_over() {
    tried_.push_back(std::exchange(node_, {}));
    auto const view = where_.view();
    if (tried_.size() >= max_nodes_tried || view->ring.empty())
      return;
    for (auto const& next : view->ring.nodes_of(actor_id_, max_nodes_tried + 1)) {
      if (is_tried(next))
        continue;
      if (next != where_.node())
        node_ = next;
      return;
    }
  }

private:
  bool is_tried(std::string const& node) const { return std::find(tried_.begin(), tried_.end(), node) != tried_.end(); }

  placement const& where_;
  std::string const& actor_id_;
  std::string node_;
  std::vector<std::string> tried_;
};

nanoseconds time_left(steady_time deadline) {
  return std::max(std::chrono::duration_cast<nanoseconds>(deadline - std::chrono::steady_clock::now()), nanoseconds(1));
}

std::string command_name(routed_address const& to, command_options const& options) {
  return "command " + quoted(options.command_id) + " on actor " + quoted(to.id);
}

command_envelope envelope_of(routed_address const& to, command_options const& options, routed_command const& command) {
  command_envelope e;
  e.type = command.type();
  e.actor_id = to.id;
  e.command_id = options.command_id;
  e.data = command.to_json();
  e.metadata = options.metadata;
  e.maybe_repeated = options.maybe_repeated;
  e.from = to.router->where().node();
  if (json_depth(e.data, max_json_depth) > max_json_depth)
    throw error(errc::data_too_deep, command_name(to, options));
  return e;
}

/// The node's time is over before the sender's, who then hears that nothing was stored.
std::string text_for(command_envelope& e, itinerary const& way, placement const& where, nanoseconds left) {
  e.hop = way.hop();
  e.stamp = where.stamp_of(way.node());
  e.timeout =
      std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left * 9 / 10), std::chrono::milliseconds(1));
  return to_text(e);
}

void check_command_size(std::string const& text, command_transport const& way, std::string const& what) {
  if (text.size() > way.max_bytes())
    throw error(errc::event_too_large, what + ": " + std::to_string(text.size()) + " bytes, and " +
                                           std::to_string(way.max_bytes()) + " can be sent");
}

[[noreturn]] void throw_no_answer(router_core& router, std::string const& what, std::string const& why) {
  router.counts.unanswered.fetch_add(1, std::memory_order_relaxed);
  throw error(errc::outcome_unknown, what + ": " + why + ": repeat it with the same id");
}

/// The outcome, or none: the node has nothing to do with it, and the itinerary goes on.
std::optional<command_outcome> settle(router_core& router, itinerary& way, std::string const& what,
                                      command_delivery const& sent) {
  std::optional<command_outcome> over;
  if (sent.how == delivery::nobody || sent.how == delivery::not_sent) {
    router.counts.fell_back.fetch_add(1, std::memory_order_relaxed);
    way.pass_over();
    return over;
  }
  auto const node = "node " + quoted(way.node());
  if (sent.how == delivery::unanswered)
    throw_no_answer(router, what, node + " did not answer in time");
  command_answer a;
  std::string why;
  if (!parse_answer(sent.answer, a, why))
    throw_no_answer(router, what, "the answer of " + node + " is not understood: " + why);
  if (a.how == command_answer::end::moved) {
    router.counts.moved.fetch_add(1, std::memory_order_relaxed);
    way.moved_to(std::move(a.owner));
    return over;
  }
  router.counts.answered.fetch_add(1, std::memory_order_relaxed);
  if (a.how == command_answer::end::failed)
    throw error(a.error, node + ": " + a.text);
  if (a.how == command_answer::end::rejected)
    over.emplace(std::move(a.reason));
  else
    over.emplace(a.result);
  return over;
}

actor_address address_here(routed_address const& to) {
  actor_address here;
  here.host = to.router->host_core();
  here.type = to.type;
  here.id = to.id;
  return here;
}

awaitable<command_outcome> route_far(routed_address to, command_options options,
                                     std::unique_ptr<routed_command> command) {
  if (!to.router)
    throw error(errc::not_open, "this routed actor is default-made");
  auto& router = *to.router;
  if (router.refuses())
    throw error(errc::closed, "the command router of actor " + quoted(to.id) + " was closed");
  if (!valid_id(to.id))
    throw error(errc::invalid_id, "the actor id " + quoted(to.id) + " is not 1 to 255 bytes of UTF-8 without NUL");
  auto const deadline = deadline_after(options.timeout, router.host().rules().command_timeout);
  if (options.command_id.empty())
    options.command_id = make_uuid();
  auto const what = command_name(to, options);
  itinerary way(router.where(), to.id);
  if (!way.ends_here()) {
    auto envelope = envelope_of(to, options, *command);
    while (!way.ends_here()) {
      call_options limit;
      limit.timeout = time_left(deadline);
      auto text = text_for(envelope, way, router.where(), limit.timeout);
      check_command_size(text, router.way(), what);
      auto const sent = co_await router.way().send(way.node(), std::move(text), limit);
      if (auto over = settle(router, way, what, sent))
        co_return std::move(*over);
    }
  }
  router.counts.here.fetch_add(1, std::memory_order_relaxed);
  options.timeout = time_left(deadline);
  auto outcome = co_await run_command(address_here(to), std::move(options), command->take());
  co_return outcome;
}

} // namespace

awaitable<command_outcome> route_command(routed_address to, command_options options,
                                         std::unique_ptr<routed_command> command) {
  if (!to.router || to.router->refuses() || !to.router->where().owns(to.id))
    return route_far(std::move(to), std::move(options), std::move(command));
  to.router->counts.here.fetch_add(1, std::memory_order_relaxed);
  return run_command(address_here(to), std::move(options), command->take());
}

awaitable<command_result> route_command_or_throw(routed_address to, command_options options,
                                                 std::unique_ptr<routed_command> command) {
  auto const what = "actor " + quoted(to.id);
  auto const outcome = co_await route_command(std::move(to), std::move(options), std::move(command));
  if (auto const* const why = std::get_if<rejection>(&outcome))
    throw command_rejected(*why, what);
  co_return std::get<command_result>(outcome);
}

} // namespace detail

struct command_router::impl {
  std::shared_ptr<detail::router_core> const core;

  explicit impl(std::shared_ptr<detail::router_core> made) : core(std::move(made)) {}
  ~impl() { core->stop(); }
};

awaitable<command_router> command_router::open(actor_host host, std::shared_ptr<placement> where,
                                               std::shared_ptr<command_transport> way, command_routes routes,
                                               command_router_options options) {
  if (!where || !way)
    throw error(errc::invalid_argument, "command_router::open: there is no placement, or no transport");
  auto const executor = detail::unwrap_strands(co_await boost::asio::this_coro::executor);
  auto core = std::make_shared<detail::router_core>(executor, std::move(host), std::move(where), std::move(way),
                                                    std::move(routes), std::move(options));
  auto made = std::make_shared<impl>(core);
  co_await detail::router_core::start(std::move(core));
  co_return command_router(std::move(made));
}

namespace {

awaitable<void> close_router(std::shared_ptr<detail::router_core> core, call_options options) {
  auto const deadline = detail::deadline_after(options.timeout, core->host().rules().command_timeout);
  core->refuse();
  auto const start = [&](std::shared_ptr<detail::wait_state<bool>> waiting) { core->when_quiet(std::move(waiting)); };
  auto const end = co_await detail::wait_until<bool>(deadline, start);
  throw_if_cancelled(end);
  core->stop();
  if (end.end == detail::wait_end::timed_out)
    throw error(errc::timed_out, "closing a command router: commands of other nodes are still under way");
}

} // namespace

awaitable<void> command_router::close(call_options options) {
  if (!impl_)
    throw error(errc::not_open, "this command router is default-made or was moved from");
  return close_router(impl_->core, options);
}

router_metrics command_router::metrics() const { return impl_ ? impl_->core->metrics() : router_metrics(); }

detail::routed_address command_router::address(detail::actor_type const& type, std::string id) const {
  if (!impl_)
    throw error(errc::not_open, "this command router is default-made or was moved from");
  detail::routed_address at;
  at.router = impl_->core;
  at.type = &type;
  at.id = std::move(id);
  return at;
}

} // namespace aether
