// What workflow code calls, without its types: the templates of workflow.hpp are thin around these.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/detail/described_json.hpp>
#include <aether/detail/operation.hpp>
#include <aether/event.hpp>
#include <aether/workflow_options.hpp>

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace aether::detail {

class workflow_run;

std::string workflow_id(std::shared_ptr<workflow_run> const& run);
std::int64_t workflow_run_number(std::shared_ptr<workflow_run> const& run);
std::int64_t workflow_code_version(std::shared_ptr<workflow_run> const& run);
bool has_recorded(std::shared_ptr<workflow_run> const& run, std::string_view name);
[[noreturn]] void continue_as_new(std::shared_ptr<workflow_run> const& run, boost::json::value input);
/// A stored value does not fit what the code asks for.
[[noreturn]] void refuse_value(std::shared_ptr<workflow_run> const& run, std::string const& name,
                               std::string const& why);

using step_function = std::function<awaitable<boost::json::value>(step_info)>;

awaitable<boost::json::value> perform_step(std::shared_ptr<workflow_run> run, std::string name, step_function function,
                                           step_options options);
awaitable<void> sleep_until(std::shared_ptr<workflow_run> run, std::string name, time_point when);
awaitable<void> sleep_for(std::shared_ptr<workflow_run> run, std::string name, std::chrono::nanoseconds duration);
awaitable<time_point> recorded_now(std::shared_ptr<workflow_run> run, std::string name);
awaitable<std::uint64_t> recorded_random(std::shared_ptr<workflow_run> run, std::string name);
/// None: the time came first.
awaitable<std::optional<boost::json::value>> wait_for_signal(std::shared_ptr<workflow_run> run, std::string name,
                                                             std::optional<time_point> until);
awaitable<boost::json::value> wait_for_child(std::shared_ptr<workflow_run> run, std::string name, std::string type,
                                             std::int64_t code_version, boost::json::value input);
void add_undo(std::shared_ptr<workflow_run> const& run, std::string name, step_function function, step_options options);
/// Runs them side by side until all have ended; throws the first failure in their order.
awaitable<void> run_side_by_side(std::shared_ptr<workflow_run> run, std::vector<awaitable<void>> branches);

template <class Function> using step_result = operation_result<Function, step_info>;
template <class R>
concept journaled = std::is_void_v<R> || json_convertible<R>;

template <class R, class Kept> awaitable<boost::json::value> call_step(Kept kept, step_info info) {
  boost::json::value stored;
  if constexpr (std::is_void_v<R>) {
    co_await call_with(callable_in(kept), info);
  } else {
    R const result = co_await call_with(callable_in(kept), info);
    stored = to_json_value(result);
  }
  co_return stored;
}

/// For a function that lives until the step has ended.
template <class Function> step_function erase_step(Function&& function) {
  using result = step_result<Function>;
  return [kept = keep(std::forward<Function>(function))](step_info info) {
    return call_step<result>(kept, std::move(info));
  };
}

/// For one that lives in what is returned.
template <class Function> step_function own_step(Function function) {
  using result = step_result<Function&>;
  return [owned = std::make_shared<Function>(std::move(function))](step_info info) {
    return call_step<result>(std::ref(*owned), std::move(info));
  };
}

template <class T>
T value_as(std::shared_ptr<workflow_run> const& run, std::string const& name, boost::json::value const& stored) {
  T value{};
  std::string why;
  if (!from_json_value(stored, value, why))
    refuse_value(run, name, why);
  return value;
}

template <class R>
awaitable<R> run_step(std::shared_ptr<workflow_run> run, std::string name, step_function function,
                      step_options options) {
  boost::json::value const stored = co_await perform_step(run, name, std::move(function), std::move(options));
  if constexpr (!std::is_void_v<R>) {
    R value = value_as<R>(run, name, stored);
    co_return value;
  }
}

template <class T> awaitable<T> take_signal(std::shared_ptr<workflow_run> run, std::string name) {
  std::optional<boost::json::value> const stored = co_await wait_for_signal(run, name, std::nullopt);
  T value = value_as<T>(run, name, stored.value());
  co_return value;
}

template <class T>
awaitable<std::optional<T>> take_signal_until(std::shared_ptr<workflow_run> run, std::string name, time_point when) {
  std::optional<boost::json::value> const stored = co_await wait_for_signal(run, name, when);
  std::optional<T> value;
  if (stored)
    value.emplace(value_as<T>(run, name, *stored));
  co_return value;
}

template <class R>
awaitable<R> run_child(std::shared_ptr<workflow_run> run, std::string name, std::string type, std::int64_t code_version,
                       boost::json::value input) {
  boost::json::value const stored = co_await wait_for_child(run, name, std::move(type), code_version, std::move(input));
  if constexpr (!std::is_void_v<R>) {
    R value = value_as<R>(run, name, stored);
    co_return value;
  }
}

template <class T> using branch_value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
awaitable<void> keep_branch(awaitable<T> body, std::shared_ptr<std::optional<branch_value<T>>> into) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(body);
    into->emplace();
  } else {
    T value = co_await std::move(body);
    into->emplace(std::move(value));
  }
}

template <class... Ts>
awaitable<std::tuple<branch_value<Ts>...>>
join_branches(std::shared_ptr<workflow_run> run, std::vector<awaitable<void>> branches,
              std::tuple<std::shared_ptr<std::optional<branch_value<Ts>>>...> results) {
  co_await run_side_by_side(std::move(run), std::move(branches));
  co_return std::apply([](auto&... each) { return std::tuple<branch_value<Ts>...>(std::move(**each)...); }, results);
}

template <class... Ts>
awaitable<std::tuple<branch_value<Ts>...>> run_branches(std::shared_ptr<workflow_run> run, awaitable<Ts>... branches) {
  std::tuple results(std::make_shared<std::optional<branch_value<Ts>>>()...);
  std::vector<awaitable<void>> bodies;
  bodies.reserve(sizeof...(Ts));
  std::apply([&](auto&... each) { (bodies.push_back(keep_branch<Ts>(std::move(branches), each)), ...); }, results);
  return join_branches<Ts...>(std::move(run), std::move(bodies), std::move(results));
}

} // namespace aether::detail
