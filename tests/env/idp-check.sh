# The part of selfcheck about the SAML providers. It acts as a service provider and as a browser without JavaScript (curl).
# Sourced by selfcheck, whose `fact` it uses. idp_check_tidy_up removes its service provider and its keys.
# shellcheck shell=bash

SP_ENTITY=https://selfcheck.test/sp
SP_ACS=https://selfcheck.test/saml/acs
SP_SLO=https://selfcheck.test/saml/slo
RELAY='relay & state "æ"'
RSA_SHA256=http://www.w3.org/2001/04/xmldsig-more#rsa-sha256
NSIS=https://data.gov.dk/concept/core/nsis
EID=https://data.gov.dk/model/core/eid
ASSERTION=urn:oasis:names:tc:SAML:2.0:assertion

idp_check_tidy_up() {
  rm -rf "$IDP_SP_DIR/selfcheck.json" "${work:-}"
}

# introduce SIGN-RESPONSE SIGN-ASSERTION ENCRYPT [MORE-JSON]
introduce() {
  local certificate
  certificate=$(openssl x509 -in "$work/sp.pem" -outform der | base64 -w0)
  printf '{"entity":"%s","acs":"%s","slo":"%s","signing":["%s"],"encryption":["%s"],"sign_response":%s,"sign_assertion":%s,"encrypt":%s%s}' \
    "$SP_ENTITY" "$SP_ACS" "$SP_SLO" "$certificate" "$certificate" "$1" "$2" "$3" "${4:-}" >"$IDP_SP_DIR/selfcheck.new"
  mv "$IDP_SP_DIR/selfcheck.new" "$IDP_SP_DIR/selfcheck.json"
}

# Raw deflate and percent-encoding, for which there is no shell tool.
deflated() { php -r 'echo base64_encode(gzdeflate(stream_get_contents(STDIN)));'; }
inflated() { php -r 'echo gzinflate(base64_decode(stream_get_contents(STDIN)));'; }
percent() { php -r 'echo rawurlencode(stream_get_contents(STDIN));'; }
unpercent() { php -r 'echo rawurldecode(stream_get_contents(STDIN));'; }

# Decodes character entities.
in_clear() { php -r 'echo html_entity_decode(stream_get_contents(STDIN), ENT_QUOTES | ENT_HTML5);'; }

new_id() { echo "_$(openssl rand -hex 16)"; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
sso() { echo "$(idp_base "$1")/saml2/idp/SSOService.php"; }
slo() { echo "$(idp_base "$1")/saml2/idp/SingleLogoutService.php"; }

# authn_request IDP [ATTRIBUTES] [ISSUER]: has the elements that NemLog-in requires and the other providers accept.
authn_request() {
  printf '<p:AuthnRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="%s" ID="%s" Version="2.0" IssueInstant="%s" Destination="%s" %s
 AssertionConsumerServiceURL="%s" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><a:Issuer>%s</a:Issuer>
<p:RequestedAuthnContext Comparison="minimum"><a:AuthnContextClassRef>%s/loa/Substantial</a:AuthnContextClassRef>
<a:AuthnContextClassRef>https://data.gov.dk/eid/Person</a:AuthnContextClassRef></p:RequestedAuthnContext></p:AuthnRequest>' \
    "$ASSERTION" "$(new_id)" "$(now)" "$(sso "$1")" "${2:-}" "$SP_ACS" "${3:-$SP_ENTITY}" "$NSIS"
}

# signed_url ADDRESS KEY: the redirect address of a request (stdin). The parameters are signed in this order and as they are encoded.
signed_url() {
  local query signature
  query="SAMLRequest=$(deflated | percent)&RelayState=$(printf %s "$RELAY" | percent)&SigAlg=$(printf %s "$RSA_SHA256" | percent)"
  signature=$(printf %s "$query" | openssl dgst -sha256 -sign "$2" | base64 -w0 | percent)
  printf '%s?%s&Signature=%s\n' "$1" "$query" "$signature"
}

# signed_form KEY: a request (stdin) for POST, with an empty signature after the issuer, which xmlsec1 fills in.
signed_form() {
  local dsig=http://www.w3.org/2000/09/xmldsig# c14n=http://www.w3.org/2001/10/xml-exc-c14n# request id
  request=$(cat)
  id=$(grep -oP '\bID="\K[^"]*' <<<"$request")
  printf '%s' "${request/<\/a:Issuer>/<\/a:Issuer><Signature xmlns=\"$dsig\"><SignedInfo><CanonicalizationMethod Algorithm=\"$c14n\"\/>\
<SignatureMethod Algorithm=\"$RSA_SHA256\"\/><Reference URI=\"#$id\"><Transforms><Transform Algorithm=\"${dsig}enveloped-signature\"\/>\
<Transform Algorithm=\"$c14n\"\/><\/Transforms><DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"\/><DigestValue\/>\
<\/Reference><\/SignedInfo><SignatureValue\/><\/Signature>}" >"$work/template.xml"
  xmlsec1 --sign --privkey-pem "$1" --id-attr:ID urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest --id-attr:ID urn:oasis:names:tc:SAML:2.0:protocol:LogoutRequest \
    "$work/template.xml" 2>"$work/xmlsec.log" | base64 -w0
}

