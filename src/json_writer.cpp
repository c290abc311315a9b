// Events and snapshots as JSON text, written straight from their fields.
#include "json_writer.hpp"

#include "detail/json_text.hpp"
#include "detail/time_text.hpp"
#include "detail/utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

namespace aether {
namespace {

/// Appends to a string by way of a small buffer, which makes the many short pieces of JSON cheap. What is not
/// flushed when an exception passes is dropped.
class string_output {
public:
  explicit string_output(std::string& out) noexcept : out_(out) {}

  void put(char c) {
    if (used_ == buffer_.size())
      flush();
    buffer_[used_++] = c;
  }
  template <std::size_t Size>
  void put(char const (&literal)[Size]) { // its length is known, so that it is a move or two
    constexpr std::size_t length = Size - 1;
    if (length > buffer_.size() - used_)
      flush();
    std::memcpy(buffer_.data() + used_, literal, length);
    used_ += length;
  }
  void put(std::string_view text) {
    if (text.size() > buffer_.size() - used_) {
      flush();
      if (text.size() > buffer_.size()) {
        out_.append(text);
        return;
      }
    }
    text.copy(buffer_.data() + used_, text.size());
    used_ += text.size();
  }
  void flush() {
    out_.append(buffer_.data(), used_);
    used_ = 0;
  }

private:
  std::string& out_;
  std::size_t used_ = 0;
  std::array<char, 1024> buffer_;
};

/// Only counts.
class size_output {
public:
  void put(char) noexcept { ++size_; }
  void put(std::string_view text) noexcept { size_ += text.size(); }
  std::size_t size() const noexcept { return size_; }

private:
  std::size_t size_ = 0;
};

template <class Output> class json_writer {
public:
  explicit json_writer(Output& out) noexcept : out_(out) {}

  void write(event const& e) {
    out_.put(R"({"id":)");
    string(e.id, "id");
    out_.put(R"(,"eventType":)");
    string(e.event_type, "eventType");
    out_.put(R"(,"actorId":)");
    string(e.actor_id, "actorId");
    if (!e.command_id.empty()) {
      out_.put(R"(,"commandId":)");
      string(e.command_id, "commandId");
    }
    out_.put(R"(,"version":)");
    integer(e.version);
    out_.put(R"(,"data":)");
    object(e.data, max_json_depth, "data");
    if (!e.metadata.empty()) {
      out_.put(R"(,"metadata":)");
      metadata(e.metadata);
    }
    time(e.timestamp);
  }

  void write(actor_snapshot const& s) {
    out_.put(R"({"actorId":)");
    string(s.actor_id, "actorId");
    out_.put(R"(,"version":)");
    integer(s.version);
    out_.put(R"(,"state":)");
    object(s.state, max_json_depth, "state");
    time(s.timestamp);
  }

  void write(boost::json::object const& data) { object(data, max_json_depth, "data"); }

private:
  [[noreturn]] static void refuse(errc code, char const* field, char const* what) {
    throw error(code, std::string("field \"") + field + "\": " + what);
  }

  template <class Integer> void integer(Integer i) {
    std::array<char, 24> text;
    auto const [end, failure] = std::to_chars(text.data(), text.data() + text.size(), i);
    out_.put(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())));
  }

  // The shortest text that reads as the same double, with a point or an exponent so that it stays one.
  void real(double d, char const* field) {
    if (!std::isfinite(d))
      refuse(errc::invalid_argument, field, "JSON has no NaN and no infinity, use null or a string");
    std::array<char, 32> text;
    auto const [end, failure] = std::to_chars(text.data(), text.data() + text.size(), d);
    std::string_view const written(text.data(), static_cast<std::size_t>(end - text.data()));
    out_.put(written);
    if (written.find_first_of(".e") == std::string_view::npos)
      out_.put(".0");
  }

  void string(std::string_view text, char const* field) {
    char const* p = text.data();
    char const* const end = p + text.size();
    out_.put('"');
    while (p != end) {
      char const* const start = p;
      p += detail::plain_run(p, end);
      out_.put(std::string_view(start, static_cast<std::size_t>(p - start)));
      if (p == end)
        break;
      if (static_cast<unsigned char>(*p) < 0x80) {
        escaped(*p++);
        continue;
      }
      std::size_t const length = detail::utf8_sequence(p, end);
      if (length == 0)
        refuse(errc::invalid_argument, field, "a string is not valid UTF-8, encode bytes as text");
      out_.put(std::string_view(p, length));
      p += length;
    }
    out_.put('"');
  }

