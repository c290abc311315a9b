// Where two JSON values begin to differ, for people.
#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace aether::testing::detail {

/// `items[3].amount: expected 5, got 6`; empty when they are equal.
std::string first_difference(boost::json::value const& expected, boost::json::value const& actual);

} // namespace aether::testing::detail
