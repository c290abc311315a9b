// Texts damaged at random (the same ones in every run): reading never fails but by an error, agrees with a slow
// reading by way of Boost.JSON's own parser, and what it accepts is written and read back as the same event.
#include <aether/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(json_mutation)

namespace {

using namespace std::string_view_literals;

std::vector<std::string> const corpus = {
    R"({"id":"e-1","eventType":"OrderPlaced","actorId":"order-42","commandId":"c-1","version":7,)"
    R"("data":{"amount":30,"rate":0.5,"tags":["a",null,true,false],"deep":{"x":[{"y":-1}]}},)"
    R"("metadata":{"userId":"u","correlationId":"c"},"timestamp":"2026-01-31T12:00:00.25Z"})",
    R"({"id":"1","eventType":"T","actorId":"a-1","version":1,"data":null,"timestamp":"0001-01-01T00:00:00Z"})",
    R"( { "version" : 9223372036854775807 , "timestamp":"1999-12-31T23:59:60+00:00", "data": )"
    R"({"\u00e9\n":"\ud83d\ude00"},)"
    R"("metadata":null,"extra":[[[{}]],1e5,"é€😀"],"id":"é","eventType":"\"\\","actorId":"a b.*>%" } )",
    R"({"id":"x","eventType":"T","actorId":"a","version":1,"version":2,"data":{"a":1,"a":[18446744073709551615,-0.0]},)"
    R"("data":{"n":[1e-7,123456789.125,-9223372036854775808]},"metadata":{},"timestamp":"2026-01-31T12:00:00Z"})",
};

constexpr std::string_view tokens[] = {"null",
                                       "true",
                                       "-0",
                                       "1e400",
                                       "1.5",
                                       "18446744073709551616",
                                       "\"\"",
                                       "{}",
                                       "[]",
                                       "\\ud800",
                                       "\\u0000",
                                       "\\udc00",
                                       "\\",
                                       "\"",
                                       ",",
                                       ":",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       "\xC3",
                                       "\xED\xA0\x80",
                                       "\0"sv,
                                       " ",
                                       "\n",
                                       "0",
                                       "-",
                                       "e",
                                       "\"id\":",
                                       "\"data\":",
                                       "\"version\":",
                                       "\"metadata\":",
                                       "\"commandId\":"};

class mutator {
public:
  std::string next() {
    std::string text = corpus[below(corpus.size())];
    for (std::size_t changes = 1 + below(3); changes != 0; --changes)
      change(text);
    return text;
  }

private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  void change(std::string& text) {
    std::size_t const at = below(text.size() + 1);
    std::size_t const length = std::min(text.size() - at, 1 + below(12));
    switch (below(9)) {
    case 0:
      if (at < text.size())
        text[at] = static_cast<char>(random_());
      return;
    case 6:
    case 7: // most often still an event
      if (at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0)
        text[at] = "0123456789abcdef"[below(16)];
      return;
    case 8:
      text.insert(at, 1, " \t\r\n"[below(4)]);
      return;
    case 1:
      text.erase(at, length);
      return;
    case 2:
      text.insert(at, text.substr(at, length));
      return;
    case 3:
      text.insert(at, tokens[below(std::size(tokens))]);
      return;
    case 4:
      text.replace(at, length, tokens[below(std::size(tokens))]);
      return;
    default: {
      std::string const& other = corpus[below(corpus.size())];
      std::size_t const from = below(other.size());
      text.replace(at, length, other.substr(from, 1 + below(40)));
    }
    }
  }

  std::mt19937_64 random_{20260131}; // NOLINT: the same texts in every run
};

/// Boost.JSON 1.81 rounds doubles a little off; all else must be equal.
bool alike(boost::json::value const& a, boost::json::value const& b) {
  if (a.kind() != b.kind())
    return false;
  if (a.is_double())
    return std::abs(a.get_double() - b.get_double()) <= 1e-12 * std::abs(a.get_double());
  if (a.is_array()) {
    auto const &x = a.get_array(), &y = b.get_array();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), alike);
  }
  if (a.is_object()) {
    auto const &x = a.get_object(), &y = b.get_object();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](auto const& m, auto const& n) { return m.key() == n.key() && alike(m.value(), n.value()); });
  }
  return a == b;
}

/// Nothing when the text is no event; `sure` is cleared where Boost.JSON knows more limits than JSON.
std::optional<aether::event> slow_reading(std::string_view text, bool& sure) {
  boost::json::parse_options options;
  options.max_depth = 1 + aether::max_json_depth;
  boost::system::error_code ec;
  boost::json::value const v = boost::json::parse({text.data(), text.size()}, ec, {}, options);
  sure = ec != boost::json::error::exponent_overflow;
  if (ec)
    return std::nullopt;
  try {
    return boost::json::value_to<aether::event>(v);
  } catch (aether::error const&) {
    return std::nullopt;
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(damaged_texts_are_read_as_the_slow_reading_does) {
  mutator texts;
  int accepted = 0;
  aether::event e;
  aether::parse_error error;
  for (int n = 0; n < 60'000; ++n) {
    std::string const text = texts.next();
    bool const ok = aether::parse_event(text, e, error);
    bool sure = true;
    std::optional<aether::event> slow = slow_reading(text, sure);
    if (sure)
      BOOST_TEST_REQUIRE(ok == slow.has_value(), text << "\n" << error.reason);
    if (!ok) {
      BOOST_TEST_REQUIRE(!error.reason.empty());
      continue;
    }
    ++accepted;
    BOOST_TEST_REQUIRE((aether::event_from_json(aether::to_json(e)) == e), text);
    if (slow) {
      BOOST_TEST_REQUIRE(alike(e.data, slow->data), text);
      slow->data = e.data;
      BOOST_TEST_REQUIRE((*slow == e), text);
    }
  }
  BOOST_TEST(accepted > 3'000); // else the damage is too great to prove anything
}

BOOST_AUTO_TEST_CASE(every_text_of_the_corpus_is_an_event) {
  for (std::string const& text : corpus)
    BOOST_CHECK_NO_THROW(aether::event_from_json(text));
}

BOOST_AUTO_TEST_CASE(every_single_byte_may_be_changed) {
  aether::event e;
  aether::parse_error error;
  for (std::string text : corpus)
    for (std::size_t i = 0; i < text.size(); ++i) {
      char const kept = text[i];
      for (int byte = 0; byte < 256; ++byte) {
        text[i] = static_cast<char>(byte);
        bool sure = true;
        bool const ok = aether::parse_event(text, e, error);
        bool const slow = slow_reading(text, sure).has_value();
        if (sure && ok != slow)
          BOOST_ERROR(text << "\n" << error.reason);
      }
      text[i] = kept;
    }
}

BOOST_AUTO_TEST_SUITE_END()
