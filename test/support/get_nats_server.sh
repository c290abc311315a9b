#!/bin/sh
# Builds a nats-server of another version where Go is on the machine, and prints its path: get_nats_server.sh VERSION.
# It is built once, into build/tools/. Exit code 3: there is no Go here.
set -eu

version=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/build/tools/nats-server-$version
go=$(PATH=$PATH:/usr/local/go/bin command -v go) || exit 3

if ! [ -x "$folder/nats-server" ]; then
  mkdir -p "$folder"
  GOBIN=$folder "$go" install "github.com/nats-io/nats-server/v2@v$version" >"$folder/install.log" 2>&1 </dev/null || {
    tail -5 "$folder/install.log" >&2
    exit 1
  }
fi
echo "$folder/nats-server"
