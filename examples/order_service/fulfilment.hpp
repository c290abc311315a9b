// The fulfilment of an order as a workflow, and what starts it and tells it what happened.
#pragma once

#include <aether/actor.hpp>
#include <aether/workflow_host.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace orders {

/// What a fulfilment begins with. It is stored, and the same whenever the order's first event is handled.
struct fulfilment_input {
  std::string order; ///< the actor's id
  std::string article;
  std::int64_t quantity = 0;
  aether::time_point pay_by;
};
BOOST_DESCRIBE_STRUCT(fulfilment_input, (), (order, article, quantity, pay_by))

/// Its result is `shipped`, `expired` or `sold out`. Its id is the order's without `order-`.
inline aether::workflow_type<fulfilment_input, std::string> const fulfilment("fulfilment");

aether::awaitable<std::string> fulfil(aether::actor_host actors, aether::workflow w, fulfilment_input in);

/// Tells fulfilments what happened to their orders, until it is cancelled. Any number of these, in any number of
/// processes, share the work.
aether::awaitable<void> dispatch(std::shared_ptr<aether::event_store> store, aether::workflow_client workflows,
                                 std::shared_ptr<aether::logger> log);

} // namespace orders
