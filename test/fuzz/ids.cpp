// Any bytes as ids and names: what is valid, how it becomes a subject, and that no two become the same.
#include "nats/subjects.hpp"

#include "detail/utf8.hpp"
#include "fuzz/property.hpp"
#include "nats/outgoing_message.hpp"

#include <algorithm>
#include <cstdint>

namespace {

using namespace aether::nats::detail;
using aether::errc;
using aether::fuzz::demand;
using aether::nats::subject_encoding;

/// Decides by decoding and encoding again: another way than the library's.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto const lead = static_cast<unsigned char>(text[i]);
    std::size_t const length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || text.size() - i < length)
      return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      auto const byte = static_cast<unsigned char>(text[i + k]);
      if (byte >> 6 != 2)
        return false;
      point = point << 6 | (byte & 0x3Fu);
    }
    std::uint32_t const least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
      return false;
    i += length;
  }
  return true;
}

void check_texts(std::string_view raw) {
  namespace common = aether::detail;
  demand(common::valid_utf8(raw) == is_utf8(raw), "UTF-8 is what decodes and encodes again");
  bool const valid = is_utf8(raw) && !raw.empty() && raw.size() <= 255 && raw.find('\0') == std::string_view::npos;
  demand(common::valid_id(raw) == valid, "an id is 1 to 255 bytes of UTF-8 without NUL");
  auto const shown = common::quoted(raw);
  demand(is_utf8(shown) && shown.size() >= raw.size() + 2, "what is shown to people is text");
  demand(std::none_of(shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
         "which cannot forge a line of a log");
}

bool fits_a_token(std::string_view token) {
  return std::none_of(token.begin(), token.end(),
                      [](unsigned char c) { return c <= 0x20 || c == 0x7F || c == '.' || c == '*' || c == '>'; });
}

void check_tokens(std::string_view raw) {
  std::string token;
  append_percent(token, raw);
  demand(fits_a_token(token) && is_utf8(token), "a token holds nothing that ends it");
  demand(percent_decoded(token) == std::string(raw), "and reads back as what it was made of");
  if (auto const decoded = percent_decoded(raw)) {
    std::string again;
    append_percent(again, *decoded);
    demand(again == raw, "nothing is read that would not be written so");
  }
  std::string go = "x";
  if (append_underscore(go, raw))
    demand(fits_a_token(go) && go.size() == raw.size() + 1, "nor does one with underscores");
  else
    demand(go == "x", "which leaves what was there when it cannot");
}

std::optional<std::string> subject_of(subject_map const& map, std::string_view id) {
  try {
    auto subject = map.events_subject(id);
    demand(std::count(subject.begin(), subject.end(), '.') == 3, "four tokens");
    demand(subject.starts_with("S.events.") && is_safe_filter(subject), "under the stream's own, which can be sent");
    demand(map.snapshots_subject(id) == "S.snapshots." + subject.substr(9), "the same of its snapshots");
    return subject;
  } catch (aether::error const& e) {
    demand(e.code() == errc::invalid_id, "what cannot be a subject is refused as an id");
    return std::nullopt;
  }
}

void check_subjects(std::string_view one, std::string_view other) {
  subject_map const percent("S", subject_encoding::percent);
  subject_map const underscore("S", subject_encoding::underscore);
  auto const subject = subject_of(percent, one);
  demand(subject.has_value() == (!one.empty() && one.size() <= 255), "every id of that length has a subject");
  if (subject && aether::detail::valid_id(one))
    demand(percent.actor_id_of(*subject) == std::string(one), "which leads back to it");
  if (subject && one != other)
    demand(subject != subject_of(percent, other), "and to no other");
  (void)subject_of(underscore, one);
  for (auto const* prefix : {"S.events.", "S.snapshots.", ""}) {
    auto const given = prefix + std::string(other);
    if (auto const id = percent.actor_id_of(given))
      demand(given == percent.events_subject(*id) || given == percent.snapshots_subject(*id), "the way back is one");
  }
}

void check_names(std::string_view name_space, std::string_view name) {
  try {
    auto const full = full_stream_name(name_space, name);
    demand(valid_name(full) && valid_name(name) && full.ends_with(name), "a stream's name is made of valid ones");
  } catch (aether::error const& e) {
    demand(e.code() == errc::invalid_id, "others are refused");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto rest = aether::fuzz::text_of(data, size);
  check_texts(rest);
  check_tokens(rest);
  auto const one = aether::fuzz::take_line(rest);
  check_subjects(one, rest);
  check_names(one, rest);
  auto const type = aether::actor_type(one);
  demand(!type.empty() && (type == "unknown" || one.starts_with(type)), "every actor has a type");
  return 0;
}
