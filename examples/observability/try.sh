#!/bin/bash
# Starts two reacting nodes and one that saves, waits until their pages say that both heard of every order, shows some of
# it, lets a slow node miss announcements and catch up, and ends them all:
#   examples/observability/try.sh PROGRAM --url nats://host:port: on a server that has no orders yet
#   examples/observability/try.sh PROGRAM --memory: one node that is all three
# Without curl it ends with 77, which ctest reports as skipped.
set -euo pipefail

program=$1
shift
where=("$@")
orders=200
events=$((2 * orders)) # placed and paid
command -v curl >/dev/null || { echo "no curl in PATH"; exit 77; }

work=$(mktemp -d)
declare -A node=() # process ids by name
cleanup() {
  local id
  for id in "${node[@]}"; do kill -s KILL "$id" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

# start NAME OPTION…
start() {
  : >"$work/$1.out" # it is read before the node has opened it
  "$program" "${where[@]}" --name "$1" --page 127.0.0.1:0 "${@:2}" >"$work/$1.out" 2>"$work/$1.log" </dev/null &
  node[$1]=$!
}

fail() {
  tail -n 20 "$work"/*.log
  echo "$1"
  exit 1
}

# until_page NAME PATTERN…: reads the node's page until it has a line for each.
until_page() {
  local name=$1 pattern url missing
  shift
  for ((i = 0; i < 600; ++i)); do
    kill -0 "${node[$name]}" 2>/dev/null || fail "$name ended"
    url=$(sed -n 's/^metrics on //p' "$work/$name.out")
    missing=
    if [ -z "$url" ] || ! curl -fsS --max-time 10 "$url" >"$work/$name.page" 2>"$work/curl.err"; then
      missing="the page: $(cat "$work/curl.err" 2>/dev/null || true)"
    else
      for pattern in "$@"; do
        grep -qE "$pattern" "$work/$name.page" || missing=$pattern
      done
    fi
    [ -n "$missing" ] || return 0
    sleep 0.05
  done
  cat "$work/$name.page" 2>/dev/null || true
  fail "still missing on the page of $name: $missing"
}

# finish NAME…: each ends well when it is asked to.
finish() {
  local name code
  for name in "$@"; do
    kill -s TERM "${node[$name]}"
    code=0
    wait "${node[$name]}" || code=$?
    unset "node[$name]"
    [ "$code" -eq 0 ] || fail "$name ended with $code"
  done
}

show() { echo "$1:"; grep -E "^($2)" "$work/$1.page"; }

# What is expected of a node that saved them all, and of the board and the audit log of a node that reacts.
saved=(
  "^aether_saves_total\{store=\"shop\",outcome=\"saved\"\} $events\$"
  "^aether_save_duration_seconds_count\{store=\"shop\"\} $events\$"
  "^aether_announcements_total\{store=\"shop\"\} $events\$"
  '^aether_announcements_dropped_total\{store="shop"\} 0$'
  "^aether_bus_published_total\{bus=\"shop\"\} $events\$"
  '^aether_bus_unsent_total\{bus="shop"\} 0$'
)
# reacted NAME ORDERS
reacted() {
  expected=(
    "^shop_orders\{node=\"$1\",status=\"paid\"\} $2\$"
    "^shop_orders\{node=\"$1\",status=\"placed\"\} 0\$"
    "^aether_projection_state\{projection=\"$1-audit\",state=\"running\"\} 1\$"
    "^aether_projection_events_handled_total\{projection=\"$1-audit\"\} $((2 * $2))\$"
    "^aether_projection_events_behind\{projection=\"$1-audit\"\} 0\$"
  )
}
nothing_lost=(
  '^aether_bus_dropped_total\{bus="shop"\} 0$'
  '^aether_bus_missed_total\{bus="shop"\} 0$'
  '^aether_bus_gaps_total\{bus="shop"\} 0$'
)

# audited FILE NAME ORDERS: each payment has its order's first event as its cause, and its trace.
audited() {
  local paid
  paid=$(grep -cE "^$2 audit: OrderPaid order-[0-9a-f]+ 2 by .* cause=[0-9a-f-]{36} trace=[0-9a-f]{32}\$" "$1" || true)
  [ "$paid" -eq "$3" ] || fail "the audit log of $2 has $paid of $3 payments"
}

if [ "${where[0]-}" = --memory ]; then
  start shop --orders $orders
  reacted billing $orders
  until_page shop "${saved[@]}" "${expected[@]}" "${nothing_lost[@]}" '^aether_bus_subscribers\{bus="shop"\} 2$' \
    "^aether_bus_received_total\{bus=\"shop\"\} $((2 * events))\$"
  reacted shipping $orders
  until_page shop "${expected[@]}"
  show shop 'aether_(announcements|bus)|shop_'
  finish shop
  audited "$work/shop.out" billing $orders
  audited "$work/shop.out" shipping $orders
  exit 0
fi

connected='^aether_connected\{connection="main"\} 1$'
listens='^aether_bus_subscribers\{bus="shop"\} 1$'
start billing --role react
start shipping --role react
until_page billing "$listens" "$connected"
until_page shipping "$listens" "$connected"
start saving --role save --orders $orders
until_page saving "${saved[@]}" "$connected"
show saving 'aether_(saves_total.*"saved"|announcements|bus_(published|unsent)|connected)'
for name in billing shipping; do
  reacted $name $orders
  until_page $name "${expected[@]}" "${nothing_lost[@]}" "^aether_bus_received_total\{bus=\"shop\"\} $events\$" \
    "^aether_bus_heard_total\{bus=\"shop\"\} $events\$"
  show $name 'aether_(bus_(heard|received|dropped|missed)|projection_events_h|connected)|shop_'
done

# One that stands still while others save, with room for few announcements, loses some, and reads them in the store.
start slow --role react --buffer 2
reacted slow $orders
until_page slow "$listens" "${expected[@]}"
kill -s STOP "${node[slow]}"
start saving_more --role save --orders $orders
until_page saving_more "${saved[@]}"
kill -s CONT "${node[slow]}"
reacted slow $events
until_page slow "${expected[@]}" '^aether_bus_dropped_total\{bus="shop"\} [1-9]'
show slow 'aether_bus_(heard|received|dropped)|shop_'
grep -q 'announcements were missed' "$work/slow.log" || fail "nobody told the slow node of what it missed"

finish slow saving saving_more billing shipping
audited "$work/billing.out" billing $events
audited "$work/slow.out" slow $events
