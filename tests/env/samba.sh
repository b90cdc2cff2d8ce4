# The domain controller: Samba as a complete Active Directory with LDAP only, on one loopback address.
# Sourced by `up`, `down` and `pair`. It writes below DIR/samba only, and listens on DC_IP:389 and :636 only.
# shellcheck shell=bash

provision() {
  local log=$1/log/provision.log
  # Without --adminpass Samba sets a random password, which keeps ours out of the process list. people.sh replaces it.
  # The ids are fixed, so that the pair's controllers (pair.sh) know each other before either runs.
  samba-tool domain provision --realm="$REALM" --domain="$DOMAIN" --server-role=dc --dns-backend=NONE \
    --targetdir="$1/samba" --host-name="${DC_NAME%%.*}" --host-ip="$DC_IP" --ntds-guid="$DC_NTDS_GUID" --invocationid="$DC_INVOCATION_ID" \
    --option='interfaces = lo' --option='bind interfaces only = yes' --option='vfs objects = dfs_samba4 acl_xattr xattr_tdb' \
    </dev/null >"$log" 2>&1 || die "provisioning the domain failed: see $log"
}

# smb_conf DIR HOME NAME IP SERVICES: the settings of one controller below HOME. The caller may append more lines.
smb_conf() {
  local s=$2 log=${2#"$1"/}
  mkdir -p "$s/etc" "$s/run" "$s/lock" "$s/cache" "$s/ncalrpc"
  cat >"$s/etc/smb.conf" <<CONF
[global]
  realm = $REALM
  workgroup = $DOMAIN
  netbios name = ${3^^}
  server role = active directory domain controller
  server services = $5
  interfaces = $4/8
  bind interfaces only = yes
  # By default, Samba accepts the previous password for an hour. Tests of the old password need its immediate end.
  old password allowed period = 0
  private dir = $s/private
  state directory = $s/state
  lock directory = $s/lock
  cache directory = $s/cache
  pid directory = $s/run
  ncalrpc dir = $s/ncalrpc
  binddns dir = $s/bind-dns
  logging = file
  log file = $1/log/${log//\//}.log
  max log size = 0
  tls enabled = yes
  tls certfile = $1/tls/dc.pem
  tls keyfile = $1/tls/dc.key
  tls cafile = $1/tls/ca.pem
CONF
}

# No DNS, no Kerberos, no file shares: the service uses LDAPS only.
write_smb_conf() {
  smb_conf "$1" "$1/samba" dc1 "$DC_IP" ldap
  printf '  prefork children = 3\n' >>"$SAMBA_CONF"
}

# A second controller on the address would bind nothing and look as if it were up.
address_is_free() {
  ! (: <"/dev/tcp/$DC_IP/636") 2>/dev/null || die "something listens on $DC_IP:636 already: end it, or set OS2NYKODE_ENV_DC_IP to another 127.0.0.x"
}

samba_start() {
  detached samba -s "$1/samba/etc/smb.conf" -D -M prefork >"$1/log/samba.start.log" 2>&1 ||
    die "Samba did not start: see $1/log"
  local tries
  for tries in {1..100}; do
    [ "$(bind_answer "$ADMIN_DN" "$ADMIN_PASSWORD")" = ok ] && return
    sleep 0.1
  done
  die "Samba does not answer after $tries tries: see $1/log/samba.log"
}

# All processes in the session of a pid: Samba's children change their names and leave no pid files.
session_of() {
  local stat line fields
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$stat" || continue
    # The name in parentheses may contain blanks. The fields after it are state, parent, group, session.
    read -r -a fields <<<"${line##*) }"
    # A zombie (Z) has ended.
    [ "${fields[0]}" = Z ] || [ "${fields[3]}" != "$1" ] || cut -d/ -f3 <<<"$stat"
  done
}

samba_down() { end_samba "$1/samba"; }

# Ends the controller below HOME, if the process of its pid file still has that file open.
end_samba() {
  local file=$1/run/samba.pid pid members member tries
  [ -s "$file" ] || return 0
  pid=$(tr -d '[:space:]' <"$file")
  if holds "$pid" "$file"; then
    members=$(session_of "$pid")
    kill "$pid" 2>/dev/null || true
    # A frozen process receives the signal only after SIGCONT.
    for member in $members; do kill -CONT "$member" 2>/dev/null || true; done
    for tries in {1..100}; do
      [ -n "$(session_of "$pid")" ] || break
      # After ten times the usual time: kills the remaining children, all of which belong to this session.
      if [ "$tries" = 80 ]; then for member in $members; do kill -9 "$member" 2>/dev/null || true; done; fi
      sleep 0.1
    done
    [ -z "$(session_of "$pid")" ] || die "Samba (pid $pid) does not end"
  fi
  # Samba does not remove its sockets.
  find "$1" -type s -delete
  rm -f "$file"
}
