// Exact patterns by hash, the others in a tree of tokens.
#include "bus_registry.hpp"

#include "bus_pattern.hpp"

#include <utility>

namespace aether::detail {

void bus_registry::add(std::shared_ptr<bus_inbox> inbox) {
  auto const keep = [&](inboxes& list) {
    list.push_back(inbox);
    inbox->place = list.size() - 1;
  };
  if (is_exact(inbox->pattern())) {
    auto& s = shard_of(inbox->pattern());
    std::lock_guard lock(s.mutex);
    auto found = s.topics.find(inbox->pattern());
    if (found == s.topics.end()) {
      topic made;
      made.name = std::make_shared<std::string const>(inbox->pattern());
      keep(made.here);
      s.topics.emplace(inbox->pattern(), std::move(made));
    } else {
      keep(found->second.here);
    }
  } else {
    std::lock_guard lock(wild_mutex_);
    try {
      keep(list_made(inbox->pattern()));
    } catch (...) {
      prune(inbox->pattern()); // what was made on the way
      throw;
    }
    ++wild_count_;
  }
  ++subscribers_;
  if (closed_)
    inbox->close();
}

void bus_registry::remove(bus_inbox& inbox) noexcept {
  std::shared_ptr<bus_inbox> gone; // destroyed without a lock
  auto const drop = [&](inboxes& list) {
    auto const place = inbox.place;
    gone = std::move(list[place]);
    if (place + 1 != list.size()) {
      list[place] = std::move(list.back());
      list[place]->place = place;
    }
    list.pop_back();
  };
  if (is_exact(inbox.pattern())) {
    auto& s = shard_of(inbox.pattern());
    std::lock_guard lock(s.mutex);
    auto const found = s.topics.find(inbox.pattern());
    drop(found->second.here);
    if (found->second.here.empty())
      s.topics.erase(found);
  } else {
    std::lock_guard lock(wild_mutex_);
    drop(*list_there(inbox.pattern()));
    prune(inbox.pattern());
    --wild_count_;
  }
  --subscribers_;
}

void bus_registry::put(std::string_view name_space, std::shared_ptr<event const> const& e) {
  published_.fetch_add(1, std::memory_order_relaxed);
  if (closed_)
    return;
  auto& s = shard_of(name_space);
  std::lock_guard lock(s.mutex);
  auto const found = s.topics.find(name_space);
  auto const known = found != s.topics.end();
  if (known)
    put_to(found->second.here, found->second.name, e);
  if (wild_count_ == 0)
    return;
  auto const name = known ? found->second.name : std::make_shared<std::string const>(name_space);
  name_tokens const tokens(name_space);
  std::lock_guard wild_lock(wild_mutex_);
  put_below(wild_, tokens.at.data(), tokens.count, name, e);
}

void bus_registry::close() noexcept {
  closed_ = true;
  auto const close_all = [](inboxes const& list) {
    for (auto const& inbox : list)
      inbox->close();
  };
  for (auto& s : shards_) {
    std::lock_guard lock(s.mutex);
    for (auto const& [name, t] : s.topics)
      close_all(t.here);
  }
  auto const close_branch = [&](auto const& self, branch const& b) -> void {
    close_all(b.here);
    close_all(b.below);
    for (auto const& [token, next] : b.named)
      self(self, *next);
    if (b.any)
      self(self, *b.any);
  };
  std::lock_guard lock(wild_mutex_);
  close_branch(close_branch, wild_);
}

bus_metrics bus_registry::metrics() const noexcept {
  bus_metrics m;
  m.published = published_;
  m.received = received_;
  m.dropped = dropped_;
  m.subscribers = subscribers_;
  return m;
}

bus_registry::inboxes& bus_registry::list_made(std::string_view pattern) {
  name_tokens const tokens(pattern);
  auto* b = &wild_;
  for (std::size_t i = 0; i < tokens.count; ++i) {
    auto const token = tokens.at[i];
    if (token == ">")
      return b->below;
    auto* next = next_of(*b, token);
    if (!next) {
      auto made = std::make_unique<branch>();
      next = made.get();
      if (token == "*")
        b->any = std::move(made);
      else
        b->named.emplace(token, std::move(made));
    }
    b = next;
  }
  return b->here;
}

bus_registry::inboxes* bus_registry::list_there(std::string_view pattern) noexcept {
  name_tokens const tokens(pattern);
  auto* b = &wild_;
  for (std::size_t i = 0; b && i < tokens.count; ++i) {
    auto const token = tokens.at[i];
    if (token == ">")
      return &b->below;
    b = next_of(*b, token);
  }
  return b ? &b->here : nullptr;
}

bus_registry::branch* bus_registry::next_of(branch& from, std::string_view token) noexcept {
  if (token == "*")
    return from.any.get();
  auto const found = from.named.find(token);
  return found == from.named.end() ? nullptr : found->second.get();
}

void bus_registry::prune(std::string_view pattern) noexcept {
  name_tokens const tokens(pattern);
  prune(wild_, tokens.at.data(), tokens.count);
}

void bus_registry::prune(branch& from, std::string_view const* tokens, std::size_t count) noexcept {
  if (count == 0 || *tokens == ">")
    return;
  auto* const next = next_of(from, *tokens);
  if (!next)
    return;
  prune(*next, tokens + 1, count - 1);
  if (!next->is_bare())
    return;
  if (next == from.any.get())
    from.any.reset();
  else
    from.named.erase(from.named.find(*tokens));
}

void bus_registry::put_to(inboxes const& list, std::shared_ptr<std::string const> const& name_space,
                          std::shared_ptr<event const> const& e) noexcept {
  put_counts ends;
  for (auto const& inbox : list)
    ends.add(inbox->put(name_space, e));
  received_.fetch_add(ends.taken, std::memory_order_relaxed);
  if (ends.dropped > 0)
    dropped_.fetch_add(ends.dropped, std::memory_order_relaxed);
}

void bus_registry::put_below(branch const& from, std::string_view const* tokens, std::size_t count,
                             std::shared_ptr<std::string const> const& name_space,
                             std::shared_ptr<event const> const& e) noexcept {
  if (count == 0)
    return put_to(from.here, name_space, e);
  put_to(from.below, name_space, e);
  if (from.any)
    put_below(*from.any, tokens + 1, count - 1, name_space, e);
  if (auto const next = from.named.find(*tokens); next != from.named.end())
    put_below(*next->second, tokens + 1, count - 1, name_space, e);
}

} // namespace aether::detail
