// From actors to subjects and back: token encodings, stream names, and the subjects of one stream.
#include "nats/subjects.hpp"

#include "detail/utf8.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace aether::nats::detail {
namespace {

using aether::detail::max_id_bytes;
using aether::detail::quoted;

// A server ends the connection over a protocol line of 4,096 bytes. The longest one asks for a consumer: API prefix
// (200), verb, stream, consumer's name, the filter, and the reply's subject and sizes, for which 400 are left.
constexpr std::size_t longest_subject =
    max_name_bytes + sizeof(".snapshots.") + 3 * max_id_bytes + 1 + 3 * max_id_bytes;
static_assert(max_name_bytes + sizeof(".CONSUMER.CREATE.") + max_name_bytes + 64 + longest_subject + 400 < 4096);

constexpr std::string_view hex = "0123456789ABCDEF";

using byte_set = std::array<bool, 256>;

constexpr byte_set passing_bytes(std::string_view except) {
  byte_set set{};
  for (unsigned b = 0x21; b < 0x7F; ++b)
    set[b] = except.find(static_cast<char>(b)) == std::string_view::npos;
  return set;
}

constexpr byte_set name_bytes() {
  byte_set set{};
  for (unsigned char c = '0'; c <= '9'; ++c)
    set[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c)
    set[c] = set[c + 32u] = true;
  set['-'] = set['_'] = true;
  return set;
}

constexpr byte_set passes_percent = passing_bytes(".*>%");
constexpr byte_set passes_name = name_bytes();

constexpr unsigned byte_of(char c) noexcept { return static_cast<unsigned char>(c); }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

} // namespace

void append_percent(std::string& out, std::string_view raw) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i != raw.size(); ++i) {
    unsigned const b = byte_of(raw[i]);
    if (passes_percent[b])
      continue;
    out.append(raw, begin, i - begin);
    char const escape[] = {'%', hex[b >> 4], hex[b & 15]};
    out.append(escape, sizeof escape);
    begin = i + 1;
  }
  out.append(raw, begin);
}

std::optional<std::string> percent_decoded(std::string_view token) {
  std::optional<std::string> out(std::in_place);
  out->reserve(token.size());
  for (std::size_t i = 0; i != token.size(); ++i) {
    char c = token[i];
    if (c == '%') {
      if (token.size() - i < 3)
        return std::nullopt;
      int const high = hex_digit(token[i + 1]);
      int const low = hex_digit(token[i + 2]);
      if (high < 0 || low < 0)
        return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (passes_percent[byte_of(c)])
        return std::nullopt;
      i += 2;
    } else if (!passes_percent[byte_of(c)]) {
      return std::nullopt;
    }
    *out += c;
  }
  return out;
}

bool append_underscore(std::string& out, std::string_view raw) {
  std::size_t const start = out.size();
  out += raw;
  for (std::size_t i = start; i != out.size(); ++i) {
    char& c = out[i];
    if (byte_of(c) < 0x20 || byte_of(c) == 0x7F) {
      out.resize(start);
      return false;
    }
    if (c == ' ' || c == '.' || c == '*' || c == '>')
      c = '_';
  }
  return true;
}

bool valid_name(std::string_view name) noexcept {
  for (char const c : name)
    if (!passes_name[byte_of(c)])
      return false;
  return !name.empty() && name.size() <= max_name_bytes;
}

std::string full_stream_name(std::string_view name_space, std::string_view stream_name) {
  auto const check = [](std::string_view what, std::string_view name) {
    if (!valid_name(name))
      throw error(errc::invalid_id,
                  std::string(what) + ' ' + quoted(name) + " is not valid: use 1 to 200 letters, digits, '-' and '_'");
  };
  check("the stream name", stream_name);
  if (name_space.empty())
    return std::string(stream_name);
  check("the namespace", name_space);
  std::string full(name_space);
  full += '_';
  full += stream_name;
  if (full.size() > max_name_bytes)
    throw error(errc::invalid_id, "the namespace and the stream name " + quoted(full) +
                                      " are longer than 200 bytes together: shorten one of them");
  return full;
}

