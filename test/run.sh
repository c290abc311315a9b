#!/bin/bash
# Sets up, builds and runs every test, on a bare Debian 12 too:
#   test/run.sh [release|debug|asan|tsan]      default: release
#   test/run.sh fuzz [SECONDS]                 each fuzz target for so long, default: 5; AETHER_FUZZ_SEED repeats a run
#   test/run.sh benchmark [--quick]            prints the table and writes build/benchmark.json
# Closes with `N passed, N failed`, counted in test cases. CI=true makes a missing server a failure.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mode=${1:-release}
newer_server=2.15.2
export PATH=$PATH:/usr/local/sbin:/usr/sbin

case $mode in
release | debug | asan | benchmark) groups="build test server" ;;
tsan) groups="build test server tsan" ;;
fuzz) groups="build fuzz" ;;
*)
  sed -n '2,6s/^# //p' "$0" >&2
  exit 2
  ;;
esac

preset=$mode
[ "$mode" != benchmark ] || preset=release
build=build/$preset
jobs=${AETHER_JOBS:-$(nproc)}

say() { printf '== %s\n' "$*"; }

build_all() { # [TARGET]
  say "Building $build with $jobs jobs"
  mkdir -p "$build"
  if ! cmake --preset "$preset" >"$build/configure.log" 2>&1; then
    tail -30 "$build/configure.log"
    say "CMake could not configure $build"
    exit 1
  fi
  if ! cmake --build "$build" -j "$jobs" ${1:+-t "$1"} -- -k 20 >"$build/build.log" 2>&1; then
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$build/build.log" | tail -100
    say "The build failed: $root/$build/build.log"
    exit 1
  fi
}

if [ "$mode" = benchmark ]; then
  # shellcheck disable=SC2086 # the groups are words
  test/install_dependencies.sh $groups
  build_all aether_benchmark
  shift
  AETHER_BENCHMARK_JSON=${AETHER_BENCHMARK_JSON:-$root/build/benchmark.json} exec "$build/test/aether_benchmark" "$@"
fi

passed=0
failed=0
skipped=0
failures=()
notes=()

# count KIND REPORT: test cases of a kind (passed, failed, …) in a report of Boost.Test; nothing when there is none.
count() { sed -n "s/.* test_cases_$1=\"\([0-9]*\)\".*/\1/p" "$2" 2>/dev/null | head -1; }

# run_program NAME PROGRAM LIMIT: runs a Boost.Test executable and adds what its report says.
run_program() {
  local name=$1 program=$build/test/$2 limit=$3 report log last good bad left start=$SECONDS code=0
  [ -x "$program" ] || return 0
  report=$build/test/$name.report.xml
  log=$build/test/$name.log
  rm -f "$report" "$log"
  say "$name"
  timeout --kill-after=20 "$limit" "$program" --color_output=no --report_format=XML --report_level=short \
    --report_sink="$report" --logger="HRF,test_suite,$log" </dev/null || code=$?
  # Each failed check with the lines that belong to it.
  awk '/: (fatal )?error: in "/ { shown = 1 } /: (Entering|Leaving) test /{ shown = 0 } shown' "$log" 2>/dev/null || true
  good=$(count passed "$report")
  if [ -z "$good" ]; then
    # It crashed, hung or was stopped by a sanitizer: the test case it was in is the one that failed.
    last=$(grep 'Entering test case' "$log" | tail -1 || true)
    good=$(grep -c 'Leaving test case' "$log" || true)
    bad=1
    left=0
    failures+=("$name: ended with exit code $code before its end; last: ${last:-nothing}")
  else
    good=$((good + $(count passed_with_warnings "$report")))
    bad=$(($(count failed "$report") + $(count aborted "$report")))
    left=$(count skipped "$report")
    if [ "$bad" -gt 0 ]; then
      failures+=("$name: $bad test cases")
    elif [ "$code" -ne 0 ]; then
      bad=1
      failures+=("$name: every test case passed, but it ended with exit code $code, as a sanitizer's report makes it")
    fi
    sed -n 's/^.*: Test \(.*\) is skipped because/   skipped: \1:/p' "$log"
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  skipped=$((skipped + left))
  printf '   %d passed, %d failed, %d skipped in %d s\n' "$good" "$bad" "$left" $((SECONDS - start))
}

# run_ctest LABEL: the tests that are no Boost.Test executables.
run_ctest() {
  local log=$build/test/ctest_$1.log code=0 before=$failed result='^ *[0-9]+/[0-9]+ Test +#[0-9]+:' name
  [ -n "$(ctest --test-dir "$build" -N -L "$1" | grep 'Test *#' || true)" ] || return 0
  say "$1"
  ctest --test-dir "$build" -L "$1" --output-on-failure --no-tests=error >"$log" 2>&1 </dev/null || code=$?
  while read -r name; do
    failed=$((failed + 1))
    failures+=("$name")
  done < <(grep -E "$result" "$log" | grep -vE ' Passed |\*\*\*Skipped' | sed -E "s|$result ([^ ]+) .*|\1|")
  passed=$((passed + $(grep -cE "$result .* Passed " "$log" || true)))
  skipped=$((skipped + $(grep -cE "$result .*\*\*\*Skipped" "$log" || true)))
  if [ "$code" -ne 0 ]; then
    cat "$log"
    [ "$failed" -gt "$before" ] || failed=$((failed + 1))
  else
    grep -E "$result" "$log" | sed -E "s|$result|  |"
  fi
}

