# The part of selfcheck about the OpenID providers. It acts as a client and as a browser without JavaScript (curl).
# Sourced by selfcheck, whose `fact` it uses. oidc_check_tidy_up removes its client. tests/it/oidc/real.rs covers the rest.
# shellcheck shell=bash

OP_CALLBACK=http://localhost:1/callback

oidc_check_tidy_up() { rm -rf "$OIDC_DIR"/{neb,idura}/clients/selfcheck.json "${op_work:-}"; }

op_curl() { curl -s --max-time 5 --cacert "$CA_FILE" -b "$op_work/jar" -c "$op_work/jar" "$@"; }
# member NAME: a member of the JSON on stdin.
member() { php -r '$all = json_decode(stream_get_contents(STDIN), true); echo $all[$argv[1]] ?? "none";' "$1"; }
# A token's second part.
payload() { php -r 'echo base64_decode(strtr(explode(".", stream_get_contents(STDIN))[1], "-_", "+/"));'; }

# op_code ISSUER USER BUTTON [MORE]: the address of the browser's last redirect.
op_code() {
  local login next
  login=$(op_curl -o /dev/null -w '%{redirect_url}' "$1/auth?client_id=selfcheck&response_type=code&redirect_uri=$OP_CALLBACK&scope=openid+ssn&state=s&nonce=n&code_challenge=$op_challenge&code_challenge_method=S256${4:-}")
  case $login in "$OP_CALLBACK"*) echo "$login" && return ;; esac
  next=$(op_curl -o /dev/null -w '%{redirect_url}' --data-urlencode "user=$2" --data-urlencode "password=$OIDC_PASSWORD" -d "do=$3" "$login")
  op_curl -o /dev/null -w '%{redirect_url}' "$next"
}

oidc_check() {
  local name issuer code tokens verifier
  op_work=$(mktemp -d)
  verifier=$(openssl rand -hex 32)
  op_challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 -w0 | tr '+/' '-_' | tr -d =)
  for name in neb idura; do
    issuer=$(op_issuer "$name")
    printf '{"client_id":"selfcheck","client_secret":"s","scope":"openid ssn","grant_types":["authorization_code"],"require_auth_time":true,"redirect_uris":["%s"]}' \
      "$OP_CALLBACK" >"$OIDC_DIR/$name/clients/selfcheck.json"
    fact "$name: issuer" "$issuer" "$(op_curl "$issuer/.well-known/openid-configuration" | member issuer)"
    fact "$name: a login given up" "$OP_CALLBACK?error=access_denied&error_description=mitid_user_aborted&state=s&iss=*" "$(op_code "$issuer" anna cancel)"
    code=$(op_code "$issuer" anna login)
    fact "$name: an answer" "$OP_CALLBACK?code=*&state=s&iss=*" "$code"
    code=${code#*code=}
    tokens=$(op_curl -u selfcheck:s -d "grant_type=authorization_code&code=${code%%&*}&redirect_uri=$OP_CALLBACK&code_verifier=$verifier" "$issuer/token")
    fact "$name: nonce" n "$(member id_token <<<"$tokens" | payload | member nonce)"
    fact "$name: time of login" '1?????????' "$(member id_token <<<"$tokens" | payload | member auth_time)"
    if [ "$name" = neb ]; then
      fact "$name: no CPR number in the ID token" none "$(member id_token <<<"$tokens" | payload | member dk.cpr)"
      fact "$name: a CPR number in UserInfo" 0102805100 "$(op_curl -H "Authorization: Bearer $(member access_token <<<"$tokens")" "$issuer/me" | member dk.cpr)"
    else
      fact "$name: a CPR number in the ID token" 0102805100 "$(member id_token <<<"$tokens" | payload | member cprNumberIdentifier)"
    fi
    fact "$name: a session is used again" "$OP_CALLBACK?code=*" "$(op_code "$issuer" nobody login)"
    fact "$name: but not with prompt=login" '' "$(op_code "$issuer" nobody login '&prompt=login')"
    fact "$name: another redirect URI" 400 "$(op_curl -o /dev/null -w '%{http_code}' "$issuer/auth?client_id=selfcheck&response_type=code&redirect_uri=http://localhost:2/&scope=openid&code_challenge=$op_challenge&code_challenge_method=S256")"
  done
}
