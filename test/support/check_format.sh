#!/bin/sh
# Fails, naming the places, when a C++ file that git knows is not as clang-format 19 writes it.
set -eu
cd "$(dirname "$0")/../.."
test/install_dependencies.sh format
git ls-files -z -- '*.hpp' '*.cpp' | xargs -0 clang-format-19 --dry-run --Werror
echo "Every C++ file is formatted as .clang-format says."