browse() { curl -sS --max-time 20 -b "$work/jar" -c "$work/jar" "$@"; }
fresh_browser() { rm -f "$work/jar"; }

# The value of an input of a page (stdin).
input() { sed -n "s/.*name=\"$1\"[^>]*value=\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# log_in IDP USER [PASSWORD] [ATTRIBUTES]: writes the page with the response to $work/page, and the response to $work/response.xml.
log_in() {
  local at state
  at=$(browse -L -o "$work/page" -w '%{url_effective}' "$(authn_request "$1" "${4:-}" | signed_url "$(sso "$1")" "$work/sp.key")")
  state=$(input AuthState <"$work/page" | in_clear)
  browse -L -o "$work/page" --data-urlencode "username=$2" --data-urlencode "password=${3:-$IDP_PASSWORD}" --data-urlencode "AuthState=$state" "$at"
  take_response
}
take_response() { input SAMLResponse <"$work/page" | base64 -d >"$work/response.xml"; }

# The kind of page: a response with an assertion, a refusal by the provider, the login form, or SimpleSAMLphp's error page.
page_is() {
  take_response
  if grep -q 'Assertion' "$work/response.xml"; then
    echo assertion
  elif [ -s "$work/response.xml" ]; then
    grep -o 'status:[A-Za-z]*' "$work/response.xml" | tail -n 1
  elif grep -q 'name="password"' "$work/page"; then
    echo form
  else
    echo error
  fi
}
# visit ADDRESS…: the kind of page at this address.
visit() {
  browse -L -o "$work/page" "$@"
  page_is
}

# Writes $work/response.xml to $work/plain.xml, decrypted if it is encrypted.
decrypt() {
  if grep -q EncryptedAssertion "$work/response.xml"; then
    xmlsec1 --decrypt --privkey-pem "$work/sp.key" "$work/response.xml" >"$work/plain.xml" 2>"$work/xmlsec.log" || true
  else
    cp "$work/response.xml" "$work/plain.xml"
  fi
}
# The values of an attribute in $work/plain.xml, and its NameID.
attribute() { tr -d '\n' <"$work/plain.xml" | grep -oP "Name=\"\Q$1\E\".*?</saml:Attribute>" | grep -oP '<saml:AttributeValue[^>]*>\K[^<]*' | paste -sd ' ' | in_clear; }
name_id() { grep -oP '<saml:NameID[^>]*>\K[^<]*' "$work/plain.xml"; }

# signed_by IDP XML NODE: whether the message, or the assertion in it, is signed by the provider.
signed_by() {
  local certificate=${1^^}_CERT xpath="/*[local-name()='Response']"
  [ "$3" = Response ] || xpath="//*[local-name()='Assertion']"
  if xmlsec1 --verify --pubkey-cert-pem "${!certificate}" --enabled-reference-uris same-doc --id-attr:ID "$ASSERTION:Assertion" \
    --id-attr:ID urn:oasis:names:tc:SAML:2.0:protocol:Response --node-xpath "$xpath/*[local-name()='Signature']" "$2" >"$work/xmlsec.log" 2>&1; then echo yes; else echo no; fi
}

idp_describes() {
  local name=$1 upper=${1^^} url file entity key certificate
  url=${upper}_METADATA_URL file=${upper}_METADATA_FILE entity=${upper}_ENTITY key=${upper}_KEY certificate=${upper}_CERT
  fact "$name: metadata's entity" "${!entity}" "$(curl -fsS --max-time 10 "${!url}" | grep -oP 'entityID="\K[^"]*')"
  fact "$name: the file is the metadata" 0 "$(curl -fsS --max-time 10 "${!url}" | cmp -s - "${!file}"; echo $?)"
  fact "$name: its certificate in it" 1 "$(tr -d ' \n' <"${!file}" | grep -cF "$(openssl x509 -in "${!certificate}" -outform der | base64 -w0)")"
  fact "$name: key of that certificate" 0 "$(openssl pkey -in "${!key}" -pubout | cmp -s - <(openssl x509 -in "${!certificate}" -noout -pubkey); echo $?)"
}

# The signers of response and assertion, in words.
signatures() { echo "response $(signed_by "$1" "$work/response.xml" Response), assertion $(signed_by "$1" "$work/plain.xml" Assertion)"; }

# in_answer IDP USER: logs in with a fresh browser.
in_answer() {
  fresh_browser
  log_in "$1" "$2"
  decrypt
}

idp_grants() {
  introduce false true false
  in_answer os2faktor anna
  fact 'signed assertion' 'response no, assertion yes' "$(signatures os2faktor)"
  fact 'RelayState comes back' "$RELAY" "$(input RelayState <"$work/page" | in_clear)"
  introduce true false false
  in_answer os2faktor anna
  fact 'signed response' 'response yes, assertion no' "$(signatures os2faktor)"
  introduce true true true
  in_answer os2faktor anna
  fact 'both, encrypted' 'response yes, assertion yes' "$(signatures os2faktor)"
  fact 'nothing in the clear' 0 "$(grep -c '<saml:Assertion\|anna' "$work/response.xml")"
  fact 'the ciphers' '*aes128-cbc *rsa-oaep-mgf1p' "$(grep -oP 'EncryptionMethod Algorithm="\K[^"]*' "$work/response.xml" | paste -sd ' ')"
  introduce false true true ',"name_id":"upn","attributes":["name"]'
  in_answer os2faktor anna
  fact 'another NameID, fewer attributes' 'anna@kommune.test name' "$(name_id) $(grep -oP 'Attribute Name="\K[^"]*' "$work/plain.xml" | paste -sd ' ')"
}

# The people: user, attribute, value.
idp_people() {
  introduce false true true
  local loa=$NSIS/loa cpr=$EID/cprNumber name user attribute value
  while read -r name user attribute value; do
    in_answer "$name" "$user"
    fact "$name: $user's ${attribute##*[/:]}" "$value" "$(if [ "$attribute" = NameID ]; then name_id; else attribute "$attribute"; fi)"
  done <<PEOPLE
os2faktor anna cpr 0102805100
os2faktor anna $loa Substantial
os2faktor niels cpr 301188-5100
os2faktor niels dk:gov:saml:attribute:AssuranceLevel 3
os2faktor niels $loa
os2faktor erik $loa Low
os2faktor soren name Søren "Pølse" Ærø & Co
os2faktor mads NameID mads
os2faktor lone sAMAccountName lone
os2faktor dorte upn dorte@kommune.test
os2faktor pernille $loa Substantial
os2faktor poul sAMAccountName poul
os2faktor mette sAMAccountName mette
os2faktor hans $loa Substantial
os2faktor helle upn helle@kommune.test
os2faktor vibeke NameID vibeke
os2faktor tine $loa Substantial
os2faktor tine-low $loa Low
os2faktor tine-low sAMAccountName tine
nemlogin anna https://data.gov.dk/model/core/specVersion OIO-SAML-3.0
nemlogin anna NameID $EID/person/uuid/0b0f5a1e-0000-4000-8000-000000000001
nemlogin birgit $cpr 2206845107
nemlogin soren $loa Low
nemlogin uden-cpr $cpr
nemlogin ukendt $cpr 1212825104
nemlogin dorte $cpr 0405835106
nemlogin karen $cpr 1407865105
nemlogin karen $loa Substantial
unilogin emma dk:unilogin:uniid emma276q
unilogin freja dk:gov:saml:attribute:AssuranceLevel 3
unilogin niels dk:unilogin:aktoergruppe Medarbejder
PEOPLE
}

# Asks for a login with a signed request: visit_sso IDP [ATTRIBUTES] [KEY] [ISSUER].
visit_sso() { visit "$(authn_request "$1" "${2:-}" "${4:-$SP_ENTITY}" | signed_url "$(sso "$1")" "${3:-$work/sp.key}")"; }
unsigned_url() { echo "$(sso "$1")?SAMLRequest=$(authn_request "$1" | deflated | percent)"; }

idp_refuses() {
  local name url
  introduce false true true
  for name in "${IDPS[@]}"; do
    fresh_browser
    fact "$name: a signed request" form "$(visit_sso "$name")"
    fact "$name: an unsigned one" error "$(visit "$(unsigned_url "$name")")"
    fact "$name: an unsigned one by POST" error "$(visit --data-urlencode "SAMLRequest=$(authn_request "$name" | base64 -w0)" "$(sso "$name")")"
    fact "$name: a signed one by POST" form "$(visit --data-urlencode "SAMLRequest=$(authn_request "$name" | signed_form "$work/sp.key")" "$(sso "$name")")"
    fact "$name: one by POST, signed by another key" error \
      "$(visit --data-urlencode "SAMLRequest=$(authn_request "$name" | signed_form "$work/other.key")" "$(sso "$name")")"
    fact "$name: one signed by another key" error "$(visit_sso "$name" '' "$work/other.key")"
    url=$(authn_request "$name" | signed_url "$(sso "$name")" "$work/sp.key")
    fact "$name: one altered after signing" error "$(visit "${url/RelayState=/RelayState=x}")"
    fact "$name: one of a stranger" error "$(visit_sso "$name" '' "$work/sp.key" https://stranger.test/sp)"
    log_in "$name" anna wrong
    fact "$name: a wrong password" form "$(page_is)"
  done
  introduce false true true ',"validate_authnrequest":false'
  fact 'unsigned, where the service says so' form "$(visit "$(unsigned_url os2faktor)")"
}

instant() { grep -oP 'AuthnInstant="\K[^"]*' "$work/plain.xml" || true; }

idp_sessions() {
  local before
  introduce false true true
  fresh_browser
  fact 'passive without a session' status:NoPassive "$(visit_sso os2faktor 'IsPassive="true"')"
  in_answer os2faktor anna
  before=$(instant)
  sleep 1
  fact 'again: the session answers' assertion "$(visit_sso os2faktor)"
  decrypt
  fact 'with the first instant' "$before" "$(instant)"
  log_in os2faktor anna "$IDP_PASSWORD" 'ForceAuthn="true"'
  decrypt
  fact 'forced: a form, and a later instant' later "$(if [[ $(instant) > $before ]]; then echo later; fi)"
  fact 'another provider has no session' form "$(visit_sso nemlogin)"
}

# logout_request: for the session in $work/plain.xml.
logout_request() {
  printf '<p:LogoutRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="%s" ID="%s" Version="2.0" IssueInstant="%s" Destination="%s">
<a:Issuer>%s</a:Issuer>%s<p:SessionIndex>%s</p:SessionIndex></p:LogoutRequest>' "$ASSERTION" "$(new_id)" "$(now)" "$(slo os2faktor)" "$SP_ENTITY" \
    "$(grep -oP '<saml:NameID.*?</saml:NameID>' "$work/plain.xml" | sed 's/saml:/a:/g')" "$(grep -oP 'SessionIndex="\K[^"]*' "$work/plain.xml")"
}

# Follows a logout until it leaves the provider. No server listens at our own address.
leaves_to() {
  local url=$1 _
  for _ in {1..10}; do
    url=$(browse -o "$work/page" -w '%{redirect_url}' "$url")
    case $url in "$SP_SLO"* | '') break ;; esac
  done
  printf '%s\n' "$url"
}

idp_logouts() {
  local url query
  introduce false true true
  in_answer os2faktor anna
  fact 'an unsigned logout' error "$(visit "$(slo os2faktor)?SAMLRequest=$(logout_request | deflated | percent)")"
  fact 'and the session is still there' assertion "$(visit_sso os2faktor)"
  url=$(leaves_to "$(logout_request | signed_url "$(slo os2faktor)" "$work/sp.key")")
  fact 'a logout leads back to the service' "$SP_SLO?SAMLResponse=*" "${url:0:80}"
  query=${url#*\?}
  fact 'with success' 1 "$(sed 's/SAMLResponse=\([^&]*\).*/\1/' <<<"$query" | unpercent | inflated | grep -c 'status:Success')"
  sed 's/.*&Signature=\([^&]*\).*/\1/' <<<"$query" | unpercent | base64 -d >"$work/signature"
  fact 'signed' 'Verified OK' "$(printf %s "${query%&Signature=*}" |
    openssl dgst -sha256 -verify <(openssl x509 -in "$OS2FAKTOR_CERT" -noout -pubkey) -signature "$work/signature" 2>&1)"
  fact 'the session has ended' form "$(visit_sso os2faktor)"
}

identity_providers() {
  local name
  work=$(mktemp -d)
  for name in sp other; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=selfcheck -keyout "$work/$name.key" -out "$work/$name.pem" 2>/dev/null
  done
  for name in "${IDPS[@]}"; do idp_describes "$name"; done
  idp_grants
  idp_people
  idp_refuses
  idp_sessions
  idp_logouts
}
