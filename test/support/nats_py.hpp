// The independent client of the interoperability test: nats-py, in a Python environment that test/run.sh makes.
#pragma once

#include <boost/test/tools/assertion_result.hpp>
#include <boost/test/unit_test_suite.hpp>

#include <filesystem>

namespace aether::test {

/// The interpreter that the environment's AETHER_PYTHON names, or python3 when it can import nats; else empty.
std::filesystem::path nats_py_interpreter();

/// A precondition of tests that need it, which are reported as skipped without it:
/// `*boost::unit_test::precondition(aether::test::has_nats_py)`.
boost::test_tools::assertion_result has_nats_py(boost::unit_test::test_unit_id);

} // namespace aether::test
