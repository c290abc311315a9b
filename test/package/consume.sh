#!/bin/sh
# Builds and runs a project that uses aether, one way: consume.sh find_package|pkg_config|add_subdirectory.
# From the environment: SOURCE (this checkout), BUILD (its build folder), CXX, CMAKE, SQLITE and PROMETHEUS (ON: it
# has aether::sqlite, aether::prometheus).
set -eu

way=$1
consumer=$SOURCE/test/package/consumer
work=$BUILD/test/package/$way
rm -rf "$work"
mkdir -p "$work"

case $way in
find_package | pkg_config)
  "$CMAKE" --install "$BUILD" --prefix "$work/prefix" >"$work/install.log"
  # Moved after the installation: nothing in it may depend on where it was.
  mv "$work/prefix" "$work/moved"
  ;;
esac

case $way in
find_package)
  "$CMAKE" -S "$consumer" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_PREFIX_PATH="$work/moved" \
    -DCONSUMER_NEEDS_SQLITE="${SQLITE:-OFF}" -DCONSUMER_NEEDS_PROMETHEUS="${PROMETHEUS:-OFF}"
  "$CMAKE" --build "$work/build"
  ;;
add_subdirectory)
  # -O0 and by the dozen, as only the fit of the parts is tested.
  "$CMAKE" -S "$consumer" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_CXX_FLAGS="-O0" \
    -DAETHER_SOURCE_DIR="$SOURCE" -DAETHER_PRECOMPILED_HEADERS=ON -DAETHER_FAST_BUILD=ON
  "$CMAKE" --build "$work/build"
  ;;
pkg_config)
  mkdir "$work/build"
  PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name aether.pc)")
  export PKG_CONFIG_PATH
  # shellcheck disable=SC2046 # the flags are words
  "$CXX" -std=c++20 "$consumer/core_program.cpp" -o "$work/build/core_program" $(pkg-config --cflags --libs aether-core)
  # shellcheck disable=SC2046
  "$CXX" -std=c++20 "$consumer/testing_program.cpp" -o "$work/build/testing_program" \
    $(pkg-config --cflags --libs aether-testing)
  # shellcheck disable=SC2046
  "$CXX" -std=c++20 "$consumer/nats_program.cpp" -o "$work/build/nats_program" $(pkg-config --cflags --libs aether)
  if [ "${SQLITE:-OFF}" = ON ]; then
    # shellcheck disable=SC2046
    "$CXX" -std=c++20 "$consumer/sqlite_program.cpp" -o "$work/build/sqlite_program" \
      $(pkg-config --cflags --libs aether-sqlite)
  fi
  if [ "${PROMETHEUS:-OFF}" = ON ]; then
    # shellcheck disable=SC2046
    "$CXX" -std=c++20 "$consumer/prometheus_program.cpp" -o "$work/build/prometheus_program" \
      $(pkg-config --cflags --libs aether-prometheus)
  fi
  LD_LIBRARY_PATH=$(pkg-config --variable=libdir aether-core)
  export LD_LIBRARY_PATH
  ;;
*)
  echo "unknown way: $way" >&2
  exit 2
  ;;
esac

"$work/build/core_program"
"$work/build/testing_program"
"$work/build/nats_program"
if [ "${SQLITE:-OFF}" = ON ]; then
  "$work/build/sqlite_program"
fi
if [ "${PROMETHEUS:-OFF}" = ON ]; then
  "$work/build/prometheus_program"
fi
