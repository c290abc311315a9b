// Base64: the standard's examples, every byte, and nothing that is not exactly so.
#include <nats/base64.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <random>
#include <utility>

BOOST_AUTO_TEST_SUITE(base64)

using aether::nats::detail::decode_base64;

namespace {

std::string encode(std::string_view raw) {
  constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < raw.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j != 3; ++j)
      group = (group << 8) | (i + j < raw.size() ? static_cast<unsigned char>(raw[i + j]) : 0u);
    for (std::size_t j = 0; j != 4; ++j)
      out += i + j <= raw.size() ? alphabet[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return out;
}

char const* const wrong[] = {
    "Z",    "Zg",    "Zg=",          "Zm9",  "Zg==\n", " Zg==",       "Zg= =", "Z===", "====", "=",
    "Zh==", // bits beyond the last byte
    "Zm9=", "Zm9v=", "Zm9vZg==Zm9v", "Zm-v", "Zm_v",   "Zm9\xC3\xA9", "Zg=a",  "=Zg=", "Z=g=", "Zm9vYg",
};

} // namespace

BOOST_AUTO_TEST_CASE(the_examples_of_rfc_4648) {
  std::pair<char const*, char const*> const table[] = {{"", ""},
                                                       {"Zg==", "f"},
                                                       {"Zm8=", "fo"},
                                                       {"Zm9v", "foo"},
                                                       {"Zm9vYg==", "foob"},
                                                       {"Zm9vYmE=", "fooba"},
                                                       {"Zm9vYmFy", "foobar"}};
  for (auto const& [text, raw] : table) {
    std::string out = "old";
    BOOST_TEST(decode_base64(text, out));
    BOOST_TEST(out == raw);
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_of_every_length_come_back) {
  std::mt19937 random(3);
  std::string out;
  for (std::size_t length = 0; length != 600; ++length) {
    std::string raw(length, '\0');
    for (char& c : raw)
      c = static_cast<char>(random());
    BOOST_REQUIRE(decode_base64(encode(raw), out));
    BOOST_TEST((out == raw));
  }
}

BOOST_AUTO_TEST_CASE(one_wrong_character_anywhere_is_seen) {
  std::string const good = encode("nine chars, and one more");
  std::string out;
  for (std::size_t i = 0; i != good.size(); ++i)
    for (char const c : {' ', '\0', '.', '\x80', '-', '\n'}) {
      std::string bad = good;
      bad[i] = c;
      BOOST_TEST(!decode_base64(bad, out));
    }
}

BOOST_DATA_TEST_CASE(what_is_not_exactly_so_is_refused, boost::unit_test::data::make(wrong), text) {
  std::string out;
  BOOST_TEST(!decode_base64(text, out));
}

BOOST_AUTO_TEST_SUITE_END()
