#!/usr/bin/env bash
# A PostgreSQL for work at a desk, apart from what `sheaf dev` keeps for itself. Usage: tools/db.sh up|down
# Its data is in .sheaf/desk; it listens on loopback only, at DB_PORT (55432), and trusts whoever can reach that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
port=${DB_PORT:-55432}
data=$PWD/.sheaf/desk

bin=$(dirname "$(command -v pg_ctl || ls -d /usr/lib/postgresql/*/bin/pg_ctl /opt/homebrew/opt/postgresql@*/bin/pg_ctl 2>/dev/null | sort -V | tail -1)")
[ -x "$bin/pg_ctl" ] || { echo 'db: no PostgreSQL found; run tools/setup.sh postgres' >&2; exit 1; }

# PostgreSQL refuses to run as root.
as() { "$@"; }
if [ "$(id -u)" -eq 0 ]; then
  owner=postgres; id -u postgres >/dev/null 2>&1 || owner=nobody
  as() { setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups -- "$@"; }
fi

case ${1:-} in
up)
  if [ ! -e "$data/PG_VERSION" ]; then
    mkdir -p "$data"
    chmod 700 "$data"
    [ "$(id -u)" -ne 0 ] || chown "$owner" "$data"
    as "$bin/initdb" -D "$data" -U sheaf -A trust -E UTF8 --locale=C >/dev/null
  fi
  as "$bin/pg_ctl" -D "$data" status >/dev/null ||
    as "$bin/pg_ctl" -D "$data" -w -l "$data/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start >/dev/null
  echo "postgres://sheaf@127.0.0.1:$port/postgres?sslmode=disable"
  ;;
down)
  as "$bin/pg_ctl" -D "$data" -m fast stop
  ;;
*)
  echo 'usage: tools/db.sh up|down' >&2
  exit 2
  ;;
esac