# run_fuzz PROGRAM SECONDS SEED: one fuzz target, which counts as one test. What it fails on is kept and shown.
run_fuzz() {
  local program=$1 name log code=0 runs found
  name=$(basename "$program")
  log=$build/$name.log
  rm -rf "$build/found/$name" "$build/crashes/$name"
  mkdir -p "$build/found/$name" "$build/crashes/$name"
  timeout --kill-after=20 $(($2 + 120)) "$program" -seed="$3" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 \
    -detect_leaks=1 -print_final_stats=1 -artifact_prefix="$build/crashes/$name/" "$build/found/$name" \
    "test/fuzz/corpus/${name#fuzz_}" >"$log" 2>&1 </dev/null || code=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if [ "$code" -eq 0 ] && [ "${runs:-0}" -ge 1000 ]; then
    passed=$((passed + 1))
    printf '   %-20s %9d inputs\n' "$name" "$runs"
    return
  fi
  failed=$((failed + 1))
  failures+=("$name: exit code $code after ${runs:-no} inputs; seed $3, log $root/$log")
  grep -vE '^(#|INFO|stat|MS:|0x|Base64|artifact)' "$log" | tail -60
  for found in "$build/crashes/$name"/*; do
    [ -e "$found" ] || continue
    echo "   input kept in $root/$found:"
    od -An -v -tx1 "$found" | head -64
  done
}

if [ "$mode" = fuzz ]; then
  # shellcheck disable=SC2086 # the groups are words
  test/install_dependencies.sh $groups
  build_all
  seed=${AETHER_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
  say "Fuzzing, ${2:-5} s each target, seed $seed"
  for program in "$build"/test/fuzz/fuzz_*; do
    run_fuzz "$program" "${2:-5}" "$seed"
  done
  echo
  for failure in "${failures[@]:+${failures[@]}}"; do echo "   FAILED: $failure"; done
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
fi

# shellcheck disable=SC2086 # the groups are words
test/install_dependencies.sh $groups
# Without Python's venv the interoperability test has no client; everything else can be tested.
test/install_dependencies.sh python || notes+=("python3-venv could not be installed")
build_all

if AETHER_PYTHON=$(test/support/get_nats_py.sh); then
  export AETHER_PYTHON
else
  unset AETHER_PYTHON
  notes+=("nats-py could not be installed: nothing was tested against it")
fi
# Names in ThreadSanitizer's reports: the distribution's llvm-symbolizer cannot read what clang 19 writes.
export TSAN_OPTIONS=${TSAN_OPTIONS:-external_symbolizer_path=$(command -v addr2line || true)}
# The distribution's server, or the one that the caller names; and a newer one.
own_server=${AETHER_NATS_SERVER:-}
servers=()
if command -v "${own_server:-nats-server}" >/dev/null; then
  servers+=("$(command -v "${own_server:-nats-server}")")
else
  notes+=("no ${own_server:-nats-server} in PATH")
fi
code=0
newer=$(test/support/get_nats_server.sh $newer_server) || code=$?
case $code in
0) servers+=("$newer") ;;
3) notes+=("no Go on this machine: nothing was tested on nats-server $newer_server") ;;
*) notes+=("nats-server $newer_server could not be built: nothing was tested on it") ;;
esac

run_program unit aether_unit_tests 300
run_program unit_nats aether_nats_unit_tests 300
run_program unit_testing aether_testing_unit_tests 300
run_program unit_fault aether_fault_unit_tests 300
# Without a server the tests themselves say that they are skipped, or fail in CI.
for server in "${servers[@]:-nats-server}"; do
  version=$("$server" --version 2>/dev/null | sed 's/.*v//' || true)
  export AETHER_NATS_SERVER=$server
  run_program "contract_${version:-none}" aether_contract_tests 600
  run_program "integration_${version:-none}" aether_integration_tests 900
  run_program "campaign_${version:-none}" aether_campaign_tests 600
done
export AETHER_NATS_SERVER=$own_server
run_ctest example
run_ctest package

echo
say "$mode: $((passed + failed)) tests ran in $((SECONDS / 60)) min $((SECONDS % 60)) s"
for note in "${notes[@]:+${notes[@]}}"; do echo "   note: $note"; done
for failure in "${failures[@]:+${failures[@]}}"; do echo "   FAILED: $failure"; done
if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
