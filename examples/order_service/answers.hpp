// What is answered when something went wrong: a JSON body that names the mistake, and how to go on.
#pragma once

#include "http_server.hpp"

#include <aether/decision.hpp>
#include <aether/error.hpp>

#include <boost/json/object.hpp>

#include <exception>
#include <stdexcept>
#include <string>

namespace orders {

/// A request that is wrong in itself.
class bad_request : public std::runtime_error {
public:
  bad_request(std::string code, std::string const& text) : runtime_error(text), code_(std::move(code)) {}
  std::string const& code() const noexcept { return code_; }

private:
  std::string code_;
};

http::answer json_answer(unsigned status, boost::json::object body);

/// `{"error": code, "message": text}`; with 503 a Retry-After.
http::answer problem(unsigned status, std::string const& code, std::string const& text);

/// For the shell: 400, 413, 431, 500, 503.
http::answer refuse(unsigned status, http::limits const& limits);

http::answer rejected(aether::rejection const& why);

/// Of what the library threw. `key` is the idempotency key under which the request may be repeated; may be empty.
http::answer failed(std::exception_ptr what, std::string const& key);

} // namespace orders
