# A pair of controllers that replicate both ways. It begins with a copy of the environment's domain and is independent of it from then on,
# so that tests may stop, freeze and separate its controllers while other tests use the environment's own. Sourced by `pair`, `up` and `down`.
# Everything is below DIR/pair: `1` and `2` are the controllers, `env` has the facts while the pair is up.
# Both run in a mount namespace with their own hosts file.
# shellcheck shell=bash

# A replicating controller requests a ticket by this class of service (MS-DRSR 2.2.3.2).
DRS_SPN=E3514235-4B06-11D1-AB04-00C04FC2DCD2
NTDS_SETTINGS=CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,$BASE_DN

# pair_ip N: an address derived from the environment's own, so that several environments can have pairs.
pair_ip() {
  local a b c d
  IFS=. read -r a b c d <<<"$DC_IP"
  echo "$a.$(((b + 99 + $1) % 256)).$c.$d"
}
pair_name() { echo "dc$1.kommune.test"; }
# on_pair N TOOL…: like on_sam, with controller N's database.
on_pair() {
  local home=$dir/pair/$1 tool=$2
  shift 2
  "$tool" -H "$home/private/sam.ldb" --configfile="$home/etc/smb.conf" "$@"
}
# as_admin N TOOL…: an LDAP tool as the domain's administrator on controller N.
as_admin() {
  local n=$1
  shift
  DC_IP=$(pair_ip "$n") as_user "$ADMIN_DN" "$ADMIN_PASSWORD" "$@"
}

# Copies the domain before its controller starts, because a running one can't be copied.
keep_for_the_pair() {
  mkdir "$1/pair"
  cp -a "$1/samba" "$1/pair/1"
}

# with_names COMMAND…: with the pair's own hosts file instead of the machine's, and with a Kerberos configuration for both.
with_names() {
  KRB5_CONFIG=$dir/pair/krb5.conf unshare --mount --propagation private sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$dir/pair/hosts" "$@"
}

names_of_the_pair() {
  cat >"$dir/pair/hosts" <<HOSTS
127.0.0.1 localhost
$(pair_ip 1) $(pair_name 1) dc1 $DC_NTDS_GUID._msdcs.kommune.test
$(pair_ip 2) $(pair_name 2) dc2
HOSTS
  # Kerberos can't find the key distribution centre by DNS here.
  cat >"$dir/pair/krb5.conf" <<KRB5
[libdefaults]
  default_realm = $REALM
  dns_lookup_realm = false
  dns_lookup_kdc = false
  rdns = false
[realms]
  $REALM = {
    kdc = $(pair_ip 1)
    kdc = $(pair_ip 2)
  }
[domain_realm]
  .kommune.test = $REALM
  kommune.test = $REALM
KRB5
}

pair_conf() {
  # rpc: for the other controller's requests. kdc: replication requires Kerberos. drepl: replication itself.
  smb_conf "$dir" "$dir/pair/$1" "dc$1" "$(pair_ip "$1")" 'ldap, rpc, kdc, drepl'
  # Delay of the notification after a change (default: 5 s), and interval of pulls (default: 300 s).
  cat >>"$dir/pair/$1/etc/smb.conf" <<CONF
  dcerpc endpoint servers = epmapper, drsuapi
  name resolve order = host
  prefork children = 2
  dreplsrv:notify_interval = 1
  dreplsrv:periodic_startup_interval = 1
  dreplsrv:periodic_interval = 2
CONF
}

pair_start() {
  local tries
  with_names setsid samba -s "$dir/pair/$1/etc/smb.conf" -D -M prefork </dev/null >>"$dir/log/pair$1.start.log" 2>&1 || die "controller $1 of the pair did not start: see $dir/log"
  for tries in {1..200}; do
    # 135: the port of the other controller's first request.
    [ "$(DC_IP=$(pair_ip "$1") bind_answer "$ADMIN_DN" "$ADMIN_PASSWORD")" = ok ] && (: <"/dev/tcp/$(pair_ip "$1")/135") 2>/dev/null && return
    sleep 0.1
  done
  die "controller $1 of the pair does not answer after $tries tries: see $dir/log/pair$1.log"
}

