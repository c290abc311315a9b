// Errors as answers.
#include "answers.hpp"

#include <boost/json/serialize.hpp>

#include <utility>

namespace orders {

http::answer json_answer(unsigned status, boost::json::object body) {
  http::answer made;
  made.status = status;
  made.body = boost::json::serialize(body) + '\n';
  return made;
}

http::answer problem(unsigned status, std::string const& code, std::string const& text) {
  boost::json::object body;
  body["error"] = code;
  body["message"] = text;
  http::answer made = json_answer(status, std::move(body));
  if (status == 503)
    made.headers.emplace_back("Retry-After", "1");
  return made;
}

http::answer refuse(unsigned status, http::limits const& limits) {
  switch (status) {
  case 413:
    return problem(413, "body_too_large", "at most " + std::to_string(limits.body_bytes) + " bytes");
  case 431:
    return problem(431, "header_too_large", "at most " + std::to_string(limits.header_bytes) + " bytes");
  case 503:
    return problem(503, "overloaded", "too many requests are under way; nothing was done");
  case 400:
    return problem(400, "malformed_request", "this is no HTTP/1.1 request");
  default:
    return problem(500, "internal_error", "the service's log says more");
  }
}

http::answer rejected(aether::rejection const& why) {
  auto const missing = why.code == "no_such_order";
  return problem(missing ? 404 : 409, why.code, why.text.empty() ? "the order's state does not allow this" : why.text);
}

namespace {

http::answer failed(aether::error const& e, std::string const& key) {
  using aether::errc;
  if (e.code() == errc::outcome_unknown) {
    boost::json::object body;
    body["error"] = "outcome_unknown";
    body["message"] = "it may be stored or not: repeat the request with this Idempotency-Key; it counts once";
    body["idempotencyKey"] = key;
    http::answer made = json_answer(504, std::move(body));
    made.headers.emplace_back("Retry-After", "1");
    return made;
  }
  if (e.code() == errc::overloaded)
    return problem(503, "overloaded", "too many commands wait for the store; nothing was stored");
  if (e.code() == errc::version_conflict)
    return problem(503, "busy", "others changed the same thing over and over; nothing was stored");
  if (e.code() == errc::closed)
    return problem(503, "shutting_down", "the service ends; nothing was stored");
  if (aether::is_retryable(e.code()))
    return problem(503, "store_unavailable", "the event store does not answer; nothing was stored");
  if (e.code() == errc::position_invalid || e.code() == errc::start_expired)
    return problem(400, "bad_last_event_id", e.what());
  if (e.code() == errc::invalid_id)
    return problem(400, "bad_id", e.what());
  return problem(500, "internal_error", e.what());
}

} // namespace

http::answer failed(std::exception_ptr what, std::string const& key) {
  try {
    std::rethrow_exception(what);
  } catch (bad_request const& e) {
    return problem(400, e.code(), e.what());
  } catch (aether::error const& e) {
    return failed(e, key);
  } catch (std::exception const& e) {
    return problem(500, "internal_error", e.what());
  }
}

} // namespace orders
