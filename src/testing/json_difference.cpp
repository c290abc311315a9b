// Where two JSON values begin to differ.
#include "testing/json_difference.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace aether::testing::detail {
namespace {

using boost::json::value;

std::string mismatch(std::string const& path, std::string const& expected, std::string const& actual) {
  return (path.empty() ? "" : path + ": ") + "expected " + expected + ", got " + actual;
}
std::string text(value const* v) { return v ? boost::json::serialize(*v) : "nothing"; }

std::string difference(std::string const& path, value const* expected, value const* actual);

std::string member(std::string const& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

std::string in_objects(std::string const& path, boost::json::object const& expected,
                       boost::json::object const& actual) {
  for (auto const& entry : expected)
    if (auto what = difference(member(path, {entry.key().data(), entry.key().size()}), &entry.value(),
                               actual.if_contains(entry.key()));
        !what.empty())
      return what;
  for (auto const& entry : actual)
    if (!expected.contains(entry.key()))
      return difference(member(path, {entry.key().data(), entry.key().size()}), nullptr, &entry.value());
  return {};
}

std::string in_arrays(std::string const& path, boost::json::array const& expected, boost::json::array const& actual) {
  for (std::size_t i = 0; i < std::max(expected.size(), actual.size()); ++i)
    if (auto what = difference(path + "[" + std::to_string(i) + "]", expected.if_contains(i), actual.if_contains(i));
        !what.empty())
      return what;
  return {};
}

std::string difference(std::string const& path, value const* expected, value const* actual) {
  if (expected && actual) {
    if (*expected == *actual)
      return {};
    if (expected->is_object() && actual->is_object())
      return in_objects(path, expected->get_object(), actual->get_object());
    if (expected->is_array() && actual->is_array())
      return in_arrays(path, expected->get_array(), actual->get_array());
  }
  return mismatch(path, text(expected), text(actual));
}

} // namespace

std::string first_difference(value const& expected, value const& actual) { return difference({}, &expected, &actual); }

} // namespace aether::testing::detail
