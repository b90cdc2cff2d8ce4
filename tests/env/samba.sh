# The domain controller: Samba as a complete Active Directory that only speaks LDAP, on one address of loopback.
# Sourced by `up` and `down`. Everything it writes is below DIR/samba, and it listens on nothing but DC_IP:389 and :636.
# shellcheck shell=bash

provision() {
  local log=$1/log/provision.log
  # Without --adminpass a random one is set, which keeps ours off the process list; people.sh replaces it.
  samba-tool domain provision --realm="$REALM" --domain="$DOMAIN" --server-role=dc --dns-backend=SAMBA_INTERNAL \
    --targetdir="$1/samba" --host-name="${DC_NAME%%.*}" --host-ip="$DC_IP" \
    --option='interfaces = lo' --option='bind interfaces only = yes' --option='vfs objects = dfs_samba4 acl_xattr xattr_tdb' \
    </dev/null >"$log" 2>&1 || die "provisioning the domain failed: see $log"
}

write_smb_conf() {
  local s=$1/samba
  mkdir -p "$s/run" "$s/lock" "$s/cache" "$s/ncalrpc"
  cat >"$s/etc/smb.conf" <<CONF
[global]
  realm = $REALM
  workgroup = $DOMAIN
  netbios name = DC1
  server role = active directory domain controller
  # No DNS, no Kerberos, no file shares: the service uses LDAPS only.
  server services = ldap
  interfaces = $DC_IP/8
  bind interfaces only = yes
  prefork children = 3
  # Samba lets the previous password bind for an hour; a test that the old one is dead needs the truth at once.
  old password allowed period = 0
  private dir = $s/private
  state directory = $s/state
  lock directory = $s/lock
  cache directory = $s/cache
  pid directory = $s/run
  ncalrpc dir = $s/ncalrpc
  binddns dir = $s/bind-dns
  logging = file
  log file = $1/log/samba.log
  max log size = 0
  tls enabled = yes
  tls certfile = $1/tls/dc.pem
  tls keyfile = $1/tls/dc.key
  tls cafile = $1/tls/ca.pem
CONF
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
    # The name in parentheses may hold blanks; the fields behind it are state, parent, group, session.
    read -r -a fields <<<"${line##*) }"
    # A dead process that nobody has collected yet (Z) is dead.
    [ "${fields[0]}" = Z ] || [ "${fields[3]}" != "$1" ] || cut -d/ -f3 <<<"$stat"
  done
}

samba_down() {
  local file=$1/samba/run/samba.pid pid members member tries
  [ -s "$file" ] || return 0
  pid=$(tr -d '[:space:]' <"$file")
  if holds "$pid" "$file"; then
    members=$(session_of "$pid")
    kill "$pid" 2>/dev/null || true
    for tries in {1..100}; do
      [ -n "$(session_of "$pid")" ] || break
      # Ten times the usual time has passed: the children that are left belong to this session and to nobody else.
      if [ "$tries" = 80 ]; then for member in $members; do kill -9 "$member" 2>/dev/null || true; done; fi
      sleep 0.1
    done
    [ -z "$(session_of "$pid")" ] || die "Samba (pid $pid) does not end"
  fi
  # Samba leaves its sockets where they are.
  find "$1/samba" -type s -delete
  rm -f "$file"
}
