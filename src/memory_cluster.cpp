// Nodes in one process: one mutex, and a board for each.
#include <aether/memory_cluster.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "placement_board.hpp"

#include <aether/event.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace aether {
namespace detail {

struct cluster_member {
  placed_node node;
  placement_state state = placement_state::live;
  bool knows = true; ///< its own state
  std::shared_ptr<placement_board> board = std::make_shared<placement_board>();

  cluster_member() = default;
};

struct cluster_state {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<cluster_member>> members;
  std::map<std::string, std::weak_ptr<command_receiver>> receivers;
  std::set<std::string> silent;

  /// Everybody sees who lives; who does not know that it is taken for dead sees itself. With the mutex.
  void show() {
    std::vector<placed_node> live;
    for (auto const& [name, m] : members)
      if (m->state == placement_state::live)
        live.push_back(m->node);
    for (auto const& [name, m] : members) {
      auto seen = live;
      if (m->state == placement_state::lapsed && !m->knows) {
        seen.push_back(m->node);
        std::sort(seen.begin(), seen.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
      }
      m->board->show(m->knows ? m->state : placement_state::live, std::move(seen));
    }
  }
  void change(std::string const& name, placement_state to, bool knows) {
    std::lock_guard const lock(mutex);
    auto const found = members.find(name);
    if (found == members.end() || found->second->state == placement_state::observing)
      return;
    found->second->state = to;
    found->second->knows = knows;
    show();
  }
  /// Nothing, when it has gone already: another one may have its name now.
  void leave(std::shared_ptr<cluster_member> const& member) {
    std::lock_guard const lock(mutex);
    auto const found = members.find(member->node.name);
    if (found == members.end() || found->second != member)
      return;
    member->state = placement_state::left;
    member->knows = true;
    show();
    members.erase(found);
  }
};

} // namespace detail

namespace {

using detail::cluster_member;
using detail::cluster_state;
using detail::placement_board;
using detail::wait_end;
using detail::wait_state;

class memory_placement final : public placement {
public:
  memory_placement(std::shared_ptr<cluster_state> all, std::shared_ptr<cluster_member> self)
      : all_(std::move(all)), self_(std::move(self)) {}
  memory_placement(memory_placement const&) = delete;
  memory_placement& operator=(memory_placement const&) = delete;
  ~memory_placement() override { all_->leave(self_); }

private:
  std::string const& do_node() const noexcept override { return self_->node.name; }
  std::shared_ptr<placement_view const> do_view() const override { return self_->board->view(); }
  bool do_is_live() const override { return self_->board->view()->state == placement_state::live; }
  awaitable<std::shared_ptr<placement_view const>> do_wait_for_change(std::uint64_t seen,
                                                                      call_options options) override {
    return placement_board::wait_for_change(self_->board, seen, options);
  }
  awaitable<void> do_leave(call_options) override { return leave(all_, self_); }
  lease_stamp do_stamp_of(std::string_view node) const override {
    lease_stamp stamp;
    auto const known = self_->board->view();
    if (auto const* const found = known->find(node))
      stamp.incarnation = found->incarnation;
    return stamp;
  }
  bool do_is_late(lease_stamp const& stamp) const override { return stamp.incarnation != self_->node.incarnation; }

  static awaitable<void> leave(std::shared_ptr<cluster_state> all, std::shared_ptr<cluster_member> self) {
    all->leave(self);
    co_return;
  }

  std::shared_ptr<cluster_state> const all_;
  std::shared_ptr<cluster_member> const self_;
};

class memory_transport final : public command_transport {
public:
  explicit memory_transport(std::shared_ptr<cluster_state> all) : all_(std::move(all)) {}

private:
  awaitable<command_delivery> do_send(std::string node, std::string command, call_options options) override {
    return send(all_, std::move(node), std::move(command), options);
  }
  awaitable<std::shared_ptr<void>> do_listen(std::string node, std::shared_ptr<command_receiver> receiver,
                                             call_options) override {
    return listen(all_, std::move(node), std::move(receiver));
  }
  std::size_t do_max_bytes() const override { return std::size_t{1} << 20; }

