# A MariaDB as a register of CPR numbers: a socket below DIR/mariadb and, with TLS, the controller's address.
# Sourced by `up`, `down` and `selfcheck`. It runs as www-data, because Debian creates MariaDB's own user
# for the service only, which is not installed.
# shellcheck shell=bash

MARIADB_PORT=3306
MARIADB_PASSWORD='Stille-Park-38-Elm'

as_mariadb() { setpriv --reuid=www-data --regid=www-data --init-groups env -i -C / PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C.UTF-8 "$@"; }

# Needs the certificates.
mariadb_up() {
  local home=$1/mariadb _
  PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null || die "MariaDB is not installed: run scripts/setup"
  # Another server on the port would answer in place of this one, which would then look as if it were up.
  ! (: <"/dev/tcp/$DC_IP/$MARIADB_PORT") 2>/dev/null || die "something listens on $DC_IP:$MARIADB_PORT already"
  install -d -o www-data -g www-data -m 755 "$home" "$home/data" "$home/tmp"
  install -o www-data -m 600 "$1/tls/db.key" "$home/tls.key"
  install -m 644 "$1/tls/db.pem" "$1/tls/ca.pem" "$home"
  # `owner` fills the tables, `reader` is the service's user, and `plain` may connect without TLS.
  cat >"$home/init.sql" <<SQL
CREATE DATABASE IF NOT EXISTS people;
CREATE USER owner@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
GRANT ALL ON people.* TO owner@'%';
CREATE USER reader@'%' IDENTIFIED BY '$MARIADB_PASSWORD' REQUIRE SSL;
GRANT SELECT ON people.* TO reader@'%';
CREATE USER plain@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
GRANT SELECT ON people.* TO plain@'%';
SQL
  as_mariadb mariadb-install-db --no-defaults --datadir="$home/data" --skip-test-db --auth-root-authentication-method=socket \
    --innodb-log-file-size=8M >"$1/log/mariadb.log" 2>&1 || die "mariadb-install-db failed: see $1/log/mariadb.log"
  # The process writes its own pid before it becomes the server.
  # shellcheck disable=SC2016
  detached env -i PATH="$PATH:/usr/sbin" LC_ALL=C.UTF-8 MARIADB_DIR="$home" sh -c 'echo $$ >"$0"; exec "$@"' "$home/pid" \
    setpriv --reuid=www-data --regid=www-data --init-groups mariadbd --no-defaults --datadir="$home/data" --tmpdir="$home/tmp" \
    --socket="$home/sock" --bind-address="$DC_IP" --port=$MARIADB_PORT --init-file="$home/init.sql" --skip-name-resolve \
    --ssl-cert="$home/db.pem" --ssl-key="$home/tls.key" --ssl-ca="$home/ca.pem" --skip-log-bin --innodb-buffer-pool-size=32M \
    --innodb-log-file-size=8M --innodb-flush-log-at-trx-commit=0 >>"$1/log/mariadb.log" 2>&1 &
  for _ in $(seq 200); do
    if [ "$(mariadb_says owner 'select 1')" = 1 ]; then return; fi
    sleep 0.1
  done
  die "MariaDB did not come up: see $1/log/mariadb.log"
}

# mariadb_says USER SQL [OPTION]: the result or the refusal of a query, over TLS unless the option demands otherwise.
mariadb_says() {
  local user=$1 sql=$2 tls=(--ssl-ca="$dir/tls/ca.pem" --ssl-verify-server-cert)
  if [ $# -gt 2 ]; then tls=("$3"); fi
  MYSQL_PWD=$MARIADB_PASSWORD mariadb --no-defaults -h "$DC_IP" -P "$MARIADB_PORT" -u "$user" "${tls[@]}" \
    --skip-column-names --batch -e "$sql" people 2>&1 || true
}

mariadb_facts() {
  printf 'MARIADB_HOST=%s\nMARIADB_PORT=%s\nMARIADB_SOCKET=%s\nMARIADB_PASSWORD=%s\n' "$DC_IP" "$MARIADB_PORT" "$1/mariadb/sock" "$MARIADB_PASSWORD"
}

mariadb_check() {
  fact 'MariaDB' 1 "$(mariadb_says reader 'select 1')"
  fact 'MariaDB over TLS' 'TLSv1.*' "$(mariadb_says reader "select variable_value from information_schema.session_status where variable_name = 'Ssl_version'")"
  fact 'MariaDB without TLS, reader' '*Access denied*' "$(mariadb_says reader 'select 1' --skip-ssl)"
  fact 'MariaDB, the reader writes' '*command denied*' "$(mariadb_says reader 'create table t (a int)')"
}

mariadb_down() {
  local pid tries
  [ -s "$1/mariadb/pid" ] || return 0
  pid=$(tr -d '[:space:]' <"$1/mariadb/pid")
  if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "MARIADB_DIR=$1/mariadb"; then # otherwise the pid has been reused
    kill -TERM "$pid" 2>/dev/null || true
    for tries in {1..100}; do
      [ -e "/proc/$pid" ] || break
      if [ "$tries" = 80 ]; then kill -KILL "$pid" 2>/dev/null || true; fi
      sleep 0.1
    done
    [ ! -e "/proc/$pid" ] || die "MariaDB (pid $pid) does not end"
  fi
  rm -f "$1/mariadb/pid"
}
