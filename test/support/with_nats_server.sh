#!/bin/bash
# Runs a program on a nats-server of its own: with_nats_server.sh PROGRAM [OPTION…]; an option {url} becomes its URL.
# AETHER_NATS_CONFIG names a configuration file for it.
# Without a nats-server it ends with 77, which ctest reports as skipped, and in CI with 1.
set -euo pipefail

export PATH=$PATH:/usr/local/sbin:/usr/sbin
nats_server=${AETHER_NATS_SERVER:-nats-server}
if ! command -v "$nats_server" >/dev/null; then
  echo "no nats-server in PATH and none named in AETHER_NATS_SERVER"
  [ "${CI:-}" = true ] && exit 1
  exit 77
fi

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -s KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
"$nats_server" -js -sd "$work/store" -a 127.0.0.1 -p -1 --ports_file_dir "$work" \
  ${AETHER_NATS_CONFIG:+-c "$AETHER_NATS_CONFIG"} >"$work/log" 2>&1 </dev/null &
server=$!
until grep -qs nats:// "$work"/*.ports; do
  if ! kill -0 "$server" 2>/dev/null; then
    cat "$work/log"
    exit 1
  fi
  sleep 0.02
done
url=$(sed -nE 's|.*(nats://127\.0\.0\.1:[0-9]+).*|\1|p' "$work"/*.ports)
"${@//\{url\}/$url}" </dev/null
