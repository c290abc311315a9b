// Any bytes as an answer of JetStream's API; the first byte says which.
#include "nats/api_answer.hpp"

#include "fuzz/property.hpp"

#include <aether/error.hpp>

namespace {

using namespace aether::nats::detail;
using aether::fuzz::demand;

void check_error(api_error const& e) {
  demand(e.code >= 0 && e.err_code >= 0, "an error's numbers are not negative");
  demand(e.code != 0 || e.err_code == 0, "what is not understood has no number");
  demand(to_errc(e).failed() && !text_of(e).empty(), "an error has a code and a text");
  demand(e.code != 0 || (to_errc(e) == aether::errc::protocol_error && !is_temporary(e)), "of its own");
  (void)is_no_message(e);
}

template <class T, class Check> void check(answer_of<T> const& answer, Check consistent) {
  if (auto const* error = std::get_if<api_error>(&answer))
    check_error(*error);
  else
    consistent(std::get<T>(answer));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto text = aether::fuzz::text_of(data, size);
  char const which = text.empty() ? 'm' : text.front();
  text.remove_prefix(text.empty() ? 0 : 1);
  switch (which) {
  case 'm':
    check(parse_stored_message(text), [](stored_message const& m) {
      demand(m.sequence != 0, "a stored message has a sequence");
      for (auto const& [name, value] : m.headers)
        demand(!name.empty() && m.header(name).data() != nullptr, "its headers have names, by which they are found");
    });
    break;
  case 'c':
    check(parse_consumer_answer(text), [](consumer_answer const& c) { demand(!c.name.empty(), "it has a name"); });
    break;
  case 'a':
    check(parse_account_answer(text), [](account_answer const& a) { demand(a.api_level >= 0, "levels count up"); });
    break;
  case 'u':
    check(parse_user_info_version(text), [](std::string const&) {});
    break;
  default:
    check(parse_stream_answer(text), [](stream_answer const&) {});
  }
  return 0;
}
