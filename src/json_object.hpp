// A whole text as one JSON object.
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace aether::detail {

/// Strictly, and with each number as it stands, as the data of events is read: boost::json's own parser may give the
/// double beside it. Of a name that occurs twice the last counts. `why` is to be empty; when false is returned it says
/// what is wrong, with nothing of the text.
bool parse_json_object(std::string_view text, int levels, boost::json::object& out, std::string& why);

} // namespace aether::detail