join_the_second() {
  # The password is in the environment, because arguments are in the process list.
  PASSWD=$ADMIN_PASSWORD with_names samba-tool domain join kommune.test DC --server="$(pair_name 1)" --site=Default-First-Site-Name --dns-backend=NONE -U Administrator \
    --realm="$REALM" --targetdir="$dir/pair/2" --option='netbios name = DC2' --option="interfaces = $(pair_ip 2)/8" --option='bind interfaces only = yes' \
    --option='name resolve order = host' --option='vfs objects = dfs_samba4 acl_xattr xattr_tdb' </dev/null >"$dir/log/pair.join.log" 2>&1 ||
    die "the second controller did not join: see $dir/log/pair.join.log"
}

# Creates the replication links, which the KCC service would otherwise find later.
introduce() {
  local guid n
  guid=$(on_pair 2 ldbsearch -b "CN=NTDS Settings,CN=DC2,$NTDS_SETTINGS" -s base objectGUID 2>/dev/null | sed -n 's/^objectGUID: //p')
  [ -n "$guid" ] || die "the second controller has no settings object"
  # Overwritten in place: a bind mount shows an overwritten file, but not one that is renamed over it.
  echo "$(pair_ip 2) $guid._msdcs.kommune.test" >>"$dir/pair/hosts"
  for n in 1 2; do
    with_names samba_kcc -s "$dir/pair/$n/etc/smb.conf" -H "$dir/pair/$n/private/sam.ldb" </dev/null >>"$dir/log/pair.kcc.log" 2>&1 || die "samba_kcc failed: see $dir/log"
  done
}

# With its first request, each controller asks the other one for notifications.
both_notify() {
  local tries n told
  for tries in {1..150}; do
    told=0
    for n in 1 2; do
      ! on_pair "$n" ldbsearch -b "$BASE_DN" -s base repsTo 2>/dev/null | grep -q '^repsTo' || told=$((told + 1))
    done
    [ "$told" = 2 ] && return
    sleep 0.1
  done
  die "the controllers of the pair do not notify each other after $tries tries: see $dir/log"
}

# The environment's facts with the pair's first controller instead of its own, and the second controller's.
pair_facts() {
  sed -e "s|^DC_IP=.*|DC_IP=$(pair_ip 1)|; s|^SAM_LDB=.*|SAM_LDB=$dir/pair/1/private/sam.ldb|; s|^SAMBA_CONF=.*|SAMBA_CONF=$dir/pair/1/etc/smb.conf|" "$dir/env"
  printf 'DC2_IP=%s\nDC2_NAME=%s\n' "$(pair_ip 2)" "$(pair_name 2)"
}

pair_up() {
  [ -d "$dir/pair/1" ] || die "$dir was made without a pair: tests/env/down and up"
  [ ! -e "$dir/pair/begun" ] || die "the pair of $dir could not be started before: see $dir/log, then tests/env/down and up"
  touch "$dir/pair/begun"
  names_of_the_pair
  pair_conf 1
  # samba_spnupdate would write it too, but minutes later.
  printf 'dn: CN=DC1,OU=Domain Controllers,%s\nchangetype: modify\nadd: servicePrincipalName\nservicePrincipalName: %s/%s/kommune.test\n' "$BASE_DN" "$DRS_SPN" "$DC_NTDS_GUID" |
    on_pair 1 ldbmodify >>"$dir/log/pair.log" 2>&1 || die "the first controller can't be prepared: see $dir/log/pair.log"
  pair_start 1
  join_the_second
  pair_conf 2
  introduce
  pair_start 2
  both_notify
  pair_facts >"$dir/pair/env.new"
  mv "$dir/pair/env.new" "$dir/pair/env"
}

# Ends both controllers, in any state.
pair_down() {
  local n
  for n in 2 1; do [ ! -d "$1/pair/$n" ] || end_samba "$1/pair/$n"; done
  rm -f "$1/pair/env"
}

