#!/usr/bin/env bash
# Makes sure that the programs this project needs beside Go are there. Usage: tools/setup.sh NEED...
#
#   postgres  PostgreSQL 15 or newer, server binaries (tests start private servers of their own)
#   cc        a C compiler (the race detector links with it)
#   node      Node.js 18.18 or newer with npm (the contract linter)
#   redis     redis-server (tests of the shared cache)
#   varnish   Varnish with its modules (tests of caches in front)
#   browser   Chromium (tests of the pages)
#
# Does nothing, quickly, when all is there. As root on Debian or Ubuntu it installs what is missing; anybody else is told the
# one command to type, with exit code 1.
set -euo pipefail

have_postgres() {
  local bin major
  for bin in "$(command -v postgres || true)" /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql@*/bin/postgres /usr/local/opt/postgresql@*/bin/postgres; do
    [ -x "$bin" ] || continue
    major=$("$bin" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
    [ "$major" -ge 15 ] && return 0
  done
  return 1
}
have_cc() { command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null; }
have_node() {
  command -v npm >/dev/null || return 1
  local v; v=$(node --version 2>/dev/null) || return 1
  [[ $v =~ ^v([0-9]+)\.([0-9]+)\. ]] && (( BASH_REMATCH[1] > 18 || (BASH_REMATCH[1] == 18 && BASH_REMATCH[2] >= 18) ))
}
have_redis() { command -v redis-server >/dev/null; }
have_varnish() { { command -v varnishd >/dev/null || [ -x /usr/sbin/varnishd ]; } && compgen -G '/usr/lib/*/varnish/vmods/libvmod_xkey.so' >/dev/null; }
have_browser() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }

debian_postgres=postgresql      brew_postgres=postgresql@17
debian_cc='gcc libc6-dev'       brew_cc=
debian_node='nodejs npm'        brew_node=node
debian_redis=redis-server       brew_redis=redis
debian_varnish='varnish varnish-modules' brew_varnish=varnish
debian_browser=chromium         brew_browser='--cask chromium'

missing() {
  local need
  for need in "$@"; do
    declare -F "have_$need" >/dev/null || { echo "setup: unknown need: $need" >&2; exit 2; }
    "have_$need" || printf '%s ' "$need"
  done
}
packages() { # packages SYSTEM NEED...
  local system=$1 need var; shift
  for need in "$@"; do var=${system}_$need; printf '%s ' "${!var}"; done
}

read -ra lacking <<<"$(missing "$@")"
[ ${#lacking[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: missing: ${lacking[*]}. Install it, for example with: brew install $(packages brew "${lacking[@]}")" >&2
  exit 1
fi
read -ra wanted <<<"$(packages debian "${lacking[@]}")"
if [ "$(id -u)" -ne 0 ]; then
  echo "setup: missing: ${lacking[*]}. Install it with: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${wanted[*]}" >&2
  exit 1
fi

echo "setup: installing ${wanted[*]}"
# Tests start servers of their own; Debian's package shall not leave one running beside them.
if [[ " ${lacking[*]} " == *' postgres '* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
fi
if [[ " ${lacking[*]} " == *' varnish '* && -d /etc/systemd/system && ! -e /etc/systemd/system/varnish.service ]]; then
  ln -s /dev/null /etc/systemd/system/varnish.service
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${wanted[@]}" >/dev/null

still=$(missing "${lacking[@]}")
[ -z "$still" ] || { echo "setup: still missing after the installation: $still" >&2; exit 1; }
