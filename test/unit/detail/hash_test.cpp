// The keyed hash against the published vectors of SipHash-2-4-128, and its use with the process's key.
#include "detail/hash.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <unordered_set>

BOOST_AUTO_TEST_SUITE(hash)

BOOST_AUTO_TEST_CASE(it_agrees_with_the_reference_vectors) {
  // Key 00 01 … 0f, message of n bytes 00 01 … n-1 (vectors_sip128 of the reference implementation).
  aether::detail::hash128 key;
  key.low = 0x0706050403020100u;
  key.high = 0x0f0e0d0c0b0a0908u;
  std::string message;
  auto const hash = [&] { return aether::detail::keyed_hash(message, key); };
  BOOST_TEST(hash().low == 0xe6a825ba047f81a3u);
  BOOST_TEST(hash().high == 0x930255c71472f66du);
  message = std::string(1, '\0');
  BOOST_TEST(hash().low == 0x44af996bd8c187dau);
  BOOST_TEST(hash().high == 0x45fc229b11597634u);
  message.clear();
  for (char c = 0; c < 15; ++c)
    message += c;
  BOOST_TEST(hash().low == 0x11a8b03399e99354u);
  BOOST_TEST(hash().high == 0xd9c3cf970fec087eu);
}

BOOST_AUTO_TEST_CASE(texts_that_differ_in_one_bit_or_in_length_differ_in_hash) {
  std::unordered_set<aether::detail::hash128, aether::detail::hash128_hasher> seen;
  std::size_t texts = 0;
  for (std::size_t length = 0; length <= 40; ++length) {
    std::string text(length, '\0');
    seen.insert(aether::detail::hash_of(text));
    ++texts;
    for (std::size_t i = 0; i < length; ++i)
      for (int bit = 0; bit < 8; ++bit) {
        text[i] = static_cast<char>(1 << bit);
        seen.insert(aether::detail::hash_of(text));
        text[i] = '\0';
        ++texts;
      }
  }
  BOOST_TEST(seen.size() == texts);
}

BOOST_AUTO_TEST_CASE(the_key_stays_the_same_within_a_process) {
  BOOST_TEST((aether::detail::hash_of("order-42") == aether::detail::hash_of("order-42")));
  BOOST_TEST((aether::detail::process_hash_key() != aether::detail::hash128{}));
}

BOOST_AUTO_TEST_SUITE_END()