# signal_pair SIGNAL N: to every process of controller N.
signal_pair() {
  local file=$dir/pair/$2/run/samba.pid pid member
  pid=$(tr -d '[:space:]' 2>/dev/null <"$file") || die "controller $2 of the pair does not run"
  holds "$pid" "$file" || die "controller $2 of the pair does not run"
  for member in $(session_of "$pid"); do kill "-$1" "$member" 2>/dev/null || true; done
}

kill_pair() {
  local pid tries
  signal_pair KILL "$1"
  pid=$(tr -d '[:space:]' <"$dir/pair/$1/run/samba.pid")
  for tries in {1..100}; do
    [ -n "$(session_of "$pid")" ] || break
    sleep 0.05
  done
  # Its leftovers: the pid file and the sockets.
  end_samba "$dir/pair/$1"
}

pair_runs() {
  local file=$dir/pair/$1/run/samba.pid pid
  [ -s "$file" ] && pid=$(tr -d '[:space:]' <"$file") && holds "$pid" "$file"
}

# replication off|on: bits 2 and 4 of the options of a controller's settings object disable inbound and outbound replication
# (MS-ADTS 6.1.1.2.2.1.2.1.1).
pair_replication() {
  local n options=1
  [ "$1" = on ] || options=7
  for n in 1 2; do
    printf 'dn: CN=NTDS Settings,CN=DC%s,%s\nchangetype: modify\nreplace: options\noptions: %s\n' "$n" "$NTDS_SETTINGS" "$options" | as_admin "$n" ldapmodify >/dev/null
  done
}

# Name of the PDC emulator according to controller N.
pdc_of() { as_admin "$1" ldapsearch -LLL -b "$BASE_DN" -s base fSMORoleOwner | sed -n 's/^fSMORoleOwner: CN=NTDS Settings,CN=\([^,]*\),.*/\1/p'; }

# pair_pdc N: makes controller N the PDC emulator, and waits until both know it.
pair_pdc() {
  local sid tries
  [ "$(pdc_of 1) $(pdc_of 2)" != "DC$1 DC$1" ] || return 0
  sid=$(as_admin "$1" ldapsearch -LLL -b "$BASE_DN" -s base objectSid | sed -n 's/^objectSid:: //p')
  printf 'dn:\nchangetype: modify\nreplace: becomePdc\nbecomePdc:: %s\n' "$sid" | as_admin "$1" ldapmodify >/dev/null
  for tries in {1..100}; do
    [ "$(pdc_of 1) $(pdc_of 2)" != "DC$1 DC$1" ] || return 0
    sleep 0.1
  done
  die "the role of the PDC emulator did not move to controller $1 in $tries tries"
}

# pair_deny ACCOUNT: puts an entry first in the access list, on controller 1, that denies the service account access to badPwdCount.
pair_deny() {
  local dn sid sddl
  [[ $1 =~ ^[a-z0-9.-]+$ ]] || die "an account's name here has a-z 0-9 . - only: $1"
  dn=$(on_pair 1 ldbsearch -b "$BASE_DN" "(sAMAccountName=$1)" dn 2>/dev/null | sed -n 's/^dn: //p')
  sid=$(on_pair 1 ldbsearch -b "$SERVICE_DN" -s base objectSid 2>/dev/null | sed -n 's/^objectSid: //p')
  sddl=$(on_pair 1 ldbsearch -b "$dn" -s base nTSecurityDescriptor 2>/dev/null | sed -e ':a;N;$!ba;s/\n //g' | sed -n 's/^nTSecurityDescriptor: //p')
  [[ $sddl == *D:*\(* ]] || die "the security descriptor of $dn is not what was expected: $sddl"
  sddl=$(sed "s/D:\([A-Z]*\)(/D:\1(OD;;RP;bf96792e-0de6-11d0-a285-00aa003049e2;;$sid)(/" <<<"$sddl")
  printf 'dn: %s\nchangetype: modify\nreplace: nTSecurityDescriptor\nnTSecurityDescriptor: %s\n' "$dn" "$sddl" | on_pair 1 ldbmodify >>"$dir/log/pair.log"
}
