// What a read that got no answer, or an error for one, throws.
#include "nats/read_failure.hpp"

namespace aether::nats::detail {

void throw_unanswered(no_answer why, std::string const& what) {
  switch (why) {
  case no_answer::timed_out:
    throw error(errc::timed_out, what + ": no answer within the call's timeout");
  case no_answer::no_responders:
    throw error(errc::jetstream_not_available, what + ": nobody answers JetStream's API for this account");
  case no_answer::connection_lost:
  case no_answer::not_handed_over:
    throw error(errc::connection_lost, what + ": no connection within the call's timeout");
  case no_answer::permission_denied:
  case no_answer::inbox_refused:
    throw error(errc::permission_denied, what + ": the user may not ask it");
  case no_answer::closed:
  case no_answer::closed_meanwhile:
    break;
  }
  throw error(errc::closed, what + ": the connection was closed");
}

void throw_refused(api_error const& refused, std::string const& what) {
  throw error(to_errc(refused), what + ": " + text_of(refused));
}

} // namespace aether::nats::detail
