#!/bin/bash
# Lets two processes reserve pieces of the same articles at once, more than there are, and checks that every piece went
# to one of them:
#   examples/inventory/try.sh PROGRAM nats://host:port: on a server that has no inventory yet
set -euo pipefail

program=$1
url=$2
delivered=300 # of each article
wanted=200    # of each article, by each of the two
articles=(tea cup pot)

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

"$program" "$url" supplier deliver $delivered

# Both are ready before either begins.
for name in north south; do
  mkfifo "$work/$name.in"
  "$program" "$url" $name reserve $wanted <"$work/$name.in" >"$work/$name.out" 2>&1 &
  process[$name]=$!
done
exec 3>"$work/north.in" 4>"$work/south.in"
for name in north south; do
  until grep -qs '^ready$' "$work/$name.out"; do
    kill -0 "${process[$name]}" 2>/dev/null || fail "$name ended"
    sleep 0.02
  done
done
echo go >&3
echo go >&4
for name in north south; do
  wait "${process[$name]}" || fail "$name failed"
  unset "process[$name]"
done
cat "$work/north.out" "$work/south.out"

"$program" "$url" auditor audit >"$work/audit.out" || fail "the audit failed"
echo "By the events:"
cat "$work/audit.out"

# number FILE PATTERN: what stands in place of the group; 0 without such a line.
number() {
  local found
  found=$(sed -nE "s/^$2\$/\1/p" "$work/$1.out")
  echo "${found:-0}"
}
for article in "${articles[@]}"; do
  sum=0
  for name in north south; do
    got=$(number $name "$name got ([0-9]+) of $article, .*")
    refused=$(number $name "$name got [0-9]+ of $article, refused ([0-9]+)")
    has=$(number audit "$name has ([0-9]+) of $article")
    [ "$got" -eq "$has" ] || fail "$name says that it got $got of $article, and has $has"
    [ $((got + refused)) -eq $wanted ] || fail "$name asked for $wanted of $article and got $got, refused $refused"
    sum=$((sum + got))
  done
  [ "$sum" -eq $delivered ] || fail "$sum of $delivered of $article were reserved"
  grep -qx "left 0 of $article" "$work/audit.out" || fail "some of $article is left"
done
echo "each of the $((delivered * ${#articles[@]})) pieces was reserved once"
