// The words of what was caught stand in the text of what is thrown.
#include "actor_failure.hpp"

#include "detail/utf8.hpp"

namespace aether::detail {
namespace {

std::string words_of_current() {
  try {
    throw;
  } catch (std::exception const& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

} // namespace

std::exception_ptr failed(errc code, std::string const& actor_id, std::int64_t version, std::string const& what) {
  try {
    std::throw_with_nested(error(code, "actor " + quoted(actor_id) + " at version " + std::to_string(version) + ": " +
                                           what + ": " + words_of_current()));
  } catch (...) {
    return std::current_exception();
  }
}

} // namespace aether::detail
