// A disk of a few megabytes that can be filled to the last byte and freed again.
#pragma once

#include <support/temporary_directory.hpp>

#include <boost/test/tools/assertion_result.hpp>
#include <boost/test/unit_test_suite.hpp>

#include <cstddef>
#include <filesystem>

namespace aether::fault {

class small_disk {
public:
  /// Mounts a tmpfs. Throws std::system_error where that is not allowed.
  explicit small_disk(std::size_t bytes);
  small_disk(small_disk const&) = delete;
  small_disk& operator=(small_disk const&) = delete;
  ~small_disk(); ///< unmounts it: what runs on it must have ended

  std::filesystem::path path() const { return directory_.path() / "disk"; }
  /// Takes all room but so many bytes.
  void fill(std::size_t left);
  /// Gives back what fill() took.
  void free();

private:
  test::temporary_directory directory_;
};

/// A precondition: skipped where mounting is not allowed, unless the environment says CI=true.
boost::test_tools::assertion_result can_mount(boost::unit_test::test_unit_id);

} // namespace aether::fault
