# People and their rights: fills sam.ldb from the LDIF files before the controller starts.
# Sourced by `up`. Afterwards the service account has its delegated rights on the people's unit, and none on protected accounts.
# shellcheck shell=bash

USER_CLASS=bf967aba-0de6-11d0-a285-00aa003049e2
RESET_PASSWORD=00299570-246d-11d0-a768-00aa006e0529
CHANGE_PASSWORD=ab721a53-1e2f-11d0-9819-00aa0040529b
LOCKOUT_TIME=28630ebf-41d5-11d1-a9c1-0000f80367c1
PWD_LAST_SET=bf967a0a-0de6-11d0-a285-00aa003049e2

# The access list of AdminSDHolder on Windows: closed, nothing inherited. Samba has no SDProp that would copy it to protected accounts.
PROTECTED_SDDL="O:DAG:DAD:PAI(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPWPCRCCDCLCLORCWOWDSDSW;;;BA)(A;;RPWPCRCCDCLCLORCWOWDSW;;;DA)\
(A;;RPWPCRCCDCLCLORCWOWDSW;;;EA)(A;;RPLCLORC;;;AU)(OA;;CR;$CHANGE_PASSWORD;;WD)(OA;;CR;$CHANGE_PASSWORD;;PS)"

fill_in() {
  sed -e "s|@BASE@|$BASE_DN|g; s|@OU@|$PEOPLE_OU|g; s|@PSO@|$PSO_DN|g; s|@YESTERDAY@|$(days_ago 1)|g" \
    -e "s|@ADMIN_PWD@|$(unicode_pwd "$ADMIN_PASSWORD")|g; s|@PEOPLE_PWD@|$(unicode_pwd "$PEOPLE_PASSWORD")|g" \
    -e "s|@SERVICE_PWD@|$(unicode_pwd "$SERVICE_PASSWORD")|g; s|@BARE_PWD@|$(unicode_pwd "$BARE_PASSWORD")|g" "$ENV_HOME/$1"
}

# sam_value DN ATTRIBUTE: the attribute's single value, unfolded.
sam_value() { on_sam ldbsearch -b "$1" -s base "$2" 2>/dev/null | sed -e ':a;N;$!ba;s/\n //g' | sed -n "s/^$2: //p"; }

# with_entries DN ENTRIES: the DN's security descriptor as SDDL, with entries added at the front, where denials belong.
with_entries() {
  local sddl
  sddl=$(sam_value "$1" nTSecurityDescriptor)
  [[ $sddl == *D:AI\(* ]] || die "the security descriptor of $1 is not what was expected: $sddl"
  printf '%s\n' "${sddl/D:AI(/D:AI$2(}"
}

replace_descriptor() { printf 'dn: %s\nchangetype: modify\nreplace: nTSecurityDescriptor\nnTSecurityDescriptor: %s\n\n' "$1" "$2"; }

# Reset Password, unlock and must-change for every user below the unit, and read access to the PSOs: nothing else.
# SDDL: OA/OD allow/deny one right, CI;IO inherited and not on the container itself, CR extended right, WP write property, PS self, WD Everyone.
rights() {
  local sid below clara="CN=Clara Clausen,OU=Ansatte,$PEOPLE_OU"
  sid=$(sam_value "$SERVICE_DN" objectSid)
  below="$USER_CLASS;$sid)"
  replace_descriptor "$PEOPLE_OU" "$(with_entries "$PEOPLE_OU" \
    "(OA;CIIO;CR;$RESET_PASSWORD;$below(OA;CIIO;WP;$LOCKOUT_TIME;$below(OA;CIIO;WP;$PWD_LAST_SET;$below")"
  replace_descriptor "$PSO_DN" "$(with_entries "$PSO_DN" "(A;CI;RPLCLORC;;;$sid)")"
  replace_descriptor "$clara" "$(with_entries "$clara" "(OD;;CR;$CHANGE_PASSWORD;;PS)(OD;;CR;$CHANGE_PASSWORD;;WD)")"
  replace_descriptor "CN=Beate Berg,OU=Ansatte,$PEOPLE_OU" "$PROTECTED_SDDL"
  printf 'dn: CN=Domain Admins,CN=Users,%s\nchangetype: modify\nadd: member\nmember: CN=Beate Berg,OU=Ansatte,%s\n' "$BASE_DN" "$PEOPLE_OU"
}

# aged DN DAYS: LDIF that makes the password this old.
aged() { printf 'dn: %s\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: %s\n\n' "$1" "$(days_ago "$2")"; }

# AD accepts only 0 and -1 for pwdLastSet. This control of Samba's (DSDB_CONTROL_BYPASS_PASSWORD_HASH) bypasses that rule.
write_ages() { on_sam ldbmodify --controls=local_oid:1.3.6.1.4.1.7165.4.3.12:0 >/dev/null; }

# Makes all passwords ten days old (longer than the minimum age of one day), except those with another age here.
age_everybody() {
  local dn
  { fill_in people.ldif && fill_in pupils.ldif && fill_in circles.ldif; } | sed -n 's/^dn: \(.*,OU=\(Ansatte\|Elever\),.*\)/\1/p' | while read -r dn; do
    case $dn in
      'CN=Mads '*) ;;
      'CN=Erik '*) aged "$dn" 100 ;;
      *) aged "$dn" 10 ;;
    esac
  done
}

people_up() {
  local log=$1/log/people.log
  {
    fill_in domain.ldif | on_sam ldbmodify
    fill_in people.ldif | on_sam ldbadd
    fill_in pupils.ldif | on_sam ldbadd
    fill_in circles.ldif | on_sam ldbmodify
    fill_in policies.ldif | on_sam ldbadd
    rights | on_sam ldbmodify
    age_everybody | write_ages
  } >"$log" 2>&1 || die "loading the people failed: see $log"
}
