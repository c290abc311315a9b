// Implementation of what the cases about reading at any length are written with.
#include <contract/reading.hpp>

namespace aether::test {

awaitable<std::vector<std::int64_t>> rest_of(event_reader& reader) {
  std::vector<std::int64_t> versions;
  for (;;) {
    std::optional<recorded_event> const next = co_await reader.next();
    if (!next)
      co_return versions;
    versions.push_back(next->event.version);
  }
}

awaitable<std::vector<std::int64_t>> read_all(event_store& store, std::string actor_id, read_options options) {
  event_reader reader = store.read_events(std::move(actor_id), options);
  std::vector<std::int64_t> versions = co_await rest_of(reader);
  co_return versions;
}

std::vector<std::int64_t> versions_between(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> versions;
  for (std::int64_t v = first; first <= last ? v <= last : v >= last; v += first <= last ? 1 : -1)
    versions.push_back(v);
  return versions;
}

awaitable<void> fill(event_store& store, std::string actor_id, std::int64_t first, std::int64_t last) {
  for (std::int64_t version = first; version <= last; ++version) {
    event e = event_of(actor_id, version);
    e.event_type = version % 2 == 0 ? "Even" : "Odd";
    co_await store.save_event(std::move(e));
  }
}

std::string text_of(std::optional<subscription_item> const& item) {
  if (!item)
    return "nothing";
  if (std::holds_alternative<caught_up>(*item))
    return "caught up";
  auto const* e = std::get_if<recorded_event>(&*item);
  return e ? e->event.actor_id + "@" + std::to_string(e->event.version) : "wrong";
}

awaitable<std::string> next_text(event_subscription& from) {
  std::optional<subscription_item> const item = co_await from.next(within(long_enough));
  co_return text_of(item);
}

awaitable<std::vector<std::string>> next_texts(event_subscription& from, std::size_t count) {
  std::vector<std::string> texts;
  while (texts.size() < count) {
    std::string text = co_await next_text(from);
    if (text == "nothing")
      break;
    texts.push_back(std::move(text));
  }
  co_return texts;
}

awaitable<std::vector<std::string>> until_caught_up(event_subscription& from) {
  std::vector<std::string> texts;
  for (;;) {
    std::string text = co_await next_text(from);
    bool const ended = text == "caught up" || text == "nothing";
    texts.push_back(std::move(text));
    if (ended)
      co_return texts;
  }
}

} // namespace aether::test
