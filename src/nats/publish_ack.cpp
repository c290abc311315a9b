// The answer to a publish: read, and sorted by what a save has to do about it.
#include "nats/publish_ack.hpp"

#include <aether/json.hpp>

#include "nats/scan_fields.hpp"

namespace aether::nats::detail {
namespace {

publish_answer kind_of(api_error const& e) noexcept {
  switch (e.err_code) {
  case js_code::wrong_last_sequence:
  case js_code::wrong_last_in_flight:
    return publish_answer::wrong_last;
  case js_code::id_in_process:
  case js_code::batch_has_used_id:
    return publish_answer::id_refused;
  default:
    return is_temporary(e) ? publish_answer::try_again : publish_answer::rejected;
  }
}

} // namespace

bool parse_publish_ack(std::string_view text, publish_ack& out) {
  out.stream.clear();
  out.sequence = 0;
  out.duplicate = false;
  out.batch.clear();
  out.count = 0;
  out.domain.clear();
  out.error.reset();
  bool has_sequence = false;
  aether::detail::json_scanner in(text);
  in.skip_space();
  bool const ok = in.object([&](std::string_view name) {
    if (name == "stream")
      return read_string(in, out.stream);
    if (name == "seq")
      return (has_sequence = true) && read_unsigned(in, out.sequence);
    if (name == "duplicate")
      return read_bool(in, out.duplicate);
    if (name == "error")
      return read_api_error(in, out.error.emplace());
    if (name == "batch")
      return read_string(in, out.batch);
    if (name == "count")
      return read_unsigned(in, out.count);
    if (name == "domain")
      return read_string(in, out.domain);
    return in.skip_value(max_json_depth);
  });
  if (!ok || !in.finish())
    return false;
  if (out.error)
    return true;
  // Sequence 0 is an answer only as "duplicate of nothing", which 2.10.14 to 2.10.29 can give.
  return has_sequence && !out.stream.empty() && (out.sequence != 0 || out.duplicate);
}

publish_verdict classify(publish_ack const& ack, std::string_view stream) {
  publish_verdict v;
  if (ack.error) {
    v.answer = kind_of(*ack.error);
    v.error = to_errc(*ack.error);
  } else if (ack.stream != stream) { // ours is gone, and another one took the subject
    v.answer = publish_answer::rejected;
    v.error = errc::stream_not_found;
  } else {
    v.answer = ack.duplicate ? publish_answer::duplicate : publish_answer::stored;
    v.sequence = ack.sequence;
  }
  return v;
}

publish_verdict classify(std::string_view text, std::string_view stream, publish_ack& ack) {
  if (parse_publish_ack(text, ack))
    return classify(ack, stream);
  publish_verdict v;
  v.error = errc::protocol_error;
  return v;
}

} // namespace aether::nats::detail
