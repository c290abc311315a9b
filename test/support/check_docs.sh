#!/bin/bash
# Fails, naming the place, when a code block of README.md or docs/ is not word for word in the file that the comment
# above it names (`<!-- examples/02_saving.cpp -->`; it may be indented there), or when a link or command leads nowhere.
# Blocks of `sh` and `text` need no file: their commands have to be there.
set -euo pipefail
cd "$(dirname "$0")/../.."
shopt -s nullglob
documents=(README.md docs/*.md)

awk '
function fail(line, what) { printf "%s:%d: %s\n", FILENAME, line, what; bad = 1 }

function load(path,   text, n) {
  if (path in lines_of) return lines_of[path]
  n = 0
  while ((getline text < path) > 0) file[path, ++n] = text
  close(path)
  return lines_of[path] = n
}

# Whether the block stands at line `at` of the file, indented as its first line is.
function stands_at(path, at,   k, indent, want) {
  indent = file[path, at]
  sub(/[^ ].*$/, "", indent)
  for (k = 1; k <= size; ++k) {
    want = block[k] == "" ? "" : indent block[k]
    if (file[path, at + k - 1] != want) return 0
  }
  return 1
}

function check_block(   n, at) {
  if (language == "sh" || language == "text") return
  ++blocks
  if (source == "") return fail(opened, "a block of " language " without the file it is taken from")
  n = load(source)
  if (n == 0) return fail(opened, "no such file: " source)
  for (at = 1; at + size - 1 <= n; ++at)
    if (stands_at(source, at)) return
  fail(opened, "this block is not in " source)
}

FNR == 1 { inside = 0; above = "" }
inside && /^```/ { check_block(); inside = 0; above = ""; next }
inside { block[++size] = $0; next }
/^```/ {
  inside = 1; size = 0; opened = FNR
  language = substr($0, 4)
  source = above ~ /^<!-- [^ ]+ -->$/ ? substr(above, 6, length(above) - 9) : ""
  next
}
/[^ ]/ { above = $0 }
END { printf "%d code blocks compared\n", blocks; exit bad }
' "${documents[@]}"

# there DOCUMENT PATH: a path as a link or a command of that document names it.
missing=0
there() {
  [ -e "$2" ] || { echo "$1: there is no $2"; missing=1; }
}
for document in "${documents[@]}"; do
  folder=$(dirname "$document")
  while read -r target; do
    there "$document" "$folder/$target"
  done < <(grep -oE '\]\([^)#]+' "$document" | sed 's/^](//' | grep -vE '^[a-z]+:' || true)
  while read -r command; do
    there "$document" "$command"
  done < <(grep -oE '^(examples|test|\.ci)/[a-z0-9_./]+' "$document" || true)
done
exit "$missing"
