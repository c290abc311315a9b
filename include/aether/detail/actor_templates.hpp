// From a decider and its commands to what the compiled part of the actor host sees.
#pragma once

#include <aether/actor_options.hpp>
#include <aether/detail/actor_model.hpp>
#include <aether/detail/described_json.hpp>
#include <aether/typed_event.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace aether::detail {

template <class D> class actor_state_of final : public actor_state {
public:
  typename D::state value{};

  std::unique_ptr<actor_state> copy() const override { return std::make_unique<actor_state_of>(*this); }
};

template <class D> typename D::state& state_of(actor_state& s) { return static_cast<actor_state_of<D>&>(s).value; }
template <class D> typename D::state const& state_of(actor_state const& s) {
  return static_cast<actor_state_of<D> const&>(s).value;
}

template <class D> class actor_type_of final : public actor_type {
public:
  static actor_type const& instance() {
    static actor_type_of const one;
    return one;
  }

  std::unique_ptr<actor_state> initial() const override { return std::make_unique<actor_state_of<D>>(); }
  bool apply(actor_state& to, event const& e) const override {
    auto const parsed = event_as_one_of<typename D::event>(e);
    if (!parsed)
      return false;
    std::visit([&](auto const& body) { D::evolve(state_of<D>(to), body); }, *parsed);
    return true;
  }
  bool keeps_snapshots() const noexcept override { return json_convertible<typename D::state>; }
  boost::json::value to_json(actor_state const& state) const override {
    if constexpr (json_convertible<typename D::state>)
      return to_json_value(state_of<D>(state));
    else
      return nullptr;
  }
  bool from_json(boost::json::value const& json, actor_state& into, std::string& why) const override {
    if constexpr (json_convertible<typename D::state>)
      return from_json_value(json, state_of<D>(into), why);
    else
      return false;
  }
  int state_version() const noexcept override {
    if constexpr (requires { D::state_version; })
      return D::state_version;
    else
      return 1;
  }
  bool one_by_one() const noexcept override {
    if constexpr (requires { D::multi_event; })
      return D::multi_event == multi_event::one_by_one;
    else
      return false;
  }
};

template <class D, class C> class actor_command_of final : public actor_command {
public:
  template <class... Arguments>
  explicit actor_command_of(std::in_place_t, Arguments&&... arguments)
      : command_(std::forward<Arguments>(arguments)...) {}

  void decide(actor_state const& on) override { decided_ = D::decide(command_, state_of<D>(on)); }
  rejection const* rejected() const noexcept override { return decided_.is_rejected() ? &decided_.reason() : nullptr; }
  std::size_t event_count() const noexcept override { return decided_.is_rejected() ? 0 : decided_.events().size(); }
  void evolve(actor_state& state) const override {
    for (auto const& e : decided_.events())
      std::visit([&](auto const& body) { D::evolve(state_of<D>(state), body); }, e);
  }
  void write(std::size_t index, event& into) const override {
    std::visit([&](auto const& body) { write_body(into, body); }, decided_.events()[index]);
  }

private:
  C command_;
  decision<typename D::event> decided_{no_events};
};

/// A query's result, apart from its function: a coroutine that holds it has no part of the caller's own types.
template <class Result> class actor_answer : public actor_query {
public:
  Result take() { return std::move(*result_); }

protected:
  std::optional<Result> result_;
};
template <> class actor_answer<void> : public actor_query {
public:
  void take() noexcept {}
};

template <class D, class Function, class Result> class actor_query_of final : public actor_answer<Result> {
public:
  explicit actor_query_of(Function function) : function_(std::move(function)) {}

  void look(actor_state const& at) override {
    if constexpr (std::is_void_v<Result>)
      function_(state_of<D>(at));
    else
      this->result_.emplace(function_(state_of<D>(at)));
  }

private:
  Function function_;
};

template <class Result>
awaitable<Result> answer(actor_address at, freshness how_fresh, call_options options,
                         std::shared_ptr<actor_answer<Result>> asked) {
  co_await run_query(std::move(at), how_fresh, options, asked);
  co_return asked->take();
}

} // namespace aether::detail
