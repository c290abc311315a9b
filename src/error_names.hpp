// Errors by names that other processes know, whatever their release counts them as.
#pragma once

#include <aether/error.hpp>

#include <optional>
#include <string_view>

namespace aether::detail {

/// Empty: it has none.
std::string_view error_name(errc e) noexcept;
std::optional<errc> error_of(std::string_view name) noexcept;

} // namespace aether::detail
