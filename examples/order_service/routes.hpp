// Which path and method is what: a table and a pure function.
#pragma once

#include "http_server.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orders {

enum class route {
  page,
  metrics,
  health,
  place,
  read,
  pay,
  ship,
  cancel,
  follow_one,
  follow_all,
  fulfilment,
  read_stock,
  deliver,
};

struct route_entry {
  route what;
  http::verb method;
  std::string_view path; ///< `{}` stands for an id
  std::string_view name; ///< in the metrics
};

std::vector<route_entry> const& routes();

struct matched {
  route_entry const* entry = nullptr; ///< none: unknown path, or `allowed` says with which methods
  std::string id;
  std::string allowed; ///< `GET, POST`
  std::string query;

  matched() = default;
};

matched match(http::verb method, std::string_view target);

/// Letters, digits and `-`, 1 to 64: what this service makes ids of.
bool is_id(std::string_view text);

/// The value of a parameter, not decoded: those of this service need none.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name);

} // namespace orders
