# The certificates: the CA that the tests trust, the servers' certificates, and certificates that a client must refuse.
# Sourced by `up`. Leaves every certificate as NAME.pem with NAME.key, PEM, EC P-256, below DIR/tls.
# shellcheck shell=bash

# new_ca NAME COMMON-NAME
new_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$2" \
    -keyout "$1.key" -out "$1.pem" -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

# new_request NAME COMMON-NAME
new_request() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
}

leaf_extensions() { printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=%s\n' "${2:-serverAuth}" "$1"; }

# new_leaf NAME CA SUBJECT-ALT-NAMES [USAGE]
new_leaf() {
  new_request "$1" "$1"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 365 -out "$1.pem" -extfile <(leaf_extensions "$3" "${4:-}")
}

# `x509 -req` can't set a start in the past, and an end before the start is another fault than "expired".
new_expired_leaf() {
  new_request "$1" "$1"
  leaf_extensions "$3" >"$1.ext"
  printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' >ca.cnf
  : >index
  openssl rand -hex 8 >serial
  openssl ca -batch -notext -config ca.cnf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.pem" -extfile "$1.ext" \
    -startdate "$(date -u -d '-30 days' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)"
}

new_intermediate() {
  new_request intermediate 'OS2nykode test intermediate CA'
  openssl x509 -req -in intermediate.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -out intermediate.pem \
    -extfile <(printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n')
}

make_certificates() (
  mkdir -p "$1/tls"
  exec 2>"$1/log/ca.log"
  cd "$1/tls"
  # The keys must never be readable for other users: Samba refuses a key with another mode than 0600.
  umask 077
  local dc="DNS:$DC_NAME,DNS:dc2.kommune.test,IP:$DC_IP,IP:$(pair_ip 1),IP:$(pair_ip 2)"
  new_ca ca 'OS2nykode test CA'
  new_ca other-ca 'Another CA, trusted by nobody'
  new_leaf dc ca "$dc"
  new_leaf web ca DNS:localhost,IP:127.0.0.1,DNS:nykode.kommune.test
  new_leaf op ca "DNS:localhost,IP:$DC_IP"
  new_leaf db ca "DNS:localhost,IP:$DC_IP"
  new_leaf client ca DNS:os2nykode.kommune.test clientAuth
  new_leaf foreign-client other-ca DNS:os2nykode.kommune.test clientAuth
  new_leaf family ca "DNS:localhost,IP:$DC_IP"
  new_leaf family-client ca DNS:nykode.kommune.test clientAuth
  new_leaf wrong-name ca DNS:somebody-else.kommune.test
  new_expired_leaf expired ca "$dc"
  new_leaf foreign other-ca "$dc"
  # Valid, but only together with the intermediate: chained.pem alone simulates a controller that does not send it.
  new_intermediate
  new_leaf chained intermediate "$dc"
  cat chained.pem intermediate.pem >chained-full.pem
  rm -f ./*.csr ./*.srl ./*.ext ./index* ./serial* ca.cnf [0-9A-F]*.pem
  chmod 755 .
  chmod 644 ./*.pem
)
