// Random UUIDs from a generator per thread (xoshiro256**, Blackman and Vigna), seeded by the operating system.
#include <aether/event.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

namespace aether {
namespace {

struct generator {
  std::array<std::uint64_t, 4> s{};
  bool seeded = false;

  std::uint64_t next() noexcept {
    std::uint64_t const result = std::rotl(s[1] * 5, 7) * 9;
    std::uint64_t const t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = std::rotl(s[3], 45);
    return result;
  }
};

thread_local constinit generator this_threads;

// A forked child would repeat its parent's ids. Only the forking thread lives on in the child, and it runs this.
void forget_seed() noexcept { this_threads.seeded = false; }

void seed(generator& g) {
  static int const watching_forks = pthread_atfork(nullptr, nullptr, &forget_seed);
  if (watching_forks != 0)
    throw boost::system::system_error(watching_forks, boost::system::system_category(), "pthread_atfork");
  if (getentropy(g.s.data(), sizeof g.s) != 0)
    throw boost::system::system_error(errno, boost::system::system_category(), "getentropy");
  g.s[0] |= 1; // all zero is the one state that has no successor
  g.seeded = true;
}

} // namespace

std::string make_uuid() {
  generator& g = this_threads;
  if (!g.seeded)
    seed(g);
  std::uint64_t const high = (g.next() & ~std::uint64_t(0xF000)) | 0x4000;                // version 4
  std::uint64_t const low = (g.next() & ~(std::uint64_t(3) << 62)) | std::uint64_t(1) << 63; // variant 1

  static constexpr char hex[] = "0123456789abcdef";
  std::string text(36, '-');
  char* out = text.data();
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20)
      ++out;
    std::uint64_t const half = digit < 16 ? high : low;
    *out++ = hex[(half >> (60 - 4 * (digit % 16))) & 15];
  }
  return text;
}

} // namespace aether
