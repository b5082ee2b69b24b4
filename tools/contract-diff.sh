#!/usr/bin/env bash
# Compares openapi.yaml with the version before and fails when a caller of that one could break, optional parameters that
# went away included (oasdiff calls those warnings). The version before is, in this order:
#
#   BASE_REF           when it is set
#   HEAD               when openapi.yaml has changes that are not committed
#   the branch point   from origin/main, on a branch that has left it
#   HEAD~1             otherwise
#
# A break that is meant has its line in tools/oasdiff/accepted.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

skip() { echo "contract-diff: skipped: $*"; exit 0; }

git rev-parse --verify -q HEAD >/dev/null || skip 'nothing is committed yet'
if [ -n "${BASE_REF:-}" ]; then
  base=$(git rev-parse --verify -q "$BASE_REF^{commit}") || { echo "contract-diff: BASE_REF $BASE_REF names no commit" >&2; exit 2; }
elif ! git diff --quiet HEAD -- openapi.yaml; then
  base=$(git rev-parse HEAD)
else
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then
    base=$(git rev-parse --verify -q HEAD~1) || skip 'this is the first commit that is here'
  fi
fi
git cat-file -e "$base:openapi.yaml" 2>/dev/null || skip "there was no openapi.yaml at ${base:0:12}"

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
git show "$base:openapi.yaml" > "$before/openapi.yaml"
echo "contract-diff: against ${base:0:12}"
"${OASDIFF:-.tools/oasdiff}" breaking --fail-on WARN \
  --err-ignore tools/oasdiff/accepted.txt --warn-ignore tools/oasdiff/accepted.txt \
  "$before/openapi.yaml" openapi.yaml
