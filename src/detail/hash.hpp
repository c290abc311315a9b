// A keyed 128-bit hash of short texts: SipHash-2-4 with 128 bits of output (Aumasson and Bernstein).
//
// A cache that keeps hashes in place of event ids decides by them whether an event is already saved, so the key is
// random per process: nobody can choose two ids that meet.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace aether::detail {

struct hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(hash128 const&, hash128 const&) = default;
};

/// For unordered containers keyed by a hash128.
struct hash128_hasher {
  std::size_t operator()(hash128 const& h) const noexcept { return static_cast<std::size_t>(h.low); }
};

namespace siphash {

struct state {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  }
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
};

inline std::uint64_t little_endian(std::uint64_t word) noexcept {
  if constexpr (std::endian::native == std::endian::little)
    return word;
  std::uint64_t swapped = 0;
  for (int i = 0; i < 8; ++i, word >>= 8)
    swapped = (swapped << 8) | (word & 0xFF);
  return swapped;
}

} // namespace siphash

/// The hash of `text` under `key`.
inline hash128 keyed_hash(std::string_view text, hash128 key) noexcept {
  siphash::state s{key.low ^ 0x736f6d6570736575u, key.high ^ 0x646f72616e646f6du ^ 0xee, key.low ^ 0x6c7967656e657261u,
                   key.high ^ 0x7465646279746573u};
  char const* p = text.data();
  for (std::size_t words = text.size() / 8; words != 0; --words, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, 8);
    s.absorb(siphash::little_endian(word));
  }
  std::uint64_t tail = 0;
  if (std::size_t const rest = text.size() % 8; rest != 0)
    std::memcpy(&tail, p, rest);
  s.absorb(siphash::little_endian(tail) | (static_cast<std::uint64_t>(text.size()) << 56));
  hash128 out;
  s.v2 ^= 0xee;
  s.rounds(4);
  out.low = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  s.v1 ^= 0xdd;
  s.rounds(4);
  out.high = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  return out;
}

/// The key of this process, drawn once from the operating system.
inline hash128 process_hash_key() {
  static hash128 const key = [] {
    std::random_device source;
    auto const word = [&] { return (static_cast<std::uint64_t>(source()) << 32) | source(); };
    hash128 k;
    k.low = word();
    k.high = word();
    return k;
  }();
  return key;
}

/// The hash of `text` under this process's key: comparable within the process only.
inline hash128 hash_of(std::string_view text) { return keyed_hash(text, process_hash_key()); }

} // namespace aether::detail
