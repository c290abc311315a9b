// What goes wrong in a workflow, in the form in which it is stored.
#pragma once

#include "workflow_journal.hpp"

#include <aether/error.hpp>

#include <boost/json/value.hpp>

#include <cstddef>
#include <exception>

namespace aether::detail {

/// An exception as it is stored.
journal::failure failure_of(std::exception_ptr const& error);

/// Whether it was an error of this code.
bool is_of(journal::failure const& how, boost::system::error_code const& code);

/// Why a value cannot be stored; null: it can.
std::exception_ptr unfit(boost::json::value const& value, std::size_t limit);

} // namespace aether::detail
