# Two OpenID providers: npm's oidc-provider, one process each, over https with a certificate of the test CA, on the controller's
# loopback address.
# Sourced by `up` and `down`. They run as www-data. Clients and people are added as files while they run (oidc/files.js).
# shellcheck shell=bash

OIDC_PASSWORD='Rolig-Fjord-26-Bro'
OPS=(neb idura)

op_port() { case $1 in neb) echo 8111 ;; idura) echo 8112 ;; esac; }
# One provider is below a path, as at real brokers.
op_issuer() { case $1 in neb) echo "https://$DC_IP:8111/op" ;; idura) echo "https://$DC_IP:8112" ;; esac; }

# The library needs Node.js 22, which Debian 12 lacks, so npm installs it too.
op_node() { compgen -G "$ENV_HOME/oidc/node_modules/node-linux-*/bin/node" | head -n 1; }

oidc_up() {
  local oidc=$1/oidc name
  [ -e "$(op_node)" ] || die "oidc-provider is not installed: run scripts/setup"
  # Another server on the port would answer in place of this one, which would then look as if it were up.
  for name in "${OPS[@]}"; do
    ! (: <"/dev/tcp/$DC_IP/$(op_port "$name")") 2>/dev/null || die "something listens on $DC_IP:$(op_port "$name") already"
  done
  umask 022 # www-data reads files that root writes here
  mkdir -p "$oidc"
  # The checkout may be unreachable for www-data.
  mkdir -p "$oidc/app/node_modules"
  cp "$ENV_HOME"/oidc/*.js "$ENV_HOME/oidc/package.json" "$oidc/app"
  find "$ENV_HOME/oidc/node_modules" -mindepth 1 -maxdepth 1 ! -name 'node-linux-*' ! -name '.*' -exec cp -r -t "$oidc/app/node_modules" {} +
  cp "$(op_node)" "$oidc/node"
  chmod -R a+rX "$oidc"
  install -m 640 -g www-data "$1/tls/op.key" "$oidc/tls.key"
  for name in "${OPS[@]}"; do
    mkdir -p "$oidc/$name/clients"
    cp -r "$ENV_HOME/oidc/people/$name" "$oidc/$name/people"
    # Keys of a throw-away provider: its process reads them, and tests forge with them.
    "$oidc/node" "$oidc/app/keys.js" >"$oidc/$name/jwks.json"
  done
  if [ -n "${SUDO_UID:-}" ]; then chown -R "$SUDO_UID" "$oidc"/{neb,idura}; fi
  for name in "${OPS[@]}"; do op_start "$1" "$name"; done
  for name in "${OPS[@]}"; do op_wait "$1" "$name"; done
}

op_start() {
  local oidc=$1/oidc name=$2
  # The process writes its own pid before it becomes node. OIDC_DIR is set from the start, because `down` recognizes the process by it.
  # shellcheck disable=SC2016
  detached env -i PATH="$PATH" LC_ALL=C.UTF-8 OIDC_DIR="$oidc" OIDC_ISSUER="$(op_issuer "$name")" OIDC_PASSWORD="$OIDC_PASSWORD" \
    OIDC_COOKIE_KEY="$(openssl rand -hex 16)" OIDC_TLS_KEY="$oidc/tls.key" OIDC_TLS_CERT="$1/tls/op.pem" NODE_EXTRA_CA_CERTS="$1/tls/ca.pem" \
    sh -c 'echo $$ >"$0"; exec "$@"' "$oidc/$name.pid" setpriv --reuid=www-data --regid=www-data --init-groups \
    "$oidc/node" "$oidc/app/provider.js" "$name" "$oidc" >>"$1/log/oidc-$name.log" 2>&1 &
}

op_wait() {
  local _
  for _ in $(seq 100); do
    if curl -fs --max-time 5 --cacert "$1/tls/ca.pem" "$(op_issuer "$2")/.well-known/openid-configuration" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  die "the OpenID provider $2 did not come up: see $1/log/oidc-$2.log"
}

oidc_facts() {
  local name upper
  echo "OIDC_PASSWORD=$OIDC_PASSWORD"
  echo "OIDC_DIR=$1/oidc"
  for name in "${OPS[@]}"; do
    upper=${name^^}
    printf '%s_ISSUER=%s\n%s_JWKS=%s\n' "$upper" "$(op_issuer "$name")" "$upper" "$1/oidc/$name/jwks.json"
  done
}

oidc_down() {
  local name
  for name in "${OPS[@]}"; do end_node "$1/oidc/$name.pid" "OIDC_DIR=$1/oidc"; done
}
