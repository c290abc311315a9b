// A NATS message: subject, headers and bytes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::nats {

/// Names and values. Names are case-sensitive and may repeat; the values of one are in the order they were sent, those
/// of several in no order. Avoid names that only lengthen another by up to three letters, as `userId` and `user`: cnats
/// may hand a received value of the shorter one out as one of the longer.
using header_list = std::vector<std::pair<std::string, std::string>>;

struct message {
  std::string subject;
  std::string reply; ///< where an answer is to go; empty: nowhere
  header_list headers;
  std::string data;
  int status = 0; ///< of a status message of the server (404, 408, 503 …); 0: an ordinary message

  message() = default;
  message(std::string s, std::string d) : subject(std::move(s)), data(std::move(d)) {}

  /// The first header of that name; an empty view when there is none.
  std::string_view header(std::string_view name) const noexcept {
    for (auto const& [key, value] : headers)
      if (key == name)
        return value;
    return {};
  }
};

} // namespace aether::nats
