// Implementation of nats_py_interpreter: looks once, by importing.
#include <support/nats_py.hpp>

#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

#include <cstdlib>

namespace aether::test {

std::filesystem::path nats_py_interpreter() {
  static auto const interpreter = []() -> std::filesystem::path {
    auto const* const variable = std::getenv("AETHER_PYTHON");
    auto const python = find_program(variable && *variable ? variable : "python3");
    if (python.empty())
      return {};
    temporary_directory directory;
    child_process import({python.string(), "-c", "import nats"}, directory.path() / "output");
    return import.wait(std::chrono::seconds(30)) == 0 ? python : std::filesystem::path();
  }();
  return interpreter;
}

boost::test_tools::assertion_result has_nats_py(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result found(!nats_py_interpreter().empty());
  if (!found)
    found.message() << "no Python with nats-py: test/run.sh makes one and names it in AETHER_PYTHON";
  return found;
}

} // namespace aether::test
