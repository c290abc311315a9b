// The main function of every test executable.
#include <boost/test/unit_test.hpp>

#include <cstdlib>

int main(int argc, char** argv) {
  // A crash ends the program where it happens, under a sanitizer with its report; and the end of a child process
  // is no error of the test.
  ::setenv("BOOST_TEST_CATCH_SYSTEM_ERRORS", "no", 0);
  auto const init = [] {
    boost::unit_test::framework::master_test_suite().p_name.value = "aether";
    return true;
  };
  return boost::unit_test::unit_test_main(init, argc, argv);
}
