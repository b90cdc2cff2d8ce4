# Shared by all scripts of the test environment: fixed facts, messages, and functions for requests to the controller.
# Sourced, never run. It starts and changes nothing.
# shellcheck shell=bash

ENV_HOME=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# These passwords are fixed and public: they belong to a throw-away domain on loopback and protect nothing.
ADMIN_PASSWORD='Kontrol-Taarn-51-Nord'
PEOPLE_PASSWORD='Gul-Cykel-83-Havn'
SERVICE_PASSWORD='Dybt-Vand-Stille-Skib-4096'
BARE_PASSWORD='Tom-Lomme-Lang-Vej-2187'

DC_IP=${OS2NYKODE_ENV_DC_IP:-127.0.0.11}
REALM=KOMMUNE.TEST
DOMAIN=KOMMUNE
DC_NAME=dc1.kommune.test
DC_NTDS_GUID=11111111-0000-4000-8000-000000000001
DC_INVOCATION_ID=11111111-1111-4111-8111-111111111111
BASE_DN=DC=kommune,DC=test
PEOPLE_OU=OU=Kommune,$BASE_DN
PSO_DN="CN=Password Settings Container,CN=System,$BASE_DN"

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The controller's ports are below 1024 and its database belongs to root.
need_root() {
  [ "$(id -u)" = 0 ] && return
  command -v sudo >/dev/null || die "the domain controller needs root (ports 389 and 636), and there is no sudo here: run this as root"
  # Only this setting has to survive, because sudo drops the rest.
  exec sudo "OS2NYKODE_ENV_DC_IP=$DC_IP" "$0" "$@"
}

# Turns DIR into an absolute path, and refuses one that a later step could not handle.
absolute_dir() {
  local dir
  dir=$(realpath -m -- "$1")
  # The facts in DIR/env are read by a shell and by tests alike: no value may need quoting.
  [[ $dir =~ ^/[A-Za-z0-9/._-]+$ ]] || die "only letters, digits and / . _ - are allowed in the directory's path: $dir"
  # A Unix socket's path ends at 107 bytes; the longest one below DIR needs about 40.
  [ ${#dir} -le 65 ] || die "the path is too long for Unix sockets below it (at most 65 characters): $dir"
  printf '%s\n' "$dir"
}

# Reads the facts of an environment that is up.
load_env() {
  [ -r "$1/env" ] || die "no environment is up in $1"
  # shellcheck disable=SC1091
  . "$1/env"
}

# A password in the form of unicodePwd in LDIF: in quotes, UTF-16LE, base64.
unicode_pwd() { printf '"%s"' "$1" | iconv -f UTF-8 -t UTF-16LE | base64 -w0; }

# A time so many days ago in AD's format: 100 ns since 1601.
days_ago() { echo $((($(date +%s) - $1 * 86400 + 11644473600) * 10000000)); }

# Runs an LDAP tool over LDAPS as a user: as_user WHO PASSWORD TOOL ARGUMENTS…
# The password goes through a pipe, because an argument would be in the process list.
as_user() {
  local who=$1 password=$2 tool=$3
  shift 3
  LDAPTLS_CACERT=$CA_FILE LDAPTLS_REQCERT=demand LDAPRC=/dev/null \
    "$tool" -x -H "ldaps://$DC_IP" -D "$who" -y <(printf %s "$password") -o ldif-wrap=no -o nettimeout=5 "$@"
}

# Result of a bind: "ok", or the three characters of its "data NNN", or the whole answer.
# It reads the rootDSE, because Samba does not support the "who am I" operation.
bind_answer() {
  local said
  if said=$(as_user "$1" "$2" ldapsearch -LLL -b '' -s base 1.1 2>&1 </dev/null); then
    echo ok
  elif [[ $said =~ data\ ([0-9a-f]+) ]]; then
    echo "${BASH_REMATCH[1]}"
  else
    echo "$said"
  fi
}

# The domain's database without the controller: works before it starts and while it runs.
on_sam() {
  local tool=$1
  shift
  "$tool" -H "$SAM_LDB" --configfile="$SAMBA_CONF" "$@"
}

# Whether a process holds a file open, so that a stale pid file is harmless.
holds() {
  local fd
  for fd in "/proc/$1/fd"/*; do
    case $(readlink "$fd") in "$2" | "$2 (deleted)") return 0 ;; esac
  done
  return 1
}

# Starts a daemon in a session of its own, with none of our streams: a CI job waits for ever if one stays open.
detached() (
  local fd
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-"
  done
  exec setsid "$@" </dev/null
)

# end_node PID-FILE VARIABLE=VALUE: ends the process of a pid file if its environment has this variable.
end_node() {
  local pid tries
  [ -s "$1" ] || return 0
  pid=$(tr -d '[:space:]' <"$1")
  if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "$2"; then # otherwise the pid has been reused
    kill -TERM "$pid" 2>/dev/null || true
    for tries in {1..100}; do
      [ -e "/proc/$pid" ] || break
      if [ "$tries" = 80 ]; then kill -KILL "$pid" 2>/dev/null || true; fi
      sleep 0.1
    done
    [ ! -e "/proc/$pid" ] || die "the process of $1 (pid $pid) does not end"
  fi
  rm -f "$1"
}