  static awaitable<command_delivery> send(std::shared_ptr<cluster_state> all, std::string node, std::string command,
                                          call_options options) {
    std::shared_ptr<command_receiver> receiver;
    auto is_silent = false;
    {
      std::lock_guard const lock(all->mutex);
      if (auto const found = all->receivers.find(node); found != all->receivers.end())
        receiver = found->second.lock();
      is_silent = all->silent.contains(node);
    }
    if (!receiver && !is_silent)
      co_return command_delivery(delivery::nobody);
    auto const deadline = detail::deadline_after(options.timeout, std::chrono::seconds(10));
    auto const start = [&](std::shared_ptr<wait_state<std::string>> waiting) {
      if (!is_silent)
        receiver->on_command(std::move(command),
                             [waiting](std::string answer) { waiting->complete(std::move(answer)); });
    };
    auto end = co_await detail::wait_until<std::string>(deadline, start);
    detail::throw_if_cancelled(end);
    if (end.end != wait_end::completed)
      co_return command_delivery(delivery::unanswered);
    co_return command_delivery(delivery::answered, std::move(*end.value));
  }

  static awaitable<std::shared_ptr<void>> listen(std::shared_ptr<cluster_state> all, std::string node,
                                                 std::shared_ptr<command_receiver> receiver) {
    class listening {
    public:
      listening(std::shared_ptr<cluster_state> a, std::string n, std::weak_ptr<command_receiver> r)
          : all(std::move(a)), name(std::move(n)), receiver(std::move(r)) {}
      listening(listening const&) = delete;
      listening& operator=(listening const&) = delete;
      ~listening() {
        std::lock_guard const lock(all->mutex);
        auto const here = all->receivers.find(name);
        auto const is_mine = here != all->receivers.end() && !here->second.owner_before(receiver) &&
                             !receiver.owner_before(here->second);
        if (is_mine) // else somebody listens since
          all->receivers.erase(here);
      }

    private:
      std::shared_ptr<cluster_state> const all;
      std::string const name;
      std::weak_ptr<command_receiver> const receiver;
    };
    {
      std::lock_guard const lock(all->mutex);
      all->receivers[node] = receiver;
    }
    co_return std::make_shared<listening>(std::move(all), std::move(node), receiver);
  }

  std::shared_ptr<cluster_state> const all_;
};

} // namespace

memory_cluster::memory_cluster() : state_(std::make_shared<cluster_state>()) {}

namespace {

std::shared_ptr<cluster_member> new_member(std::string name, std::size_t weight, placement_state as) {
  auto made = std::make_shared<cluster_member>();
  made->node.name = std::move(name);
  made->node.weight = weight == 0 ? 1 : weight;
  made->node.incarnation = make_uuid();
  made->state = as;
  hash_ring().add(made->node.name, made->node.weight); // which checks them
  return made;
}

} // namespace

std::shared_ptr<placement> memory_cluster::join(std::string name, std::size_t weight) {
  auto self = new_member(std::move(name), weight, placement_state::live);
  {
    std::lock_guard const lock(state_->mutex);
    if (!state_->members.emplace(self->node.name, self).second)
      throw error(errc::node_name_taken, "node " + detail::quoted(self->node.name));
    state_->show();
  }
  return std::make_shared<memory_placement>(state_, std::move(self));
}

std::shared_ptr<placement> memory_cluster::observe(std::string name) {
  auto self = new_member(std::move(name), 0, placement_state::observing);
  {
    std::lock_guard const lock(state_->mutex);
    if (!state_->members.emplace(self->node.name, self).second)
      throw error(errc::node_name_taken, "node " + detail::quoted(self->node.name));
    state_->show();
  }
  return std::make_shared<memory_placement>(state_, std::move(self));
}

std::shared_ptr<command_transport> memory_cluster::transport() const {
  return std::make_shared<memory_transport>(state_);
}

void memory_cluster::expire(std::string const& node, bool knows) {
  state_->change(node, placement_state::lapsed, knows);
}

void memory_cluster::revive(std::string const& node) { state_->change(node, placement_state::live, true); }

void memory_cluster::silence(std::string const& node, bool is_silent) {
  std::lock_guard const lock(state_->mutex);
  if (is_silent)
    state_->silent.insert(node);
  else
    state_->silent.erase(node);
}

} // namespace aether
