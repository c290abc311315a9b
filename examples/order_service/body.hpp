// A request's JSON body, read member by member; what does not fit is a bad_request that names it.
#pragma once

#include "answers.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace orders {

class body_reader {
public:
  explicit body_reader(std::string_view text) {
    boost::system::error_code ec;
    boost::json::value parsed = boost::json::parse({text.data(), text.size()}, ec);
    if (ec)
      throw bad_request("malformed_json", "the body is no JSON: " + ec.message());
    if (!parsed.is_object())
      throw bad_request("malformed_json", "the body has to be a JSON object");
    body_ = std::move(parsed.as_object());
  }

  /// 1 to `most` bytes.
  std::string text(std::string_view name, std::size_t most) {
    auto const* const found = find(name);
    if (!found)
      throw bad_request("missing_member", "the member \"" + std::string(name) + "\" is missing");
    if (!found->is_string() || found->as_string().empty() || found->as_string().size() > most)
      throw bad_request("bad_member", "the member \"" + std::string(name) + "\" has to be a string of 1 to " +
                                          std::to_string(most) + " bytes");
    return std::string(found->as_string());
  }

  std::int64_t number(std::string_view name, std::int64_t least, std::int64_t most) {
    auto const* const found = find(name);
    if (!found)
      throw bad_request("missing_member", "the member \"" + std::string(name) + "\" is missing");
    if (!found->is_int64() || found->as_int64() < least || found->as_int64() > most)
      throw bad_request("bad_member", "the member \"" + std::string(name) + "\" has to be an integer from " +
                                          std::to_string(least) + " to " + std::to_string(most));
    return found->as_int64();
  }

  /// Call it last: a member that nobody asked for is a mistake, most often in its name.
  void finish() const {
    for (auto const& member : body_)
      if (!known_.contains(std::string(member.key())))
        throw bad_request("unknown_member", "there is no member \"" + std::string(member.key()) + "\"");
  }

private:
  boost::json::value const* find(std::string_view name) {
    known_.emplace(name);
    return body_.if_contains({name.data(), name.size()});
  }

  boost::json::object body_;
  std::set<std::string> known_;
};

} // namespace orders
