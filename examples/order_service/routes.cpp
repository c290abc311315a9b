// The table of routes.
#include "routes.hpp"

#include <algorithm>

namespace orders {

std::vector<route_entry> const& routes() {
  using http::verb;
  static std::vector<route_entry> const table{
      {route::page, verb::get, "/", "page"},
      {route::metrics, verb::get, "/metrics", "metrics"},
      {route::health, verb::get, "/health", "health"},
      {route::place, verb::post, "/orders", "place"},
      {route::read, verb::get, "/orders/{}", "read"},
      {route::pay, verb::post, "/orders/{}/pay", "pay"},
      {route::ship, verb::post, "/orders/{}/ship", "ship"},
      {route::cancel, verb::post, "/orders/{}/cancel", "cancel"},
      {route::follow_one, verb::get, "/orders/{}/events", "follow"},
      {route::fulfilment, verb::get, "/orders/{}/fulfilment", "fulfilment"},
      {route::follow_all, verb::get, "/events", "follow"},
      {route::read_stock, verb::get, "/stock/{}", "stock"},
      {route::deliver, verb::post, "/stock/{}", "deliver"},
  };
  return table;
}

namespace {

/// Whether the path is of that form; then `id` is what stands for `{}`.
bool fits(std::string_view form, std::string_view path, std::string& id) {
  auto const at = form.find("{}");
  if (at == std::string_view::npos)
    return form == path;
  auto const before = form.substr(0, at), behind = form.substr(at + 2);
  if (path.size() <= before.size() + behind.size() || !path.starts_with(before) || !path.ends_with(behind))
    return false;
  auto const found = path.substr(before.size(), path.size() - before.size() - behind.size());
  id = found;
  return is_id(found);
}

} // namespace

matched match(http::verb method, std::string_view target) {
  matched found;
  auto const question = target.find('?');
  auto const path = target.substr(0, question);
  if (question != std::string_view::npos)
    found.query = target.substr(question + 1);
  for (auto const& entry : routes()) {
    if (!fits(entry.path, path, found.id))
      continue;
    if (entry.method == method) {
      found.entry = &entry;
      return found;
    }
    auto const name = boost::beast::http::to_string(entry.method);
    found.allowed.append(found.allowed.empty() ? "" : ", ").append(name.data(), name.size());
  }
  return found;
}

bool is_id(std::string_view text) {
  auto const is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_fine);
}

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto const end = query.find('&');
    auto const part = query.substr(0, end);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
      return part.substr(name.size() + 1);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return std::nullopt;
}

} // namespace orders
