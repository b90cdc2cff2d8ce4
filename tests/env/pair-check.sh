# The part of `selfcheck` about the pair of controllers. It uses `fact`, and a throw-away account.
# shellcheck shell=bash

# pair_value N DN ATTRIBUTE
pair_value() { as_admin "$1" ldapsearch -LLL -b "$2" -s base "$3" 2>/dev/null | sed -n "s/^$3: //p"; }

# Compares a replicated value. A password attempt would count as a failure.
until_pair_agrees() {
  local tries
  for tries in {1..100}; do
    [ -n "$(pair_value 1 "$1" "$2")" ] && [ "$(pair_value 1 "$1" "$2")" = "$(pair_value 2 "$1" "$2")" ] && { echo yes; return; }
    sleep 0.1
  done
  echo "no, after $tries tries"
}

pair_bind() { DC_IP=$(pair_ip "$1") bind_answer "$2" "$3"; }

pair_check() {
  local dn try
  "$here/pair" "$dir" up
  "$here/pair" "$dir" reset
  dn=$("$here/add" "$dir/pair" "$NAME")
  fact 'pair: a new account is on both' yes "$(until_pair_agrees "$dn" pwdLastSet)"
  fact 'pair: badPwdCount on the joined controller before the first wrong bind' '' "$(pair_value 2 "$dn" badPwdCount)"
  for try in 1 2; do fact "pair: a wrong password on 2 ($try)" 52e "$(pair_bind 2 "$dn" 'wrong on purpose')"; done
  fact 'pair: badPwdCount on 2' 2 "$(pair_value 2 "$dn" badPwdCount)"
  fact 'pair: badPwdCount on 1' 0 "$(pair_value 1 "$dn" badPwdCount)"
  "$here/pair" "$dir" replication off
  reset_ldif "$dn" "$SECOND" | as_admin 2 ldapmodify >/dev/null
  fact 'pair, parted: the new password where it was set' ok "$(pair_bind 2 "$dn" "$SECOND")"
  fact 'pair, parted: the new password on the other one' 52e "$(pair_bind 1 "$dn" "$SECOND")"
  "$here/pair" "$dir" replication on
  fact 'pair: the new password arrives' yes "$(until_pair_agrees "$dn" pwdLastSet)"
  fact 'pair: the new password on the other one' ok "$(pair_bind 1 "$dn" "$SECOND")"
  "$here/pair" "$dir" pdc 2
  fact 'pair: the PDC emulator, as both know it' 'DC2 DC2' "$(pdc_of 1) $(pdc_of 2)"
  "$here/pair" "$dir" kill 1
  fact 'pair: one that was killed' "*Can't contact*" "$(pair_bind 1 "$dn" "$SECOND")"
  fact 'pair: the other one, meanwhile' ok "$(pair_bind 2 "$dn" "$SECOND")"
  "$here/pair" "$dir" reset
  as_admin 1 ldapdelete "$dn"
}
