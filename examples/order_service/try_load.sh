#!/bin/bash
# Loads an order service for some seconds: try_load.sh SERVICE LOAD [SECONDS [CONNECTIONS [--url nats://host:port]]]
# In memory, and for one second, unless it is told otherwise. Every order that was paid gets its stock in the end: one
# that does not was forgotten by its workflow.
set -euo pipefail

service=$1
load=$2
seconds=${3:-1}
connections=${4:-16}
where=("${@:5}")
[ ${#where[@]} -gt 0 ] || where=(--memory)

out=$(mktemp)
"$service" "${where[@]}" --port 0 >"$out" </dev/null &
id=$!
trap 'kill -s KILL "$id" 2>/dev/null || true; rm -f "$out"' EXIT
trap 'exit 143' TERM INT HUP
until base=$(sed -n 's/^listening on //p' "$out") && [ -n "$base" ]; do
  kill -0 "$id" 2>/dev/null || { echo "the service did not start"; exit 1; }
  sleep 0.02
done
"$load" --port "${base##*:}" --seconds "$seconds" --connections "$connections"
if command -v curl >/dev/null; then
  forgotten=
  for ((i = 0; i < 20; ++i)); do
    forgotten=$(curl -sN --max-time 2 "$base/events" 2>/dev/null | sed '/^event: caught_up/q' | grep -c '"OrderPaid"' || true)
    [ "$forgotten" != 0 ] || break
    sleep 0.5
  done
  [ "$forgotten" = 0 ] || { echo "$forgotten orders are paid and got no stock"; exit 1; }
fi
kill -s TERM "$id"
wait "$id"
