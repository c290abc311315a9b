// What templates force out of the library of a circuit breaker. Included by circuit_breaker.hpp only.
#pragma once

#include <aether/circuit_breaker.hpp>
#include <aether/detail/operation.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace aether {
namespace detail {

struct no_argument {};

struct any_value_is_success {
  template <class T> circuit_verdict operator()(T const&) const noexcept { return circuit_verdict::success; }
};

template <class R, class Operation, class Verdict>
awaitable<R> run_in_circuit(std::shared_ptr<circuit> through, Operation operation, Verdict verdict) {
  circuit_permit permit(std::move(through));
  if constexpr (std::is_void_v<R>) {
    try {
      co_await call_with(callable_in(operation), no_argument());
    } catch (...) {
      permit.end(std::current_exception());
      throw;
    }
    permit.end(circuit_verdict::success);
  } else {
    std::optional<R> value;
    try {
      R returned = co_await call_with(callable_in(operation), no_argument());
      value.emplace(std::move(returned));
    } catch (...) {
      permit.end(std::current_exception());
      throw;
    }
    permit.end(callable_in(verdict)(std::as_const(*value)));
    co_return std::move(*value);
  }
}

} // namespace detail

template <class Operation> auto circuit_breaker::run(Operation&& operation) const {
  using result = detail::operation_result<Operation, detail::no_argument>;
  return detail::run_in_circuit<result>(circuit_, detail::keep(std::forward<Operation>(operation)),
                                        detail::any_value_is_success());
}

template <class Operation, class Verdict> auto circuit_breaker::run(Operation&& operation, Verdict&& verdict) const {
  using result = detail::operation_result<Operation, detail::no_argument>;
  return detail::run_in_circuit<result>(circuit_, detail::keep(std::forward<Operation>(operation)),
                                        detail::keep(std::forward<Verdict>(verdict)));
}

} // namespace aether
