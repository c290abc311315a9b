// Standard output by system calls, so that every failure is seen.
#include "cli/output.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace aether::cli {

namespace {

constexpr std::size_t piece = 64 * 1024;

} // namespace

void output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= piece)
    flush();
}

void output::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    auto const written = ::write(descriptor_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    int const failed = errno;
    if (failed == EINTR)
      continue;
    if (failed == EAGAIN) { // somebody else who has this terminal or pipe wants it so
      pollfd waiting{descriptor_, POLLOUT, 0};
      (void)::poll(&waiting, 1, -1);
      continue;
    }
    buffer_.clear();
    if (failed == EPIPE)
      throw output_closed();
    throw std::system_error(failed, std::generic_category(), "cannot write to standard output");
  }
  buffer_.clear();
}

bool output::is_terminal() const noexcept { return ::isatty(descriptor_) == 1; }

void guard_standard_descriptors() noexcept {
  for (int const descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) == -1 && errno == EBADF)
      // The lowest free one is this one. Output to it fails, as it did.
      (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  std::signal(SIGPIPE, SIG_IGN);
}

} // namespace aether::cli
