// The main function of every test executable.
#include <boost/test/unit_test.hpp>

int main(int argc, char** argv) {
  auto const init = [] {
    boost::unit_test::framework::master_test_suite().p_name.value = "aether";
    return true;
  };
  return boost::unit_test::unit_test_main(init, argc, argv);
}
