// What the cases about groups share.
#pragma once

#include <contract/contract.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace aether::test {

inline group_options group_named(std::string name, std::chrono::nanoseconds ack_timeout = std::chrono::seconds(60)) {
  group_options options;
  options.name = std::move(name);
  options.ack_timeout = ack_timeout;
  return options;
}

/// Long enough for what is to come; a test that waits so long has failed.
inline call_options soon() { return call_options{std::chrono::seconds(20)}; }
/// Long enough to see that nothing comes.
inline call_options a_moment() { return call_options{std::chrono::milliseconds(300)}; }

/// Saves events of the actor with the versions first to last.
inline awaitable<void> save_some(event_store& store, std::string actor_id, std::int64_t first, std::int64_t last) {
  for (auto version = first; version <= last; ++version) {
    event e = event_of(actor_id, version);
    co_await store.save_event(std::move(e));
  }
}

inline std::string name_of(event const& e) { return e.actor_id + "/" + std::to_string(e.version); }

/// Takes and acknowledges what comes: so many events, and what else comes within a moment.
inline awaitable<std::vector<std::string>> take_all(event_group& group, std::size_t count) {
  std::vector<std::string> out;
  for (;;) {
    call_options const patience = out.size() < count ? soon() : a_moment();
    auto e = co_await group.next(patience);
    if (!e)
      co_return out;
    out.push_back(name_of(e->event()));
    co_await e->acknowledge();
  }
}

inline awaitable<std::vector<dead_letter>> letters_of(event_store& store, std::string group) {
  std::vector<dead_letter> out;
  auto list = store.dead_letters(std::move(group));
  for (;;) {
    auto letter = co_await list.next();
    if (!letter)
      co_return out;
    out.push_back(std::move(*letter));
  }
}

/// The same while its member waits, until there is one: it is given up when it would be handed out once more.
inline awaitable<std::vector<dead_letter>> letters_to_come(event_store& store, event_group& member, std::string group) {
  std::vector<dead_letter> letters;
  for (int i = 0; i < 60 && letters.empty(); ++i) {
    auto const none = co_await member.next(a_moment());
    BOOST_TEST(!none.has_value());
    letters = co_await letters_of(store, group);
  }
  co_return letters;
}

} // namespace aether::test
