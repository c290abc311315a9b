// Any bytes as a command that another node sent, and as its answer: what is understood is written, and read as the same
// again; what is refused has a reason, which is one for people and short.
#include "command_envelope.hpp"

#include "fuzz/property.hpp"

#include <algorithm>
#include <string>

namespace {

using namespace aether::detail;
using aether::fuzz::demand;

bool is_same(command_envelope const& a, command_envelope const& b) {
  return a.type == b.type && a.actor_id == b.actor_id && a.command_id == b.command_id && a.data == b.data &&
         a.metadata == b.metadata && a.maybe_repeated == b.maybe_repeated && a.timeout == b.timeout && a.hop == b.hop &&
         a.stamp.incarnation == b.stamp.incarnation && a.stamp.renewal == b.stamp.renewal && a.from == b.from;
}

bool is_same(command_answer const& a, command_answer const& b) {
  return a.how == b.how && a.result == b.result && a.reason == b.reason && a.error == b.error && a.text == b.text &&
         a.owner == b.owner;
}

bool is_read(std::string_view text, command_envelope& out, std::string& why) {
  auto const fault = parse_envelope(text, out, why);
  demand((fault == envelope_fault::other_version) <= (why.find("version") != std::string::npos),
         "it names the version");
  return fault == envelope_fault::none;
}

bool is_read(std::string_view text, command_answer& out, std::string& why) { return parse_answer(text, out, why); }

void check_reason(std::string const& why) {
  demand(!why.empty(), "what is refused has a reason");
  demand(why.size() < 120, "of one line");
  demand(std::all_of(why.begin(), why.end(), [](char c) { return c >= ' ' && c <= '~'; }), "without what was sent");
}

void check_limits(command_envelope const& e) {
  using std::chrono::milliseconds;
  for (auto const* id : {&e.type, &e.actor_id, &e.command_id})
    demand(!id->empty() && id->size() <= 255 && id->find('\0') == std::string::npos, "an id is one");
  demand(e.timeout >= milliseconds(0) && e.timeout <= std::chrono::hours(24), "the time is one to wait for");
  demand(e.hop >= 0 && e.hop <= 16, "and the way not too long");
}

void check_limits(command_answer const& a) {
  demand(a.result.first_version >= 0 && a.result.last_version >= 0, "versions count up");
}

/// `other` is understood, and fills every field.
template <class T> void check(std::string_view text, std::string_view other) {
  T first;
  std::string why;
  if (!is_read(text, first, why))
    return check_reason(why);
  demand(why.empty(), "what is understood needs no reason");
  check_limits(first);
  auto const written = to_text(first);
  T second;
  demand(is_read(written, second, why), "what is written is read");
  demand(is_same(second, first), "as the same");
  demand(to_text(second) == written, "and written as the same text");
  T used;
  demand(is_read(other, used, why) && is_read(text, used, why), "an object that was used before reads it too");
  demand(is_same(used, first), "and nothing stays of what it held");
}

/// Any bytes may be words of a decider or of an exception.
void check_words(std::string_view words) {
  command_answer a;
  std::string why;
  a.text = words;
  demand(is_read(to_text(a), a, why), "a failure is read, whatever its words");
  a.how = command_answer::end::rejected;
  a.reason.code = a.reason.text = words;
  demand(is_read(to_text(a), a, why), "and a rejection");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = aether::fuzz::text_of(data, size);
  check<command_envelope>(
      text,
      R"({"v":1,"type":"T","actorId":"a","commandId":"c","data":{"x":1},"metadata":{"k":"v"},"maybeRepeated":true,)"
      R"("timeoutMs":9,"hop":1,"lease":{"incarnation":"i","renewal":3},"from":"n"})");
  check<command_answer>(text, R"({"v":1,"outcome":"done","firstVersion":7,"lastVersion":8,"repeated":true})");
  check<command_answer>(text, R"({"v":1,"outcome":"rejected","code":"c","text":"t"})");
  check<command_answer>(text, R"({"v":1,"outcome":"failed","error":"overloaded","text":"t"})");
  check<command_answer>(text, R"({"v":1,"outcome":"moved","owner":"n"})");
  check_words(text);
  return 0;
}
