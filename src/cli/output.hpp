// Standard output, and what becomes of it when nobody reads it any more.
#pragma once

#include <string>
#include <string_view>

namespace aether::cli {

/// Whoever read the output has closed it: no failure, and nothing to be said.
struct output_closed {};

/// Gathers what is written and hands it on in large pieces. What is left when it is destroyed is lost.
class output {
public:
  explicit output(int descriptor) : descriptor_(descriptor) {}
  output(output const&) = delete;
  output& operator=(output const&) = delete;

  /// Both throw output_closed, and std::system_error for any other failure.
  void write(std::string_view text);
  void flush();

  bool is_terminal() const noexcept;

private:
  int const descriptor_;
  std::string buffer_;
};

/// Before anything is opened: a standard descriptor that is closed would become that of a file or socket. And a write
/// to somebody who is gone becomes an error, not the end.
void guard_standard_descriptors() noexcept;

} // namespace aether::cli
