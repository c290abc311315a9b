// Base64 decoding by four tables, one per place in a group of four.
#include "nats/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace aether::nats::detail {
namespace {

constexpr std::uint32_t invalid = 0xFF000000u;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

using table = std::array<std::uint32_t, 256>;

// A character's bits, already where they belong in the group's 24.
constexpr std::array<table, 4> make_tables() {
  std::array<table, 4> tables{};
  for (std::size_t place = 0; place != 4; ++place) {
    tables[place].fill(invalid);
    for (std::size_t i = 0; i != alphabet.size(); ++i)
      tables[place][static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint32_t>(i << (18 - 6 * place));
  }
  return tables;
}

constexpr std::array<table, 4> tables = make_tables();

std::uint32_t bits(std::size_t place, char c) noexcept { return tables[place][static_cast<unsigned char>(c)]; }

char byte(std::uint32_t group, int shift) noexcept { return static_cast<char>((group >> shift) & 0xFFu); }

} // namespace

bool decode_base64(std::string_view text, std::string& out) {
  out.clear();
  if (text.empty())
    return true;
  if (text.size() % 4 != 0)
    return false;
  std::size_t const padding = text.back() != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2;
  std::size_t const groups = text.size() / 4 - (padding != 0 ? 1 : 0);
  out.resize(groups * 3 + (padding != 0 ? 3 - padding : 0));

  char const* in = text.data();
  char* to = out.data();
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i != groups; ++i, in += 4, to += 3) {
    std::uint32_t const group = bits(0, in[0]) | bits(1, in[1]) | bits(2, in[2]) | bits(3, in[3]);
    seen |= group;
    to[0] = byte(group, 16);
    to[1] = byte(group, 8);
    to[2] = byte(group, 0);
  }
  if (padding != 0) {
    std::uint32_t const group = bits(0, in[0]) | bits(1, in[1]) | (padding == 1 ? bits(2, in[2]) : 0);
    std::uint32_t const beyond = padding == 1 ? 0xFFu : 0xFFFFu;
    if ((group & beyond) != 0)
      return false;
    seen |= group;
    to[0] = byte(group, 16);
    if (padding == 1)
      to[1] = byte(group, 8);
  }
  return (seen & invalid) == 0;
}

} // namespace aether::nats::detail
