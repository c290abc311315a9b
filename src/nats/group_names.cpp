// What a group and its dead letters are called on the server.
#include "nats/group_names.hpp"

#include "detail/hash.hpp"
#include "nats/subjects.hpp"

namespace aether::nats::detail {
namespace {

// A consumer's name is a directory's, of at most 255 bytes.
constexpr std::size_t longest_name = 200;
constexpr std::size_t kept_of_longer = 140;
constexpr std::string_view hex = "0123456789abcdef";

bool passes(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

void append_hex(std::string& out, std::uint64_t word) {
  for (int shift = 60; shift >= 0; shift -= 4)
    out += hex[(word >> shift) & 15];
}

} // namespace

// No `%`: servers put the name into a format, and its deliveries then name no sequence (seen on 2.9.10).
std::string group_consumer_name(std::string_view group) {
  std::string name = "group-";
  for (char const c : group) {
    auto const byte = static_cast<unsigned char>(c);
    if (passes(byte)) {
      name += c;
      continue;
    }
    name += '=';
    name += "0123456789ABCDEF"[byte >> 4];
    name += "0123456789ABCDEF"[byte & 15];
  }
  if (name.size() <= longest_name)
    return name;
  // `=-` stands in no name that is written in full. The key is fixed, as every process must find the same name.
  name.resize(kept_of_longer);
  name += "=-";
  aether::detail::hash128 key;
  key.low = 0x6165746865722067u;
  key.high = 0x726f7570206e616du;
  auto const hash = aether::detail::keyed_hash(group, key);
  append_hex(name, hash.high);
  append_hex(name, hash.low);
  return name;
}

std::string dead_subjects::of(std::string_view what, std::string_view group) const {
  auto subject = stream_;
  subject += '.';
  subject += what;
  subject += '.';
  append_percent(subject, group);
  return subject + '.';
}

std::string dead_subjects::letter(std::string_view group, std::uint64_t sequence, std::int64_t made) const {
  return of("letters", group) + std::to_string(sequence) + '-' + std::to_string(made);
}

std::optional<std::string> dead_subjects::retry_of(std::string_view group, std::string_view letter) const {
  auto const letters = of("letters", group);
  if (!letter.starts_with(letters))
    return std::nullopt;
  auto const place = letter.substr(letters.size());
  if (place.empty() || place.find_first_not_of("0123456789-") != std::string_view::npos)
    return std::nullopt;
  return of("retry", group).append(place);
}

} // namespace aether::nats::detail
