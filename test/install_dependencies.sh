#!/bin/sh
# Installs what is missing to build, test and run aether on Debian: install_dependencies.sh GROUP…
# Groups: build, test, server, clang, format, python, browser. Says what it installs; does nothing when nothing is missing.
set -eu

wanted=""
want_command() { # COMMAND PACKAGE: the package is needed when there is no such command
  PATH=$PATH:/usr/local/sbin:/usr/sbin command -v "$1" >/dev/null || wanted="$wanted $2"
}
want_package() { # for what is no command: headers and libraries
  dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' || wanted="$wanted $1"
}

if ! command -v apt-get >/dev/null; then
  echo "No apt-get here: nothing is installed. docs/building.md and CMake name what is missing."
  exit 0
fi

for group in "$@"; do
  case $group in
  build)
    want_command cmake cmake
    want_command ninja ninja-build
    want_command g++ g++
    want_command pkg-config pkg-config
    for package in libboost1.81-dev libboost-json1.81-dev libnats-dev libssl-dev libsqlite3-dev \
      prometheus-cpp-dev; do want_package $package; done
    ;;
  test)
    want_package libboost-test1.81-dev
    want_package libspdlog-dev # of an example
    want_command openssl openssl
    want_command curl curl
    ;;
  server) want_command nats-server nats-server ;;
  clang)
    want_command clang++-19 clang-19
    want_package libclang-rt-19-dev
    ;;
  format) want_command clang-format-19 clang-format-19 ;;
  browser) want_command chromium chromium ;;
  python) python3 -c 'import ensurepip, venv' 2>/dev/null || wanted="$wanted python3-venv" ;;
  *)
    echo "unknown group: $group" >&2
    exit 2
    ;;
  esac
done
[ -n "$wanted" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root=sudo
  if ! command -v sudo >/dev/null; then
    echo "Missing, and neither root nor sudo to install it with:$wanted" >&2
    exit 1
  fi
fi
echo "Installing from Debian:$wanted"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the package names are words
if ! { $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends $wanted; } >"$log" 2>&1 </dev/null; then
  tail -30 "$log" >&2
  echo "apt-get could not install:$wanted" >&2
  exit 1
fi
