// Calling what users hand over to be awaited later and more than once: what it returns, and how it is kept.
#pragma once

#include <aether/awaitable.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace aether::detail {

template <class T> struct awaited {
  static constexpr bool is_awaitable = false;
};
template <class T, class Executor> struct awaited<boost::asio::awaitable<T, Executor>> {
  static constexpr bool is_awaitable = true;
  using type = T;
};

template <class Operation, class Argument> decltype(auto) call_with(Operation& operation, Argument const& argument) {
  if constexpr (std::is_invocable_v<Operation&, Argument const&>)
    return std::invoke(operation, argument);
  else
    return std::invoke(operation);
}

template <class Operation, class Argument> struct operation_of {
  using callable = std::remove_reference_t<Operation>;
  static_assert(std::is_invocable_v<callable&, Argument const&> || std::is_invocable_v<callable&>,
                "the operation must be callable without arguments, or with what it is called with here");
  using called = decltype(call_with(std::declval<callable&>(), std::declval<Argument const&>()));
  static_assert(awaited<called>::is_awaitable, "the operation must return an awaitable");
  using result = typename awaited<called>::type;
};

template <class Operation, class Argument> using operation_result = typename operation_of<Operation, Argument>::result;

/// What a coroutine keeps of it: a reference to what has a name, a copy of what owns nothing.
template <class Callable>
using kept_callable =
    std::conditional_t<std::is_lvalue_reference_v<Callable>, std::reference_wrapper<std::remove_reference_t<Callable>>,
                       std::remove_reference_t<Callable>>;

template <class Callable> kept_callable<Callable&&> keep(Callable&& callable) {
  // Beside `co_await`, g++ 12 destroys a temporary lambda's captures twice.
  static_assert(std::is_lvalue_reference_v<Callable> || std::is_trivially_destructible_v<Callable>,
                "capture by reference, or name what is called first: a temporary must own nothing (g++ 12)");
  return std::forward<Callable>(callable);
}

template <class T> T& callable_in(std::reference_wrapper<T> kept) noexcept { return kept.get(); }
template <class T> T& callable_in(T& kept) noexcept { return kept; }

} // namespace aether::detail
