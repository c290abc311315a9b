// Text as a JSON string, for what is asked of JetStream's API.
#pragma once

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

#include <string>
#include <string_view>

namespace aether::nats::detail {

inline std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

} // namespace aether::nats::detail
