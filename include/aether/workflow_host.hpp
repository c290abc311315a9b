// Starting workflows, talking to them from outside, and hosting their code.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/detail/workflow_calls.hpp>
#include <aether/event_store.hpp>
#include <aether/workflow.hpp>
#include <aether/workflow_options.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace aether {

enum class workflow_state {
  unknown, ///< there is none of that type and id
  running, ///< or waiting
  completed,
  failed,
  cancelled,
};

namespace detail {

class workflow_desk;
struct workflow_host_access;

awaitable<bool> start_workflow(std::shared_ptr<workflow_desk> desk, std::string type, std::int64_t code_version,
                               std::string id, boost::json::value input, call_options options);
awaitable<void> signal_workflow(std::shared_ptr<workflow_desk> desk, std::string type, std::string id, std::string name,
                                boost::json::value value, std::string signal_id, call_options options);
awaitable<void> cancel_workflow(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                                std::string reason, call_options options);
awaitable<workflow_state> find_workflow_state(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                                              call_options options);
/// Throws workflow_failed, workflow_not_found, timed_out.
awaitable<boost::json::value> wait_for_result(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                                              call_options options);
[[noreturn]] void refuse_result(std::string const& type, std::string const& id, std::string const& why);

template <class Result>
awaitable<Result> typed_result(std::shared_ptr<workflow_desk> desk, std::string type, std::string id,
                               call_options options) {
  boost::json::value const stored = co_await wait_for_result(std::move(desk), type, id, options);
  if constexpr (!std::is_void_v<Result>) {
    Result value{};
    std::string why;
    if (!from_json_value(stored, value, why))
      refuse_result(type, id, why);
    co_return value;
  }
}

} // namespace detail

/// Starts workflows and talks to them, whoever hosts them: a copyable handle. A workflow's actor is `{type}-{id}`.
///
/// Threads and cancelling: as event_store. All calls throw what reads and saves throw.
class workflow_client {
public:
  workflow_client() = default;
  /// Throws invalid_argument. From the first result() on it follows the ends of that type on `executor`, until the last
  /// copy goes.
  workflow_client(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store);

  /// True: it was started now; false: it had been started before, with the same input. Throws workflow_exists when it
  /// was started with another one. Type and id together are at most 254 bytes. The hosts find it by themselves, and one
  /// of them runs it.
  template <class Input, class Result>
  awaitable<bool> start(workflow_type<Input, Result> const& type, std::string id,
                        std::type_identity_t<Input> const& input, call_options options = {}) const {
    return detail::start_workflow(desk_, type.name(), type.code_version(), std::move(id), detail::to_json_value(input),
                                  options);
  }

  /// Stores a signal, whether anybody hosts the workflow or not. Throws workflow_not_found, workflow_finished. One that
  /// is repeated with its `signal_id` counts once in a run; without an id each counts. The event's id is
  /// `{type}-{id}/{signal_id}`, at most 255 bytes, else invalid_id.
  template <class Input, class Result, class Value>
  awaitable<void> signal(workflow_type<Input, Result> const& type, std::string id, std::string name, Value const& value,
                         std::string signal_id = {}, call_options options = {}) const {
    return detail::signal_workflow(desk_, type.name(), std::move(id), std::move(name), detail::to_json_value(value),
                                   std::move(signal_id), options);
  }

  /// Asks it to end, and returns when that is stored: what it waits for throws workflow_cancelled in it, and its undo
  /// steps run; result() tells what became of it. One that has finished stays as it is. Throws workflow_not_found.
  template <class Input, class Result>
  awaitable<void> cancel(workflow_type<Input, Result> const& type, std::string id, std::string reason = {},
                         call_options options = {}) const {
    return detail::cancel_workflow(desk_, type.name(), std::move(id), std::move(reason), options);
  }

  /// By its last event: one read.
  template <class Input, class Result>
  awaitable<workflow_state> state(workflow_type<Input, Result> const& type, std::string id,
                                  call_options options = {}) const {
    return detail::find_workflow_state(desk_, type.name(), std::move(id), options);
  }

  /// Waits until it has finished, also when that was long ago, without a limit if the options name none. Throws
  /// workflow_failed (which says how, cancelled ones too), workflow_not_found, timed_out, and malformed_event when what
  /// is stored is no Result.
  template <class Input, class Result>
  awaitable<Result> result(workflow_type<Input, Result> const& type, std::string id, call_options options = {}) const {
    return detail::typed_result<Result>(desk_, type.name(), std::move(id), options);
  }

  /// For hosts.
  explicit workflow_client(std::shared_ptr<detail::workflow_desk> desk) : desk_(std::move(desk)) {}

private:
  std::shared_ptr<detail::workflow_desk> desk_;
};

/// Hosts the code of workflows: a copyable handle, copies are the same host. It finds unfinished workflows of the types
/// that were added by itself, after a restart too, and goes on with them; several hosts may host the same types.
///
/// All workflows of a host run on one strand over `executor`, one at a time between their awaits: what computes for
/// long belongs on a pool of its own, inside a step. Destroying the last handle ends what runs as a crash would.
class workflow_host {
public:
  workflow_host() = default;
  /// Throws invalid_argument.
  workflow_host(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
                workflow_host_options options);

  /// Before open(). `code(workflow, Input)` returns awaitable<Result>; it is kept with what it captures, and called on
  /// the strand for every run and every replay.
  template <class Input, class Result, class Code> void add(workflow_type<Input, Result> const& type, Code code) {
    static_assert(detail::json_convertible<Input>, "a workflow's input has a form in JSON");
    static_assert(detail::journaled<Result>, "a workflow's result is void or has a form in JSON");
    static_assert(std::is_same_v<std::invoke_result_t<Code&, workflow, Input>, awaitable<Result>>,
                  "the code is callable with (workflow, Input) and returns awaitable<Result>");
    auto body_of = [kept = std::make_shared<Code>(std::move(code))](workflow w, boost::json::value const& in) {
      return call<Input, Result>(std::move(w), in, kept);
    };
    add_code(type.name(), type.code_version(), std::move(body_of));
  }

  /// Finds unfinished workflows of the types added, and runs them, until close(), the end of the last handle or of the
  /// context. Throws when the store cannot be followed.
  awaitable<void> open(call_options options = {});

  /// For what a client does; what is started here runs here, at once.
  workflow_client client() const;

  /// Takes nothing up any more, lets steps under way end and be stored, and drops the rest. What is not there by the
  /// deadline (0: 10 s) is cancelled, and repeated by whoever goes on.
  awaitable<void> close(call_options options = {});

  workflow_metrics metrics() const;

private:
  using body = std::function<awaitable<boost::json::value>(workflow, boost::json::value const&)>;

  template <class Input, class Result, class Code>
  static awaitable<boost::json::value> call(workflow w, boost::json::value in, std::shared_ptr<Code> code) {
    Input input{};
    std::string why;
    if (!detail::from_json_value(in, input, why))
      throw error(errc::malformed_event, "the input does not fit: " + why);
    boost::json::value stored;
    if constexpr (std::is_void_v<Result>) {
      co_await (*code)(std::move(w), std::move(input));
    } else {
      Result const result = co_await (*code)(std::move(w), std::move(input));
      stored = detail::to_json_value(result);
    }
    co_return stored;
  }
  void add_code(std::string type, std::int64_t code_version, body code);
  friend struct detail::workflow_host_access;

  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace aether