subject_map::subject_map(std::string stream, nats::subject_encoding encoding)
    : stream_(std::move(stream)), events_(stream_ + ".events."), snapshots_(stream_ + ".snapshots."),
      encoding_(encoding) {}

std::string subject_map::events_subject(std::string_view actor_id) const {
  std::string out;
  append(out, events_, actor_id);
  return out;
}

std::string subject_map::snapshots_subject(std::string_view actor_id) const {
  std::string out;
  append(out, snapshots_, actor_id);
  return out;
}

bool subject_map::is_events_subject(std::string_view subject, std::string_view actor_id) const {
  // Most ids stand in their subject as they are: a subject's token holds nothing that had to be encoded but `%`.
  auto const type = actor_type(actor_id);
  auto const as_it_is = subject.size() == events_.size() + type.size() + 1 + actor_id.size() &&
                        subject.starts_with(events_) && subject.ends_with(actor_id) &&
                        subject.substr(events_.size(), type.size()) == type &&
                        subject[events_.size() + type.size()] == '.';
  if (as_it_is && actor_id.find_first_of("%.") == std::string_view::npos && !actor_id.empty() &&
      actor_id.size() <= max_id_bytes)
    return true;
  try {
    return events_subject(actor_id) == subject;
  } catch (error const&) {
    return false;
  }
}

std::string subject_map::events_filter_of(std::string_view type) const {
  auto out = events_;
  if (type.empty() || type.size() > max_id_bytes)
    throw error(errc::invalid_id, "an actor type is empty or longer than 255 bytes");
  if (encoding_ == nats::subject_encoding::percent)
    append_percent(out, type);
  else if (!append_underscore(out, type))
    throw error(errc::invalid_id, "the actor type " + quoted(type) + " holds a control character");
  return out + ".*";
}

void subject_map::append_events_subject(std::string& out, std::string_view actor_id) const {
  append(out, events_, actor_id);
}

void subject_map::append_snapshots_subject(std::string& out, std::string_view actor_id) const {
  append(out, snapshots_, actor_id);
}

void subject_map::append(std::string& out, std::string const& prefix, std::string_view actor_id) const {
  if (actor_id.empty() || actor_id.size() > max_id_bytes)
    throw error(errc::invalid_id, actor_id.empty()
                                      ? std::string("the actor id is empty")
                                      : "the actor id is longer than 255 bytes: " + std::to_string(actor_id.size()));
  std::string_view const type = actor_type(actor_id); // never empty: what stands before a `-` that is not the first
  out.reserve(out.size() + prefix.size() + type.size() + 1 + actor_id.size());
  out += prefix;
  if (encoding_ == nats::subject_encoding::percent) {
    append_percent(out, type);
    out += '.';
    append_percent(out, actor_id);
    return;
  }
  std::size_t const start = out.size() - prefix.size();
  bool ok = append_underscore(out, type);
  out += '.';
  ok = append_underscore(out, actor_id) && ok;
  if (ok)
    return;
  out.resize(start);
  throw error(errc::invalid_id, "the actor id " + quoted(actor_id) +
                                    " holds a control character, which the underscore encoding cannot write: rename "
                                    "the actor, or use the percent encoding");
}

std::optional<std::string> subject_map::actor_id_of(std::string_view subject) const {
  if (encoding_ != nats::subject_encoding::percent)
    return std::nullopt;
  std::string_view const rest = subject.starts_with(events_)      ? subject.substr(events_.size())
                                : subject.starts_with(snapshots_) ? subject.substr(snapshots_.size())
                                                                  : std::string_view();
  std::size_t const dot = rest.find('.');
  if (dot == std::string_view::npos)
    return std::nullopt;
  auto id = percent_decoded(rest.substr(dot + 1));
  if (!id || !aether::detail::valid_id(*id))
    return std::nullopt;
  std::string type;
  append_percent(type, actor_type(*id));
  if (type != rest.substr(0, dot))
    return std::nullopt;
  return id;
}

} // namespace aether::nats::detail
