// What the cases about readers, subscriptions and listings are written with.
#pragma once

#include <contract/contract.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace aether::test {

/// The versions that a reader hands out until its end.
awaitable<std::vector<std::int64_t>> read_all(event_store& store, std::string actor_id, read_options options = {});
awaitable<std::vector<std::int64_t>> rest_of(event_reader& reader);

/// `first` to `last`, in either direction.
std::vector<std::int64_t> versions_between(std::int64_t first, std::int64_t last);

/// Saves events `first` to `last` of an actor one by one, of types "Even" and "Odd".
awaitable<void> fill(event_store& store, std::string actor_id, std::int64_t first, std::int64_t last);

/// What a subscription hands out, as text: `actor@version`, `caught up`, `wrong`, or `nothing` within the timeout.
std::string text_of(std::optional<subscription_item> const& item);
awaitable<std::string> next_text(event_subscription& from);
/// The next `count` of them; what did not come within a long time is missing.
awaitable<std::vector<std::string>> next_texts(event_subscription& from, std::size_t count);
/// Everything up to and with `caught up`.
awaitable<std::vector<std::string>> until_caught_up(event_subscription& from);

inline call_options within(std::chrono::nanoseconds timeout) {
  call_options options;
  options.timeout = timeout;
  return options;
}
constexpr std::chrono::seconds long_enough{20};
constexpr std::chrono::milliseconds at_once{20}; ///< for what does not come

} // namespace aether::test
