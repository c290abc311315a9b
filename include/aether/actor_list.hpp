// Which actors a store holds.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether {

struct listed_actor {
  std::string actor_id;
  std::uint64_t events = 0; ///< stored messages on its subject when its page was read

  listed_actor() = default;
  listed_actor(std::string id, std::uint64_t count) : actor_id(std::move(id)), events(count) {}
};

struct list_options {
  std::string type; ///< only actors of this type; empty: all
  std::optional<trace_context> trace{}; ///< the span that the listing belongs to

  list_options() = default;
};

class event_store;
namespace detail {
class watched_call;
} // namespace detail

/// For stores: page after page, each actor once.
class actor_pages {
public:
  virtual ~actor_pages() = default;
  /// The next page; empty: the end. Cancelled or failed it may be called again. What it is called on outlives the
  /// awaitable.
  virtual awaitable<std::vector<listed_actor>> next_page(call_options options) = 0;
};

/// A move-only handle on a listing under way, in no promised order. Every actor that exists throughout comes exactly
/// once; of one that appears or goes meanwhile nothing is promised. One page is in memory. One coroutine at a time.
class actor_list {
public:
  actor_list() = default;
  explicit actor_list(std::shared_ptr<actor_pages> pages);
  actor_list(actor_list&&) noexcept = default;
  actor_list& operator=(actor_list&&) noexcept = default;
  ~actor_list();

  /// The next actor; none: the end. The timeout is of one page.
  awaitable<std::optional<listed_actor>> next(call_options options = {});

private:
  friend class event_store;
  void watched_by(detail::watched_call call);

  struct state;
  static awaitable<std::optional<listed_actor>> next_actor(std::shared_ptr<state> self, call_options options);

  std::shared_ptr<state> state_;
};

} // namespace aether
