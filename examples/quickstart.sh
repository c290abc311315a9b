#!/bin/bash
# Builds the quickstart and runs it:
#   examples/quickstart.sh                a private nats-server, which is killed, restarted and in the end removed
#   examples/quickstart.sh --memory       the embedded store, without any server
#   examples/quickstart.sh --url URL      a server that runs already, nats://host:port
# Installs what is missing with apt. AETHER_NATS_SERVER names another nats-server than the one in PATH, and
# AETHER_QUICKSTART a program that is built already, as the tests do: then nothing is installed or built.
set -euo pipefail
# Every process started with & gets a group of its own: it is ended as a whole, and Ctrl-C reaches this script alone.
set -m

root=$(cd "$(dirname "$0")/.." && pwd)
export PATH=$PATH:/usr/local/sbin:/usr/sbin

usage() {
  sed -n '3,5s/^# //p' "$0" >&2
  exit 2
}
case $#:${1-} in
0:) mode=private ;;
1:--memory) mode=memory ;;
2:--url) mode=url url=$2 ;;
*) usage ;;
esac

nats_server=${AETHER_NATS_SERVER:-nats-server}
work=${TMPDIR:-/tmp}/aether-quickstart.$$.$RANDOM # named before it is made: it is removed wherever this script ends

# end PID: ends a process that this script started, with its children, and waits until it is gone.
end() {
  kill -s TERM -- "-$1" 2>/dev/null || true
  for ((i = 0; i < 100; ++i)); do
    kill -0 -- "-$1" 2>/dev/null || break
    sleep 0.05
  done
  kill -s KILL -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

clean_up() {
  trap '' INT TERM HUP USR1
  exec 2>/dev/null # bash tells of every job that a signal ended
  local pid
  for pid in $(jobs -p); do end "$pid"; done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# await PID: its exit code, though SIGUSR1 is dealt with meanwhile.
await() {
  local code interrupted=$((128 + $(kill -l USR1)))
  while :; do
    code=0
    wait "$1" 2>/dev/null || code=$?
    [ "$code" -eq "$interrupted" ] || return "$code"
  done
}

set_up() {
  "$root/test/install_dependencies.sh" build
  if [ "$mode" = private ] && [ -z "${AETHER_NATS_SERVER-}" ]; then "$root/test/install_dependencies.sh" server; fi
  # build/release, when test/run.sh has set it up; else a folder that needs neither Boost.Test nor a server.
  build=$root/build/release
  if [ ! -f "$build/build.ninja" ]; then
    build=$root/build/quickstart
    [ -f "$build/build.ninja" ] || echo "Building in $build; the first time takes some minutes."
    mkdir -p "$build"
    (cd "$root" && exec cmake --preset release -B "$build" -DAETHER_BUILD_TESTS=OFF) >"$build/configure.log" 2>&1 &
    if ! await $!; then
      tail -30 "$build/configure.log" >&2
      echo "CMake could not configure $build" >&2
      exit 1
    fi
  fi
  local show=/dev/stdout # a terminal is shown how far it is
  [ -t 1 ] || show=$build/quickstart.log
  cmake --build "$build" -t 01_quickstart -- "-j$(nproc)" >"$show" 2>&1 </dev/null &
  if ! await $!; then
    [ -t 1 ] || tail -60 "$show" >&2
    echo "The quickstart could not be built in $build" >&2
    exit 1
  fi
  program=$build/examples/01_quickstart
}

port=-1 # at first one that is free

start_server() {
  rm -f "$work"/*.ports
  "$nats_server" -js -sd "$work/store" -a 127.0.0.1 -p "$port" --ports_file_dir "$work" \
    >>"$work/server.log" 2>&1 </dev/null &
  server=$!
  # The file is written once the server listens.
  until grep -qs 'nats://' "$work"/*.ports; do
    if ! kill -0 "$server" 2>/dev/null; then
      cat "$work/server.log" >&2
      echo "nats-server did not start" >&2
      exit 1
    fi
    sleep 0.02
  done
  url=$(sed -nE 's|.*(nats://127.0.0.1:[0-9]+).*|\1|p' "$work"/*.ports)
  port=${url##*:}
}

restart_server() {
  { kill -s KILL "$server" && wait "$server"; } 2>/dev/null || true
  start_server
}

program=${AETHER_QUICKSTART-}
[ -n "$program" ] || set_up

case $mode in
memory) options=(--memory) ;;
url) options=(--url "$url") ;;
private)
  mkdir -m 700 "$work"
  start_server
  trap restart_server USR1 # the program asks for it
  echo "A private nats-server $("$nats_server" --version | sed 's/.*v//') listens on $url, in $work"
  options=(--url "$url" --parent-restarts-server)
  ;;
esac
"$program" "${options[@]}" </dev/null &
await $!

echo
case $mode in
private) echo "Done. The server is ended and its directory removed." ;;
url) echo "Done. The stream \`quickstart\` stays on the server; its events expire after a day." ;;
memory) echo "Done." ;;
esac
echo "Read on in examples/01_quickstart.cpp and README.md."
