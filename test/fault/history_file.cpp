// Operations as lines of words, appended with one write each.
#include "fault/history_file.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace aether::fault {
namespace {

constexpr std::array<char const*, 3> kind_names = {"save", "latest_version", "get_events"};
constexpr std::array<char const*, 7> end_names = {"open",    "saved",  "already_saved", "conflict",
                                                  "unknown", "failed", "answered"};

template <class Enum, std::size_t Size>
Enum named(std::string const& word, std::array<char const*, Size> const& names) {
  for (std::size_t i = 0; i < Size; ++i)
    if (word == names[i])
      return static_cast<Enum>(i);
  throw std::runtime_error("what is " + word + "?");
}

// Ids may hold anything: bytes that are no graphic ASCII, and the escape itself, become %XX; an empty one a lone %.
std::string as_word(std::string_view text) {
  constexpr char const* digits = "0123456789ABCDEF";
  if (text.empty())
    return "%";
  std::string word;
  for (unsigned char const c : text) {
    if (c > 0x20 && c < 0x7f && c != '%') {
      word += static_cast<char>(c);
      continue;
    }
    word += '%';
    word += digits[c >> 4];
    word += digits[c & 15];
  }
  return word;
}

std::string from_word(std::string_view word) {
  std::string text;
  if (word == "%")
    return text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      text += word[i];
      continue;
    }
    if (i + 2 >= word.size())
      throw std::runtime_error("an escape is cut");
    text += static_cast<char>(std::stoi(std::string(word.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return text;
}

void put_events(std::ostream& out, std::vector<written_event> const& events) {
  out << ' ' << events.size();
  for (auto const& e : events)
    out << ' ' << e.version << ' ' << as_word(e.id) << ' ' << e.digest;
}

std::vector<written_event> get_events(std::istream& in) {
  std::size_t count = 0;
  in >> count;
  std::vector<written_event> events;
  for (std::size_t i = 0; i < count && in; ++i) {
    written_event e;
    std::string id;
    in >> e.version >> id >> e.digest;
    e.id = from_word(id);
    events.push_back(std::move(e));
  }
  return events;
}

operation read_begin(std::istream& in) {
  operation o;
  std::string kind, actor_id;
  bool expects = false;
  std::int64_t expected = 0;
  in >> o.process >> o.number >> kind >> o.invoked >> actor_id >> o.contiguous >> expects >> expected;
  o.kind = named<call_kind>(kind, kind_names);
  o.actor_id = from_word(actor_id);
  if (expects)
    o.expected_version = expected;
  if (o.kind == call_kind::save)
    o.events = get_events(in);
  return o;
}

void read_end(std::istream& in, operation& o) {
  std::string end;
  in >> o.returned >> end >> o.sequence >> o.version >> o.error;
  o.end = named<call_end>(end, end_names);
  if (o.kind == call_kind::get_events)
    o.events = get_events(in);
}

} // namespace

std::int64_t monotonic_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

history_writer::history_writer(std::filesystem::path const& file, std::uint32_t process)
    : descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)), process_(process) {
  if (descriptor_ < 0)
    throw std::system_error(errno, std::generic_category(), file.string());
}

history_writer::~history_writer() { ::close(descriptor_); }

void history_writer::write(std::string const& line) {
  if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::system_error(errno, std::generic_category(), "the history of process " + std::to_string(process_));
}

void history_writer::begin(operation& o) {
  std::lock_guard lock(mutex_);
  o.process = process_;
  o.number = next_++;
  o.invoked = monotonic_now();
  std::ostringstream line;
  line << "begin " << o.process << ' ' << o.number << ' ' << kind_names[static_cast<std::size_t>(o.kind)] << ' '
       << o.invoked << ' ' << as_word(o.actor_id) << ' ' << o.contiguous << ' ' << o.expected_version.has_value() << ' '
       << o.expected_version.value_or(0);
  if (o.kind == call_kind::save)
    put_events(line, o.events);
  line << " .\n";
  write(line.str());
}

void history_writer::end(operation& o) {
  std::lock_guard lock(mutex_);
  o.returned = monotonic_now();
  std::ostringstream line;
  line << "end " << o.number << ' ' << o.returned << ' ' << end_names[static_cast<std::size_t>(o.end)] << ' '
       << o.sequence << ' ' << o.version << ' ' << o.error;
  if (o.kind == call_kind::get_events)
    put_events(line, o.events);
  line << " .\n";
  write(line.str());
}

std::vector<operation> read_history(std::filesystem::path const& file) {
  std::ifstream in(file);
  if (!in)
    throw std::runtime_error(file.string() + " cannot be read");
  std::vector<operation> operations;
  std::map<std::uint64_t, std::size_t> places;
  std::string text;
  for (std::size_t line = 1; std::getline(in, text); ++line) {
    if (in.eof()) // no line end: cut
      break;
    try {
      std::istringstream words(text);
      std::string what, stop;
      words >> what;
      if (what == "begin") {
        auto o = read_begin(words);
        if (!places.emplace(o.number, operations.size()).second)
          throw std::runtime_error("a number is used twice");
        operations.push_back(std::move(o));
      } else if (what == "end") {
        std::uint64_t number = 0;
        words >> number;
        read_end(words, operations.at(places.at(number)));
      } else {
        throw std::runtime_error("neither begin nor end");
      }
      if (!(words >> stop) || stop != ".")
        throw std::runtime_error("it is cut");
    } catch (std::exception const& e) {
      throw std::runtime_error(file.string() + ":" + std::to_string(line) + ": " + e.what());
    }
  }
  return operations;
}

bool ends_with_a_save(std::filesystem::path const& file, std::int64_t after) {
  constexpr std::streamoff tail = 64 * 1024;
  std::ifstream in(file, std::ios::ate);
  auto const size = in.tellg();
  in.seekg(std::max<std::streamoff>(size - tail, 0));
  std::set<std::uint64_t> begun;
  std::string text, end;
  if (size > tail)
    std::getline(in, text); // cut by the jump
  while (std::getline(in, text)) {
    std::istringstream words(text);
    std::string what;
    operation o;
    words >> what;
    if (what == "begin") {
      std::string kind;
      words >> o.process >> o.number >> kind >> o.invoked;
      if (o.invoked > after)
        begun.insert(o.number);
    } else if (what == "end") {
      words >> o.number >> o.returned >> end;
      if (begun.contains(o.number) && (end == "saved" || end == "already_saved"))
        return true;
    }
  }
  return false;
}

} // namespace aether::fault
