#!/bin/sh
# Makes a Python environment with nats-py, the independent client of the interoperability test, in build/tools/, and
# prints the path of its interpreter.
set -eu

version=2.16.0
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/build/tools/nats-py-$version

if ! [ -e "$folder/complete" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  {
    python3 -m venv "$folder/venv" &&
      "$folder/venv/bin/python" -m pip install --disable-pip-version-check "nats-py==$version"
  } >"$folder/install.log" 2>&1 </dev/null || {
    tail -5 "$folder/install.log" >&2
    exit 1
  }
  touch "$folder/complete"
fi
echo "$folder/venv/bin/python"
