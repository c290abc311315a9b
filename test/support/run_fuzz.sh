#!/bin/bash
# Sourced by test/run.sh: every fuzz target built, and run for so long.

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
  if [ "$code" -eq 0 ] && [ "${runs:-0}" -ge 200 ]; then
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

run_fuzz_targets() { # SECONDS
  local seed=${AETHER_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))} program
  build_all
  say "Fuzzing, $1 s each target, seed $seed"
  for program in "$build"/test/fuzz/fuzz_*; do
    run_fuzz "$program" "$1" "$seed"
  done
  close_with fuzz
}
