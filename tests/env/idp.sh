# Three identity providers: SimpleSAMLphp, one PHP process each, by plain http on the controller's loopback address.
# Sourced by `up` and `down`. They run as www-data. People and service providers are added as files while they run (idp/*.php).
# shellcheck shell=bash

IDP_WWW=/usr/share/simplesamlphp/www
IDP_PASSWORD='Rolig-Fjord-26-Bro'
IDPS=(os2faktor nemlogin unilogin)

idp_port() { case $1 in os2faktor) echo 8101 ;; nemlogin) echo 8102 ;; unilogin) echo 8103 ;; esac; }
idp_base() { echo "http://$DC_IP:$(idp_port "$1")"; }
# Entity ids contain no address: another environment's providers on the same machine have the same ids.
idp_entity() { echo "https://$1.test/saml"; }

idp_up() {
  local idp=$1/idp name
  [ -e "$IDP_WWW/saml2/idp/metadata.php" ] || die "SimpleSAMLphp is not installed: run scripts/setup"
  # Another server on the port would answer in place of this one, which would then look as if it were up.
  for name in "${IDPS[@]}"; do
    ! (: <"/dev/tcp/$DC_IP/$(idp_port "$name")") 2>/dev/null || die "something listens on $DC_IP:$(idp_port "$name") already"
  done
  umask 022 # www-data reads files that root writes here
  mkdir -p "$idp"/{cert,sp,people}
  cp -r "$ENV_HOME/idp" "$idp/config" # the checkout may lie where www-data can't go
  chmod -R a+rX "$idp/config"
  install -d -o www-data -g www-data "$idp"/{log,data,tmp,session}
  for name in "${IDPS[@]}"; do
    mkdir -p "$idp/people/$name"
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$name.test" -keyout "$idp/cert/$name.key" -out "$idp/cert/$name.pem" 2>>"$1/log/idp.log"
  done
  # Keys of a throw-away provider: its process reads them, and tests forge with them.
  chmod 644 "$idp"/cert/*
  if [ -n "${SUDO_UID:-}" ]; then chown -R "$SUDO_UID" "$idp"/{sp,people}; fi
  for name in "${IDPS[@]}"; do idp_start "$1" "$name"; done
  for name in "${IDPS[@]}"; do idp_metadata "$1" "$name"; done
}

idp_start() {
  local idp=$1/idp name=$2
  # The process writes its own pid before it becomes PHP, so it leads the session of its workers. IDP_DIR is set from the start,
  # because `down` recognizes the process by it.
  # shellcheck disable=SC2016
  detached env -i PATH="$PATH" LC_ALL=C.UTF-8 SIMPLESAMLPHP_CONFIG_DIR="$idp/config" IDP_DIR="$idp" IDP_NAME="$name" IDP_BASE="$(idp_base "$name")" \
    IDP_ENTITY="$(idp_entity "$name")" IDP_PASSWORD="$IDP_PASSWORD" PHP_CLI_SERVER_WORKERS=4 \
    sh -c 'echo $$ >"$0"; exec "$@"' "$idp/$name.pid" setpriv --reuid=www-data --regid=www-data --init-groups \
    php -d variables_order=EGPCS -d display_errors=0 -d opcache.enable_cli=1 -S "$DC_IP:$(idp_port "$name")" -t "$IDP_WWW" >>"$idp/log/$name-php.log" 2>&1 &
}

# Waits until the provider answers, and keeps its metadata as a file too.
idp_metadata() {
  local idp=$1/idp name=$2 _
  for _ in $(seq 100); do
    if curl -fs --max-time 5 "$(idp_base "$name")/saml2/idp/metadata.php" -o "$idp/$name.xml" 2>/dev/null; then return; fi
    sleep 0.1
  done
  die "the identity provider $name did not come up: see $idp/log"
}

idp_facts() {
  local name upper
  echo "IDP_PASSWORD=$IDP_PASSWORD"
  echo "IDP_DIR=$1/idp"
  echo "IDP_SP_DIR=$1/idp/sp"
  for name in "${IDPS[@]}"; do
    upper=${name^^}
    printf '%s_ENTITY=%s\n%s_METADATA_URL=%s\n%s_METADATA_FILE=%s\n%s_KEY=%s\n%s_CERT=%s\n' "$upper" "$(idp_entity "$name")" "$upper" \
      "$(idp_base "$name")/saml2/idp/metadata.php" "$upper" "$1/idp/$name.xml" "$upper" "$1/idp/cert/$name.key" "$upper" "$1/idp/cert/$name.pem"
  done
}

# Whether the session of a pid serves this folder. The pid may have been reused, and workers outlive a killed parent.
serves() {
  local member
  for member in $(session_of "$1"); do
    if tr '\0' '\n' 2>/dev/null <"/proc/$member/environ" | grep -qxF "IDP_DIR=$2"; then return 0; fi
  done
  return 1
}

# PHP's workers are in the session that `detached` has made. The ports are free only after the last of them has ended.
idp_down() {
  local file pid tries
  local -a pids=()
  for file in "$1"/idp/*.pid; do
    [ -s "$file" ] || continue
    pid=$(tr -d '[:space:]' <"$file")
    if serves "$pid" "$1/idp"; then pids+=("$pid"); fi
  done
  for pid in "${pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for tries in {1..100}; do
      [ -n "$(session_of "$pid")" ] || break
      if [ "$tries" = 80 ]; then kill -KILL -- "-$pid" 2>/dev/null || true; fi
      sleep 0.1
    done
    [ -z "$(session_of "$pid")" ] || die "an identity provider (pid $pid) does not end"
  done
  rm -f "$1"/idp/*.pid
}
