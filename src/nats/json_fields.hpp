// Members of a JSON object that may be missing or of another type than expected.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace aether::nats::detail {

inline boost::json::object const* object_at(boost::json::object const& o, std::string_view name) noexcept {
  auto const* v = o.if_contains(name);
  return v ? v->if_object() : nullptr;
}

inline boost::json::array const* array_at(boost::json::object const& o, std::string_view name) noexcept {
  auto const* v = o.if_contains(name);
  return v ? v->if_array() : nullptr;
}

inline std::optional<std::string_view> string_at(boost::json::object const& o, std::string_view name) noexcept {
  auto const* v = o.if_contains(name);
  auto const* s = v ? v->if_string() : nullptr;
  return s ? std::optional<std::string_view>(std::in_place, s->data(), s->size()) : std::nullopt;
}

inline std::optional<bool> bool_at(boost::json::object const& o, std::string_view name) noexcept {
  auto const* v = o.if_contains(name);
  auto const* b = v ? v->if_bool() : nullptr;
  return b ? std::optional(*b) : std::nullopt;
}

inline std::optional<std::int64_t> integer_at(boost::json::object const& o, std::string_view name) noexcept {
  auto const* v = o.if_contains(name);
  auto const* i = v ? v->if_int64() : nullptr;
  return i ? std::optional(*i) : std::nullopt;
}

inline std::optional<std::uint64_t> unsigned_at(boost::json::object const& o, std::string_view name) noexcept {
  auto const* v = o.if_contains(name);
  if (!v)
    return std::nullopt;
  if (auto const* i = v->if_int64())
    return *i >= 0 ? std::optional(static_cast<std::uint64_t>(*i)) : std::nullopt;
  auto const* u = v->if_uint64();
  return u ? std::optional(*u) : std::nullopt;
}

} // namespace aether::nats::detail
