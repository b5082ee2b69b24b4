#!/usr/bin/env bash
# Runs every fuzz target of the packages for a while each. Usage: tools/fuzz.sh TIME [PACKAGES]
# What it finds is written under the package's testdata/fuzz and belongs into the commit that mends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=$1
packages=${2:-./...}
targets=0
while read -r package dir; do
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | awk '{print $2}' | sort -u); do
    echo "fuzz: $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
    targets=$((targets + 1))
  done
done < <(go list -f '{{.ImportPath}} {{.Dir}}' "$packages")
echo "fuzz: $targets targets, nothing found"
[ "$targets" -gt 0 ]
