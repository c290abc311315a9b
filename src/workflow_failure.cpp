// Exceptions as a journal holds them, and values that it does not take.
#include "workflow_failure.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>
#include <aether/workflow_options.hpp>

#include <boost/json/serialize.hpp>

#include <string>
#include <utility>

namespace aether::detail {

namespace {

constexpr std::size_t longest_message = 4096;

// What programs say may be of any length and encoding; a journal holds UTF-8.
std::string storable(std::string text) {
  if (text.size() > longest_message)
    text = text.substr(0, longest_message);
  return valid_utf8(text) ? text : escaped(text);
}

} // namespace

journal::failure failure_of(std::exception_ptr const& error) {
  journal::failure how;
  try {
    std::rethrow_exception(error);
  } catch (step_error const& e) {
    how.category = e.category();
    how.code = e.number();
    how.message = "step " + quoted(e.name()) + ": " + e.message();
  } catch (aether::error const& e) {
    how.category = e.code().category().name();
    how.code = e.code().value();
    how.message = e.what();
    // What the library says to the code's meaning may change, and is not stored.
    auto const meaning = ": " + e.code().what();
    if (how.message.ends_with(meaning))
      how.message.resize(how.message.size() - meaning.size());
  } catch (boost::system::system_error const& e) {
    how.category = e.code().category().name();
    how.code = e.code().value();
    how.message = e.what();
  } catch (std::system_error const& e) {
    how.category = e.code().category().name();
    how.code = e.code().value();
    how.message = e.what();
  } catch (std::exception const& e) {
    how.category = "exception";
    how.message = e.what();
  } catch (...) {
    how.category = "unknown";
    how.message = "something was thrown that is no std::exception";
  }
  how.message = storable(std::move(how.message));
  return how;
}

bool is_of(journal::failure const& how, boost::system::error_code const& code) {
  return how.category == code.category().name() && how.code == code.value();
}

std::exception_ptr unfit(boost::json::value const& value, std::size_t limit) {
  if (!value.is_structured() && !value.is_string())
    return nullptr;
  auto const text = boost::json::serialize(value);
  if (text.size() > limit)
    return std::make_exception_ptr(
        error(errc::workflow_result_too_large, "its result takes " + std::to_string(text.size()) +
                                                   " bytes; max_result_bytes is " + std::to_string(limit)));
  if (!valid_utf8(text))
    return std::make_exception_ptr(error(errc::invalid_argument, "its result is not UTF-8"));
  return nullptr;
}

} // namespace aether::detail
