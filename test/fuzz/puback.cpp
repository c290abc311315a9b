// Any bytes as the answer to a publish: what is read of it is consistent, and so is what a save makes of it.
#include "nats/publish_ack.hpp"

#include "fuzz/property.hpp"

namespace {

using namespace aether::nats::detail;
using aether::errc;
using aether::fuzz::demand;

void check_error(publish_ack const& ack, publish_verdict const& v) {
  demand(ack.error->code != 0, "an error has a code");
  demand(v.answer != publish_answer::stored && v.answer != publish_answer::duplicate, "an error stores nothing");
  demand(v.answer != publish_answer::unanswered && v.answer != publish_answer::not_handed_over, "and is an answer");
  demand(v.sequence == 0 && v.error.failed(), "it has an error's code and no sequence");
  demand((v.answer == publish_answer::try_again) <= is_temporary(*ack.error), "only what is temporary is tried again");
  demand(!text_of(*ack.error).empty(), "it has a text");
}

void check_stored(publish_ack const& ack, publish_verdict const& v) {
  demand(!ack.stream.empty(), "what is stored is in a stream");
  demand(ack.sequence != 0 || ack.duplicate, "at a sequence, or a duplicate of nothing");
  demand(v.answer == (ack.duplicate ? publish_answer::duplicate : publish_answer::stored), "which the verdict says");
  demand(v.sequence == ack.sequence && !v.error.failed(), "with its sequence and without an error");
  auto const elsewhere = classify(ack, ack.stream + "X");
  demand(elsewhere.answer == publish_answer::rejected && elsewhere.error.failed() && elsewhere.sequence == 0,
         "another stream's acknowledgement stores nothing in ours");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = aether::fuzz::text_of(data, size);
  publish_ack ack;
  bool const ok = parse_publish_ack(text, ack);
  auto const v = classify(text, ack.stream, ack);
  if (!ok)
    demand(v.answer == publish_answer::unanswered && v.error == errc::protocol_error, "not understood is unanswered");
  else if (ack.error)
    check_error(ack, v);
  else
    check_stored(ack, v);

  publish_ack used; // by an answer that fills every field
  demand(parse_publish_ack(R"({"stream":"T","seq":7,"duplicate":true,"batch":"b","count":3,"domain":"d"})", used),
         "an ordinary answer is read");
  demand(parse_publish_ack(text, used) == ok, "an object that was used before reads the same");
  if (ok)
    demand(used.stream == ack.stream && used.sequence == ack.sequence && used.duplicate == ack.duplicate &&
               used.batch == ack.batch && used.count == ack.count && used.domain == ack.domain &&
               used.error.has_value() == ack.error.has_value(),
           "and nothing stays of what it held");
  return 0;
}
