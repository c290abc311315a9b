// A tmpfs with a file on it that takes the room.
#include "fault/small_disk.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace aether::fault {
namespace {

[[noreturn]] void fail(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

} // namespace

small_disk::small_disk(std::size_t bytes) {
  std::filesystem::create_directory(path());
  if (::mount("tmpfs", path().c_str(), "tmpfs", 0, ("size=" + std::to_string(bytes)).c_str()) != 0)
    fail("mount a tmpfs");
}

small_disk::~small_disk() { ::umount2(path().c_str(), MNT_DETACH); }

void small_disk::fill(std::size_t left) {
  struct statvfs room{};
  if (::statvfs(path().c_str(), &room) != 0)
    fail("statvfs");
  auto const available = room.f_bavail * room.f_frsize;
  if (available <= left)
    return;
  int const file = ::open((path() / "filling").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    fail("open the filling");
  int const error = ::posix_fallocate(file, 0, static_cast<off_t>(available - left));
  ::close(file);
  if (error != 0 && error != ENOSPC) // somebody else took it meanwhile: full is what was asked for
    throw std::system_error(error, std::generic_category(), "posix_fallocate");
}

void small_disk::free() { std::filesystem::remove(path() / "filling"); }

boost::test_tools::assertion_result can_mount(boost::unit_test::test_unit_id) {
  auto const* const ci = std::getenv("CI");
  if (ci && std::string(ci) == "true")
    return true;
  try {
    small_disk const probe(1 << 20);
    return true;
  } catch (std::system_error const& e) {
    boost::test_tools::assertion_result no(false);
    no.message() << e.what();
    return no;
  }
}

} // namespace aether::fault
