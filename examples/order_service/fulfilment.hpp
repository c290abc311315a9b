// The fulfilment of an order as a workflow.
#pragma once

#include <aether/actor.hpp>
#include <aether/workflow_host.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
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
inline aether::workflow_type<fulfilment_input, std::string> const fulfilments("fulfilment");

aether::awaitable<std::string> fulfil(aether::actor_host actors, aether::workflow w, fulfilment_input in);

} // namespace orders
