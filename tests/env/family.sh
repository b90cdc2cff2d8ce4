# The family service: a small node process over https for clients with a certificate of the test CA (family/server.mjs).
# Sourced by `up` and `down`. It runs as www-data with the Node.js of the OpenID providers, so it starts after them.
# shellcheck shell=bash

family_url() { echo "https://$DC_IP:8121/children"; }

family_up() {
  local family=$1/family _
  # Another server on the port would answer in place of this one, which would then look as if it were up.
  ! (: <"/dev/tcp/$DC_IP/8121") 2>/dev/null || die "something listens on $DC_IP:8121 already"
  mkdir -p "$family"
  cp "$ENV_HOME"/family/* "$family"
  chmod -R a+rX "$family"
  install -m 640 -g www-data "$1/tls/family.key" "$family/tls.key"
  if [ -n "${SUDO_UID:-}" ]; then chown "$SUDO_UID" "$family" "$family/children.json"; fi
  # The process writes its own pid before it becomes node. FAMILY_DIR is set from the start, because `down` recognizes the process by it.
  # shellcheck disable=SC2016
  detached env -i PATH="$PATH" LC_ALL=C.UTF-8 FAMILY_DIR="$family" FAMILY_URL="$(family_url)" \
    FAMILY_KEY="$family/tls.key" FAMILY_CERT="$1/tls/family.pem" FAMILY_CA="$1/tls/ca.pem" \
    sh -c 'echo $$ >"$0"; exec "$@"' "$family/family.pid" setpriv --reuid=www-data --regid=www-data --init-groups \
    "$1/oidc/node" "$family/server.mjs" "$family/children.json" >>"$1/log/family.log" 2>&1 &
  for _ in $(seq 100); do
    if curl -s --max-time 5 --cacert "$1/tls/ca.pem" --cert "$1/tls/family-client.pem" --key "$1/tls/family-client.key" "$(family_url)" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  die "the register of families did not come up: see $1/log/family.log"
}

family_facts() {
  printf 'FAMILY_URL=%s\nFAMILY_DIR=%s\nFAMILY_CLIENT_CERT=%s\nFAMILY_CLIENT_KEY=%s\n' "$(family_url)" "$1/family" "$1/tls/family-client.pem" "$1/tls/family-client.key"
}

family_down() { end_node "$1/family/family.pid" "FAMILY_DIR=$1/family"; }
