#!/bin/bash
# Starts three nodes, sends deposits to the accounts on them, kills one node in the middle, and checks that every deposit
# counts once:
#   examples/placement/try.sh PROGRAM nats://host:port: on a server that has no bank yet
set -euo pipefail

program=$1
url=$2
deposits=3000

work=$(mktemp -d)
declare -A process=() # ids by name
cleanup() {
  local id
  for id in "${process[@]}"; do kill -s KILL "$id" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

fail() {
  cat "$work"/*.out
  echo "$1"
  exit 1
}

# start NAME ROLE [DEPOSITS]
start() {
  : >"$work/$1.out" # it is read before the process has opened it
  "$program" "$url" "$@" >"$work/$1.out" 2>&1 </dev/null &
  process[$1]=$!
}

# until_says NAME PATTERN
until_says() {
  for ((i = 0; i < 1500; ++i)); do
    ! grep -qE "$2" "$work/$1.out" || return 0
    kill -0 "${process[$1]}" 2>/dev/null || fail "$1 ended"
    sleep 0.02
  done
  fail "$1 did not say: $2"
}

for name in north south west; do start $name node; done
for name in north south west; do until_says $name 'sees 3 nodes'; done

start teller tellers $deposits
until_says teller '^500 deposits$'
kill -s KILL "${process[south]}"
wait "${process[south]}" 2>/dev/null || true
unset 'process[south]'
for name in north west; do until_says $name 'sees 2 nodes'; done
wait "${process[teller]}" || fail "the tellers failed"
unset 'process[teller]'

for name in north west; do
  kill -s TERM "${process[$name]}"
  wait "${process[$name]}" || fail "$name failed"
  unset "process[$name]"
done
"$program" "$url" auditor audit $deposits >"$work/audit.out" || fail "the audit failed"
cat "$work"/{north,south,west}.out
tail -n 1 "$work/teller.out"
cat "$work/audit.out"
grep -qx "each of the $deposits deposits counts once" "$work/audit.out" || fail "some are missing"
