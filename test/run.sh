#!/bin/bash
# Sets up, builds and runs every test, on a bare Debian 12 too:
#   test/run.sh [release|debug|asan|tsan]      default: release
#   test/run.sh fuzz [SECONDS]                 each fuzz target for so long, default: 5; AETHER_FUZZ_SEED repeats a run
#   test/run.sh matrix                         on every supported version of the server; about half an hour
#   test/run.sh campaign [--part NAME]         the faults in full, hours; what has passed is not run again (--again)
#   test/run.sh benchmark [--quick]            prints the table and writes build/benchmark.json
# Closes with `N passed, N failed`, counted in test cases. CI=true makes a missing server a failure, compiles for speed of
# compiling, and runs the longest programs on one server each, which the sanitizers share; without it, on every one.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mode=${1:-release}
[ $# -eq 0 ] || shift
newer_server=2.15.2
export PATH=$PATH:/usr/local/sbin:/usr/sbin

case $mode in
release | debug | benchmark | matrix | campaign) groups="build test server" ;;
asan | tsan) groups="build test server clang" ;;
fuzz) groups="build clang" ;;
*)
  sed -n '2,9s/^# //p' "$0" >&2
  exit 2
  ;;
esac

preset=$mode
case $mode in benchmark | matrix | campaign) preset=release ;; esac
build=build/$preset
jobs=${AETHER_JOBS:-$(nproc)}

. test/support/run_steps.sh

# shellcheck disable=SC2086 # the groups are words
test/install_dependencies.sh $groups
# Names in the sanitizers' reports: the distribution's llvm-symbolizer cannot read what clang 19 writes.
for sanitizer in ASAN UBSAN TSAN; do
  options=${sanitizer}_OPTIONS
  export "$options=${!options:-external_symbolizer_path=$(command -v addr2line || true)}"
done
export TSAN_OPTIONS="$TSAN_OPTIONS:suppressions=$root/test/support/tsan.suppressions"

case $mode in
benchmark)
  build_all aether_benchmark
  AETHER_BENCHMARK_JSON=${AETHER_BENCHMARK_JSON:-$root/build/benchmark.json} exec "$build/test/aether_benchmark" "$@"
  ;;
fuzz)
  . test/support/run_fuzz.sh
  run_fuzz_targets "${1:-5}"
  exit
  ;;
matrix | campaign)
  . test/support/run_campaign.sh
  build_all
  "run_$mode" "$@"
  exit
  ;;
esac

# Without Python's venv the interoperability test has no client; everything else can be tested.
test/install_dependencies.sh python || notes+=("python3-venv could not be installed")
if [ "$mode" = release ]; then
  test/install_dependencies.sh browser || notes+=("chromium could not be installed: the order service's page was not tried")
fi
build_all

if AETHER_PYTHON=$(test/support/get_nats_py.sh); then
  export AETHER_PYTHON
else
  unset AETHER_PYTHON
  notes+=("nats-py could not be installed: nothing was tested against it")
fi
# The distribution's server, or the one that the caller names; and a newer one.
own_server=${AETHER_NATS_SERVER:-}
if command -v "${own_server:-nats-server}" >/dev/null; then
  servers+=("$(command -v "${own_server:-nats-server}")")
else
  notes+=("no ${own_server:-nats-server} in PATH")
fi
find_server $newer_server

run_program unit aether_unit_tests 300
run_program unit_nats aether_nats_unit_tests 300
run_program unit_sqlite aether_sqlite_tests 300
run_program unit_prometheus aether_prometheus_tests 300
run_program unit_testing aether_testing_unit_tests 300
run_program unit_cli aether_cli_unit_tests 300
# is_due PART VERSION: whether this run has that part on that server. The contract is tested on every one in each run.
is_due() {
  case $1:$2 in cluster:$newer_server) ;; cluster:*) return 1 ;; esac
  [ "${CI:-}" = true ] || return 0
  case $mode:$1:$2 in
  release:faults:$newer_server) return 1 ;;
  release:roles:$newer_server) ;;
  release:roles:*) return 1 ;;
  asan:cluster:*) return 1 ;;
  asan:*:$newer_server) ;;
  asan:*) return 1 ;;
  tsan:*:$newer_server) return 1 ;;
  esac
}
# Without a server the tests themselves say that they are skipped, or fail in CI.
for server in "${servers[@]:-nats-server}"; do
  version=$(version_of "$server")
  export AETHER_NATS_SERVER=$server
  run_program "contract_${version:-none}" aether_contract_tests 600
  # Once more with the permissions that docs/permissions.md names.
  [ "$mode" != release ] || ! is_due roles "$version" || AETHER_ROLES=yes run_program "roles_${version:-none}" aether_contract_tests 600
  run_program "cli_${version:-none}" aether_cli_tests 300
  ! is_due integration "$version" || run_program "integration_${version:-none}" aether_integration_tests 900
  ! is_due faults "$version" || run_server_faults "${version:-none}"
  ! is_due cluster "$version" || run_cluster_faults "$version"
done
export AETHER_NATS_SERVER=$own_server
run_ctest example
run_ctest package
close_with "$mode"
