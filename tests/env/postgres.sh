# A PostgreSQL of the environment's own: a Unix socket below DIR/pg/sock and, with TLS, the controller's address. It asks for no password.
# Sourced by `up` and `down`. PostgreSQL refuses to run as root, so it runs as the user `postgres` of Debian's package.
# shellcheck shell=bash

PG_PORT=5432

pg_bin() {
  local found
  found=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] || die "PostgreSQL is not installed: run scripts/setup"
  dirname "$found"
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups env -C / -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER LC_ALL=C.UTF-8 "$@"; }

# The user `postgres` needs access to DIR/pg, but directories by `mktemp -d` are closed to other users.
open_the_way() {
  local at=$1 temporary
  temporary=$(realpath -- "${TMPDIR:-/tmp}")
  chmod o+x "$at"
  while ! as_postgres test -x "$1"; do
    at=$(dirname "$at")
    # Opens temporary directories for passing through, but never a home directory.
    case $at in
      "$temporary" | /) die "the user postgres can't reach $1: choose a directory below $temporary" ;;
      "$temporary"/*) chmod o+x "$at" ;;
      *) die "the user postgres can't enter $at: choose a directory below $temporary" ;;
    esac
  done
}

# Needs the certificates.
postgres_up() {
  local pg=$1/pg bin
  bin=$(pg_bin)
  # Another server on the port would answer in place of this one, which would then look as if it were up.
  ! (: <"/dev/tcp/$DC_IP/$PG_PORT") 2>/dev/null || die "something listens on $DC_IP:$PG_PORT already"
  open_the_way "$1"
  install -d -o postgres -g postgres -m 755 "$pg" "$pg/sock"
  as_postgres "$bin/initdb" -D "$pg/data" --no-sync --auth=trust --encoding=UTF8 --locale=C.UTF-8 >"$1/log/initdb.log" 2>&1 ||
    die "initdb failed: see $1/log/initdb.log"
  install -o postgres -g postgres -m 600 "$1/tls/db.key" "$pg/tls.key"
  install -m 644 "$1/tls/db.pem" "$pg/db.pem"
  as_postgres tee -a "$pg/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '$DC_IP'
port = $PG_PORT
ssl = on
ssl_cert_file = '$pg/db.pem'
ssl_key_file = '$pg/tls.key'
unix_socket_directories = '$pg/sock'
max_connections = 200
shared_buffers = 32MB
CONF
  as_postgres tee -a "$pg/data/pg_hba.conf" >/dev/null <<<"host all all 127.0.0.0/8 trust"
  detached setpriv --reuid=postgres --regid=postgres --init-groups "$bin/pg_ctl" start -w -t 30 -D "$pg/data" -l "$pg/log" >>"$1/log/initdb.log" 2>&1 ||
    die "PostgreSQL did not start: see $pg/log"
  as_postgres "$bin/psql" -qX -h "$pg/sock" -d postgres -v ON_ERROR_STOP=1 \
    -c 'create role nykode login createdb' -c 'create database nykode owner nykode'
}

postgres_down() {
  local data=$1/pg/data bin
  [ -e "$data/postmaster.pid" ] || return 0
  bin=$(pg_bin)
  # pg_ctl recognizes its pid file, also a stale one. "immediate" is for a server that a stuck client holds.
  as_postgres "$bin/pg_ctl" stop -w -t 20 -m fast -D "$data" >/dev/null 2>&1 ||
    as_postgres "$bin/pg_ctl" stop -w -t 10 -m immediate -D "$data" >/dev/null 2>&1 ||
    ! as_postgres "$bin/pg_ctl" status -D "$data" >/dev/null 2>&1 ||
    die "PostgreSQL in $data does not stop"
  rm -f "$data/postmaster.pid"
}
