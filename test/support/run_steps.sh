#!/bin/bash
# What test/run.sh and the scripts beside this one share: building, running a program's tests, counting, the closing
# lines. Expects root, preset and build to be set, and the current directory to be the root.

passed=0
failed=0
skipped=0
failures=()
notes=()

say() { printf '== %s\n' "$*"; }

build_all() { # [TARGET]
  say "Building $build with $jobs jobs"
  mkdir -p "$build"
  # In CI each run compiles everything; what shows how the library is used is no place to look for races.
  local settings=(-D AETHER_FAST_BUILD=OFF)
  if [ "${CI:-}" = true ] && [ "${mode:-}" != benchmark ]; then
    settings=(-D AETHER_FAST_BUILD=ON)
    [ "$preset" != tsan ] || settings+=(-D AETHER_BUILD_EXAMPLES=OFF)
  fi
  if ! cmake --preset "$preset" "${settings[@]}" >"$build/configure.log" 2>&1; then
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

# count KIND REPORT: test cases of a kind (passed, failed, …) in a report of Boost.Test; nothing when there is none.
count() { sed -n "s/.* test_cases_$1=\"\([0-9]*\)\".*/\1/p" "$2" 2>/dev/null | head -1; }

# failed_in LOG: the test cases in which a check failed or an exception ended them, with the first line of each.
failed_in() {
  sed -nE 's|^(.*/)?([^/(]+)\(([0-9]+)\): (fatal )?error: in "([^"]+)": .*|\5 (\2:\3)|p' "$1" |
    awk '!told[$1]++ { printf " %s", $0 }'
}

# run_program NAME PROGRAM LIMIT [SUITES]: runs a Boost.Test executable, or some suites of it ("a,b"), and adds what its
# report says.
run_program() {
  local name=$1 program=$build/test/$2 limit=$3 suites=${4:-} report log last good bad left start=$SECONDS code=0
  [ -x "$program" ] || return 0
  report=$build/test/$name.report.xml
  log=$build/test/$name.log
  rm -f "$report" "$log"
  say "$name"
  timeout --kill-after=20 "$limit" "$program" --color_output=no --report_format=XML --report_level=short \
    --report_sink="$report" --logger="HRF,test_suite,$log" ${suites:+--run_test="$suites"} </dev/null || code=$?
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
    # What is disabled is no test of its own; what has no server or an older one is left out and told.
    left=$(grep -c 'is skipped because precondition' "$log" || true)
    if [ "$bad" -gt 0 ]; then
      failures+=("$name: $bad test cases:$(failed_in "$log")")
    elif [ "$code" -ne 0 ]; then
      bad=1
      failures+=("$name: every test case passed, but it ended with exit code $code, as a sanitizer's report makes it")
    fi
    sed -n 's/^.*: Test \(.*\) is skipped because precondition failed:*/   skipped: \1:/p' "$log"
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

# The harness proved, and the short form of the campaign: on one server, and on three of them. The server is the one
# that AETHER_NATS_SERVER names.
run_server_faults() { # VERSION
  run_program "harness_$1" aether_fault_unit_tests 300
  run_program "campaign_$1" aether_campaign_tests 900
}
run_cluster_faults() { # VERSION
  AETHER_REPLICAS=3 run_program "campaign_$1_cluster" aether_campaign_tests 900 contention,kills,pauses,partitions,following
}

# version_of SERVER: its number; nothing when it cannot be run.
version_of() { "$1" --version 2>/dev/null | sed 's/.*v//' || true; }

# find_server VERSION: adds the server to `servers`, or a note that says why there is none.
servers=()
find_server() {
  local found code=0
  found=$(test/support/get_nats_server.sh "$1") || code=$?
  case $code in
  0) servers+=("$found") ;;
  3) notes+=("no Go on this machine: nothing was tested on nats-server $1") ;;
  *) notes+=("nats-server $1 could not be built: nothing was tested on it") ;;
  esac
}

# close_with TITLE: what was left out, what failed, how many passed; the exit code says whether all did.
close_with() {
  local line
  echo
  say "$1: $((passed + failed)) tests ran in $((SECONDS / 60)) min $((SECONDS % 60)) s"
  for line in "${notes[@]:+${notes[@]}}"; do echo "   note: $line"; done
  for line in "${failures[@]:+${failures[@]}}"; do echo "   FAILED: $line"; done
  if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
  else
    echo "$passed passed, $failed failed"
  fi
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
