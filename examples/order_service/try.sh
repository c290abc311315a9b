#!/bin/bash
# Tries an order service from the outside: the whole life of orders, bad requests, overload, an orderly end.
#   examples/order_service/try.sh PROGRAM --memory
#   examples/order_service/try.sh PROGRAM --server: on a nats-server of its own, which is stopped, killed and restarted
#                                                   under it; and the service is killed, and goes on
# Without curl or a nats-server it ends with 77, which ctest reports as skipped.
set -euo pipefail

program=$1
mode=$2
export PATH=$PATH:/usr/local/sbin:/usr/sbin
nats_server=${AETHER_NATS_SERVER:-nats-server}
command -v curl >/dev/null || { echo "no curl in PATH"; exit 77; }
if [ "$mode" = --server ] && ! command -v "$nats_server" >/dev/null; then
  echo "no nats-server in PATH and none named in AETHER_NATS_SERVER"
  [ "${CI:-}" = true ] && exit 1
  exit 77
fi

work=$(mktemp -d)
server= service= base=
cleanup() {
  local id
  for id in $service $server; do kill -s KILL "$id" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

fail() {
  echo "line ${BASH_LINENO[1]}: $1"
  tail -n 20 "$work"/*.log 2>/dev/null || true
  exit 1
}

# start_server PORT: -1 for any that is free.
start_server() {
  rm -f "$work"/*.ports
  "$nats_server" -js -sd "$work/store" -a 127.0.0.1 -p "$1" --ports_file_dir "$work" >>"$work/nats.log" 2>&1 </dev/null &
  server=$!
  until grep -qs nats:// "$work"/*.ports; do
    kill -0 "$server" 2>/dev/null || fail "no nats-server"
    sleep 0.02
  done
  port=$(sed -nE 's|.*nats://127\.0\.0\.1:([0-9]+).*|\1|p' "$work"/*.ports)
}

# start OPTION…: the service on a free port.
start() {
  local where=(--memory)
  [ "$mode" = --server ] && where=(--url "nats://127.0.0.1:$port")
  : >"$work/out"
  "$program" "${where[@]}" --port 0 "$@" >"$work/out" 2>>"$work/service.log" </dev/null &
  service=$!
  until base=$(sed -n 's/^listening on //p' "$work/out") && [ -n "$base" ]; do
    kill -0 "$service" 2>/dev/null || fail "the service did not start"
    sleep 0.02
  done
}

# finish: it ends well when it is asked to.
finish() {
  local code=0
  kill -s TERM "$service"
  wait "$service" || code=$?
  service=
  [ "$code" -eq 0 ] || fail "the service ended with $code"
}

# call STATUS PATTERN PATH [CURL OPTION…]: the answer's status, and what its body has to match.
call() {
  local status
  status=$(curl -sS --max-time 10 -D "$work/head" -o "$work/body" -w '%{http_code}' "${@:4}" "$base$3" 2>"$work/curl") ||
    fail "$3: $(cat "$work/curl")"
  [ "$status" = "$1" ] || fail "$3: $status, not $1: $(cat "$work/body")"
  grep -qE -- "$2" "$work/body" || fail "$3: no $2 in $(cat "$work/body")"
}
header() { grep -qiE "^$1" "$work/head" || fail "no header $1 in $(cat "$work/head")"; }
id_of() { sed -nE 's/.*"id":"([^"]+)".*/\1/p' "$work/body"; }

# library_metric PATTERN: of what the library counts, which the page has where the service was built with prometheus-cpp.
library_metric() {
  call 200 '^order_service_requests_total' /metrics
  ! grep -q '^aether_' "$work/body" || call 200 "$1" /metrics
}

# until_body PATTERN PATH: what happens in the background does so soon.
until_body() {
  for ((i = 0; i < 200; ++i)); do
    curl -sS --max-time 10 "$base$2" >"$work/body" 2>/dev/null && grep -qE "$1" "$work/body" && return 0
    sleep 0.05
  done
  fail "$2: still no $1 in $(head -c 2000 "$work/body")"
}

place() { call 201 '"version":1' /orders -d "{\"customer\":\"Ada\",\"article\":\"$1\",\"quantity\":2,\"cents\":1250}"; }
pay='{"reference":"card-7"}'
ship='{"tracking":"by-bike"}'
cancel='{"reason":"changed my mind"}'

whole_life() {
  call 200 '"status":"ok"' /health
  call 200 '"version":1' /stock/cup -d '{"quantity":10}'
  place cup
  header 'Location: /orders/'
  local id
  id=$(id_of)
  call 200 '"status":"placed"' "/orders/$id"
  call 409 not_paid "/orders/$id/ship" -d "$ship"
  call 200 '"repeated":false' "/orders/$id/pay" -d "$pay" -H 'Idempotency-Key: one'
  call 200 '"repeated":true' "/orders/$id/pay" -d "$pay" -H 'Idempotency-Key: one'
  call 422 idempotency_key_reused "/orders/$id/pay" -d '{"reference":"cash"}' -H 'Idempotency-Key: one'
  call 409 already_paid "/orders/$id/pay" -d '{"reference":"cash"}'
  until_body '"status":"reserved"' "/orders/$id"
  call 200 '"available":8,"reserved":2' /stock/cup
  call 200 '"state":"running"' "/orders/$id/fulfilment"
  call 200 '"version":4' "/orders/$id/ship" -d "$ship"
  call 200 '"result":"shipped"' "/orders/$id/fulfilment?wait=5"
  call 200 '"available":8,"reserved":0' /stock/cup
  call 409 already_shipped "/orders/$id/cancel" -d "$cancel"
  shipped=$id
}

what_is_undone() {
  place cup
  local id
  id=$(id_of)
  call 200 . "/orders/$id/pay" -d "$pay"
  until_body '"status":"reserved"' "/orders/$id"
  call 200 '"version":4' "/orders/$id/cancel" -d "$cancel"
  call 200 '"state":"cancelled"' "/orders/$id/fulfilment?wait=5"
  call 200 '"available":8,"reserved":0' /stock/cup
  call 409 order_cancelled "/orders/$id/ship" -d "$ship"
  place unheard-of
  id=$(id_of)
  call 200 . "/orders/$id/pay" -d "$pay"
  call 200 '"result":"sold out"' "/orders/$id/fulfilment?wait=5"
  call 200 '"status":"cancelled".*"reason":"sold out"' "/orders/$id"
}

# The stream of an order, and the same from behind its second event.
streams() {
  curl -sN --max-time 1 "$base/orders/$shipped/events" >"$work/stream" 2>/dev/null || true
  [ "$(grep -c '^event: order' "$work/stream")" = 4 ] || fail "not four events: $(cat "$work/stream")"
  grep -q '^event: caught_up' "$work/stream" || fail "the stream did not catch up"
  local second
  second=$(sed -n 's/^id: //p' "$work/stream" | sed -n 2p)
  curl -sN --max-time 1 -H "Last-Event-ID: $second" "$base/orders/$shipped/events" >"$work/stream" 2>/dev/null || true
  [ "$(grep -c '^event: order' "$work/stream")" = 2 ] || fail "not two events: $(cat "$work/stream")"
  call 400 bad_last_event_id "/events" -H 'Last-Event-ID: nonsense'
}

bad_requests() {
  call 404 unknown_path /nothing
  call 404 unknown_path '/orders/a%20b'
  call 404 no_such_order /orders/nobody-has-it
  call 404 no_such_order /orders/nobody-has-it/pay -d "$pay"
  call 404 no_such_order /orders/nobody-has-it/events
  call 405 wrong_method /orders -X DELETE
  header 'Allow: POST'
  call 400 malformed_json /orders -d '{"customer":'
  call 400 malformed_json /orders -d '[]'
  call 400 'missing_member.*customer' /orders -d '{}'
  call 400 'bad_member.*quantity' /orders -d '{"customer":"Ada","article":"cup","quantity":0,"cents":1}'
  call 400 'unknown_member.*colour' /orders \
    -d '{"customer":"Ada","article":"cup","quantity":1,"cents":1,"colour":"red"}'
  call 400 bad_idempotency_key /orders -d '{}' -H 'Idempotency-Key: two words'
  call 400 bad_wait "/orders/$shipped/fulfilment?wait=long"
  head -c 20000 /dev/zero | tr '\0' x >"$work/large"
  call 413 body_too_large /orders --data-binary "@$work/large"
  call 431 header_too_large /orders -H "X-Long: $(head -c 9000 "$work/large")"
  local answer
  exec 5<>"/dev/tcp/127.0.0.1/${base##*:}"
  printf 'no HTTP at all\r\n\r\n' >&5
  answer=$(head -n 1 <&5)
  exec 5>&-
  [[ $answer == *400* ]] || fail "nonsense was answered with $answer"
}

page_and_metrics() {
  call 200 EventSource /
  call 200 '^order_service_requests_total\{route="place",status="201"\} 3$' /metrics
  library_metric '^aether_workflows_finished_total\{workflow_host="fulfilment"\} 3$'
  library_metric '^aether_saves_total\{store="orders",outcome="saved"\} [1-9]'
}

# What waits for a fulfilment is under way: with two of these a service for two is full.
overload() {
  start --max-requests 2 --pay-within 3
  place cup
  local id waiting=()
  id=$(id_of)
  for i in 1 2; do
    curl -sS --max-time 20 --retry 3 "$base/orders/$id/fulfilment?wait=5" >"$work/waits.$i" 2>/dev/null &
    waiting+=($!)
  done
  sleep 0.5 # they are there first
  for ((i = 0; i < 100; ++i)); do
    [ "$(curl -sS -o "$work/body" -D "$work/head" -w '%{http_code}' "$base/orders/$id")" != 503 ] || break
    sleep 0.01
  done
  grep -q overloaded "$work/body" || fail "nothing was refused: $(cat "$work/body")"
  header 'Retry-After: 1'
  wait "${waiting[@]}"
  grep -q '"result":"expired"' "$work/waits.1" || fail "not expired: $(cat "$work/waits.1")"
  call 200 'not paid in time' "/orders/$id"
  finish
}

# A request that is under way when the service is to end is answered; a stream ends.
orderly_end() {
  place cup
  local id request stream code=0
  id=$(id_of)
  curl -sSN --max-time 10 "$base/events" >"$work/stream" &
  stream=$!
  until_body '^order_service_streams 1$' /metrics
  curl -sS --max-time 10 "$base/orders/$id/fulfilment?wait=2" >"$work/waits" &
  request=$!
  until_body '^order_service_requests_under_way 2$' /metrics # the other is this one
  finish
  wait "$request" || fail "the request under way was cut off"
  grep -q '"state":"running"' "$work/waits" || fail "the request under way got $(cat "$work/waits")"
  wait "$stream" || code=$?
  [ "$code" = 0 ] || fail "the stream was cut off: curl ended with $code"
  grep -q '^ended$' "$work/out" || fail "it did not end as it should"
}

# A server that does not answer, one that is gone, and a service that is killed.
lost_server() {
  place cup
  local id key
  id=$(id_of)
  call 200 . "/orders/$id/pay" -d "$pay"
  until_body '"status":"reserved"' "/orders/$id"
  kill -s STOP "$server"
  call 504 outcome_unknown "/orders/$id/ship" -d "$ship" --max-time 4
  key=$(sed -nE 's/.*"idempotencyKey":"([^"]+)".*/\1/p' "$work/body")
  kill -s CONT "$server"
  call 200 '"version":4' "/orders/$id/ship" -d "$ship" -H "Idempotency-Key: $key"
  call 200 '"result":"shipped"' "/orders/$id/fulfilment?wait=5"

  place cup
  id=$(id_of)
  call 200 . "/orders/$id/pay" -d "$pay"
  until_body '"status":"reserved"' "/orders/$id"
  kill -s KILL "$server"
  wait "$server" 2>/dev/null || true
  call 503 store_unavailable "/orders/$id" --max-time 4
  header 'Retry-After: 1'
  call 503 store_unavailable /health
  start_server "$port"
  until_body '"status":"reserved"' "/orders/$id"

  kill -s KILL "$service"
  wait "$service" 2>/dev/null || true
  start
  call 200 '"version":4' "/orders/$id/ship" -d "$ship"
  call 200 '"result":"shipped"' "/orders/$id/fulfilment?wait=5"
  library_metric '^aether_workflows_resumed_total\{workflow_host="fulfilment"\} [1-9]'
}

[ "$mode" = --memory ] || start_server -1
start
whole_life
what_is_undone
streams
bad_requests
page_and_metrics
[ "$mode" = --memory ] || lost_server
orderly_end
overload
echo "all as it should be"