  void escaped(char c) {
    static constexpr char hex[] = "0123456789abcdef";
    switch (c) {
    case '\b':
      return out_.put("\\b");
    case '\f':
      return out_.put("\\f");
    case '\n':
      return out_.put("\\n");
    case '\r':
      return out_.put("\\r");
    case '\t':
      return out_.put("\\t");
    case '"':
      return out_.put("\\\"");
    case '\\':
      return out_.put("\\\\");
    default:
      out_.put("\\u00");
      out_.put(hex[static_cast<unsigned char>(c) >> 4]);
      out_.put(hex[static_cast<unsigned char>(c) & 15]);
    }
  }

  void value(boost::json::value const& v, int levels, char const* field) {
    switch (v.kind()) {
    case boost::json::kind::null:
      return out_.put("null");
    case boost::json::kind::bool_:
      return out_.put(v.get_bool() ? std::string_view("true") : std::string_view("false"));
    case boost::json::kind::int64:
      return integer(v.get_int64());
    case boost::json::kind::uint64:
      return integer(v.get_uint64());
    case boost::json::kind::double_:
      return real(v.get_double(), field);
    case boost::json::kind::string:
      return string(std::string_view(v.get_string().data(), v.get_string().size()), field);
    case boost::json::kind::array:
      return array(v.get_array(), levels, field);
    case boost::json::kind::object:
      return object(v.get_object(), levels, field);
    }
  }

  void array(boost::json::array const& values, int levels, char const* field) {
    if (levels == 0)
      refuse(errc::data_too_deep, field, "nested deeper than 32 levels");
    char separator = '[';
    for (boost::json::value const& v : values) {
      out_.put(separator);
      separator = ',';
      value(v, levels - 1, field);
    }
    out_.put(values.empty() ? std::string_view("[]") : std::string_view("]"));
  }

  void object(boost::json::object const& members, int levels, char const* field) {
    if (levels == 0)
      refuse(errc::data_too_deep, field, "nested deeper than 32 levels");
    char separator = '{';
    for (auto const& member : members) {
      out_.put(separator);
      separator = ',';
      string(std::string_view(member.key().data(), member.key().size()), field);
      out_.put(':');
      value(member.value(), levels - 1, field);
    }
    out_.put(members.empty() ? std::string_view("{}") : std::string_view("}"));
  }

  void metadata(aether::metadata const& entries) {
    char separator = '{';
    for (auto const& [key, text] : entries) {
      out_.put(separator);
      separator = ',';
      string(key, "metadata");
      out_.put(':');
      string(text, "metadata");
    }
    out_.put('}');
  }

  void time(time_point t) {
    detail::time_text text;
    std::size_t const length = detail::write_time(text, t);
    out_.put(R"(,"timestamp":")");
    out_.put(std::string_view(text.data(), length));
    out_.put(R"("})");
  }

  Output& out_;
};

template <class Record> void append(std::string& out, Record const& record) {
  std::size_t const before = out.size();
  try {
    string_output output(out);
    json_writer(output).write(record);
    output.flush();
  } catch (...) {
    out.resize(before);
    throw;
  }
}

template <class Record> std::size_t size_of(Record const& record) {
  size_output output;
  json_writer(output).write(record);
  return output.size();
}

template <class Container> int depth(Container const& container, int limit) noexcept;

int depth_of(boost::json::value const& v, int limit) noexcept {
  if (auto const* array = v.if_array())
    return depth(*array, limit);
  if (auto const* object = v.if_object())
    return depth(*object, limit);
  return 0;
}

boost::json::value const& value_in(boost::json::value const& v) noexcept { return v; }
boost::json::value const& value_in(boost::json::key_value_pair const& member) noexcept { return member.value(); }

template <class Container> int depth(Container const& container, int limit) noexcept {
  if (limit <= 0)
    return limit + 1;
  int deepest = 0;
  for (auto const& element : container) {
    if (int const levels = depth_of(value_in(element), limit - 1); levels > deepest)
      deepest = levels;
    if (deepest >= limit)
      break;
  }
  return deepest + 1;
}

} // namespace

std::string to_json(event const& e) {
  std::string out;
  append(out, e);
  return out;
}

std::string to_json(actor_snapshot const& s) {
  std::string out;
  append(out, s);
  return out;
}

void append_json(std::string& out, event const& e) { append(out, e); }
void append_json(std::string& out, actor_snapshot const& s) { append(out, s); }

int json_depth(boost::json::object const& object, int limit) noexcept { return depth(object, limit); }

namespace detail {

std::size_t json_size(event const& e) { return size_of(e); }
std::size_t json_size(actor_snapshot const& s) { return size_of(s); }

std::string json_text(boost::json::object const& data) {
  std::string out;
  append(out, data);
  return out;
}

} // namespace detail
} // namespace aether
