# The part of selfcheck about circles, roles, classes, protected accounts and the family service.
# Sourced by selfcheck, whose `fact` and `count` it uses. It resets passwords and restores both the passwords and their age.
# shellcheck shell=bash

# Accounts whose password differs at the moment: account, DN.
declare -A circles_reset=()

# found FILTER ATTRIBUTE: the attribute's values below OU=Kommune, read as svc-nykode. Binary values are in base64.
found() { as_user "$SERVICE_UPN" "$SERVICE_PASSWORD" ldapsearch -LLL -b "$PEOPLE_OU" "$1" "$2" 2>/dev/null | sed -n "s/^$2:\{1,2\} //p"; }
# The DN is in base64 if it has a letter beyond ASCII.
dn_of() {
  as_user "$SERVICE_UPN" "$SERVICE_PASSWORD" ldapsearch -LLL -b "$PEOPLE_OU" "(sAMAccountName=$1)" 1.1 2>/dev/null |
    while read -r kind value; do
      case $kind in dn:) printf '%s\n' "$value" ;; dn::) base64 -d <<<"$value" ;; esac
    done
}

# tokenGroups is a constructed attribute, which only a base search returns.
token_groups() { as_user "$SERVICE_UPN" "$SERVICE_PASSWORD" ldapsearch -LLL -b "$(dn_of "$1")" -s base tokenGroups 2>/dev/null | sed -n 's/^tokenGroups:: //p'; }
sid_of() { as_user "$SERVICE_UPN" "$SERVICE_PASSWORD" ldapsearch -LLL -b "$BASE_DN" "(&(objectCategory=group)(sAMAccountName=$1))" objectSid 2>/dev/null | sed -n 's/^objectSid:: //p'; }

# The groups of an account, nested ones included: account, expected groups, and groups that it must not be in (behind a !).
circles_members() {
  local account groups group sid tokens
  while IFS=: read -r account groups; do
    tokens=$(token_groups "$account")
    while read -r group; do
      sid=$(sid_of "${group#!}")
      fact "$account in ${group#!}" "$(if [[ $group == !* ]]; then echo no; else echo yes; fi)" \
        "$(if [ -z "$sid" ]; then echo 'no such group'; elif grep -qxF "$sid" <<<"$tokens"; then echo yes; else echo no; fi)"
    done < <(tr ',' '\n' <<<"$groups")
  done <<MEMBERS
pernille:Kodeordsadministratorer,Kreds Skole,!Kreds Rådhus,!Master kodeordsadministratorer
poul:Skolesekretærer,Kodeordsadministratorer,Kreds Skole,Kreds Rådhus
mette:Master kodeordsadministratorer,Kreds Skole,Kreds Rådhus,!Kodeordsadministratorer
hans:Servicedesk,!Servicedesk Skole
helle:Servicedesk Skole,!Servicedesk
tine:Lærere 3A,!Lærere 3B,!Kreds Skole
thomas:Lærere 3B,!Lærere 3A
vibeke:Vikarer,Må ikke bruge nykode,Kodeordsadministratorer,Kreds Skole
ellen:Må ikke ændres af andre,Elever 3A,Kreds Skole
alma:Elever 3A,Kreds Skole,!Elever 3B,!Må ikke ændres af andre
laerke:Elever 3B,Kreds Skole,!Elever 3A
kasper:Kreds Skole,!Elever 3B
rita:Kreds Rådhus,!Kreds Skole
olga:Kodeordsadministratorer,Kreds Omsorg,!Kreds Omsorg Nord
oluf:Kreds Omsorg Nord,Kreds Omsorg
ragna:Kreds Ring A,Kreds Ring B,Kodeordsadministratorer
roar:Kreds Ring A,Kreds Ring B,!Kodeordsadministratorer
kurt:Kontooperatører,Account Operators,Kreds Rådhus
gorm:Kreds Rådhus,!Account Operators
anna:!Kreds Skole,!Kreds Rådhus
MEMBERS
  # Domain Users and Users beside them.
  fact "ragna's groups, the ring ends" 5 "$(token_groups ragna | sort -u | wc -l)"
  fact 'circles below OU=Kredse' 6 "$(count "$SERVICE_UPN" "$SERVICE_PASSWORD" "OU=Kredse,$PEOPLE_OU" '(objectCategory=group)' sAMAccountName)"
  fact 'pupils of 3A' 7 "$(found "(memberOf=CN=Elever 3A,OU=Grupper,$PEOPLE_OU)" sAMAccountName | wc -l)"
  fact 'pupils of 3B' 7 "$(found "(memberOf=CN=Elever 3B,OU=Grupper,$PEOPLE_OU)" sAMAccountName | wc -l)"
  fact "kurt's adminCount" '' "$(found '(sAMAccountName=kurt)' adminCount)"
  fact "gorm's adminCount" 1 "$(found '(sAMAccountName=gorm)' adminCount)"
}

# Rights of svc-nykode on the people of the two files, and results of their binds. A right only shows when it is used.
circles_rights() {
  local account expected dn
  local -a accounts=()
  mapfile -t accounts < <(cat "$ENV_HOME/pupils.ldif" "$ENV_HOME/circles.ldif" | sed -n 's/^sAMAccountName: \([a-z]*\)$/\1/p')
  for account in "${accounts[@]}"; do
    dn=$(dn_of "$account")
    circles_reset[$account]=$dn
    expected=773
    if [ "$account" = kasper ]; then expected=533; fi
    fact "svc-nykode resets and unlocks $account, must change" ok "$(helped "$dn" | modify_answer "$SERVICE_UPN" "$SERVICE_PASSWORD")"
    fact "bind as $account then" $expected "$(bind_answer "$dn" "$SECOND")"
    fact "svc-bare resets $account" '50*' "$(reset_ldif "$dn" "$THIRD" | modify_answer "$BARE_UPN" "$BARE_PASSWORD")"
  done
  circles_tidy_up
  for account in "${accounts[@]}"; do
    expected=ok
    if [ "$account" = kasper ]; then expected=533; fi
    fact "bind as $account" $expected "$(bind_answer "$DOMAIN\\$account" "$PEOPLE_PASSWORD")"
  done
}

# At the end, and where selfcheck ends early.
circles_tidy_up() {
  local dn
  [ ${#circles_reset[@]} != 0 ] || return 0
  for dn in "${circles_reset[@]}"; do
    reset_ldif "$dn" "$PEOPLE_PASSWORD"
    echo
  done | on_sam ldbmodify >/dev/null
  for dn in "${circles_reset[@]}"; do aged "$dn" 10; done | write_ages
  circles_reset=()
}
helped() {
  reset_ldif "$1" "$SECOND"
  printf -- '-\nreplace: pwdLastSet\npwdLastSet: 0\n-\nreplace: lockoutTime\nlockoutTime: 0\n'
}

# Unassigned CPR numbers of children born from 2010 on: never a 1 January, never divisible by 11.
circles_numbers() {
  local account number sum place
  for account in $(sed -n 's/^sAMAccountName: //p' "$ENV_HOME/pupils.ldif"); do
    number=$(found "(sAMAccountName=$account)" employeeNumber)
    sum=0
    for place in {0..9}; do sum=$((sum + ${number:place:1} * $(cut -c $((place + 1)) <<<4327654321))); done
    fact "$account's CPR number" '[0-3][0-9][01][0-9]1[0-9]5???, nobody'\''s' "$number, $(if [ $((sum % 11)) = 0 ] || [ "${number:0:4}" = 0101 ]; then echo 'perhaps somebody'\''s'; else echo nobody\'s; fi)"
    fact "accounts with it" "$account" "$(found "(employeeNumber=$number)" sAMAccountName)"
  done
  fact "alma's Uni-Login id" alma3a01 "$(found '(sAMAccountName=alma)' employeeID)"
  fact "accounts of Karen's" '' "$(found '(employeeNumber=1407865105)' sAMAccountName)"
}

# ask_family CERTIFICATE BODY [MORE]: status and answer, or curl's exit code (35, 52, 56: the connection is refused).
ask_family() {
  local name=$1 body=$2 said
  shift 2
  if said=$(curl -s --max-time 5 --cacert "$CA_FILE" ${name:+--cert "$TLS_DIR/$name.pem" --key "$TLS_DIR/$name.key"} -w ' %{http_code}' \
    -H 'content-type: application/json' --data-binary "$body" "$@" "$FAMILY_URL"); then
    echo "${said##* } ${said% *}"
  else
    echo "curl $?"
  fi
}

family_check() {
  local name
  for name in '' foreign web; do
    fact "the register of families, ${name:-no} certificate" 'curl [35][256]' "$(ask_family "$name" '{"cpr":"1407865105"}')"
  done
  fact "Karen's children" '200 *"Alma Kold","cpr":"1403175100"*"Anton Kold","cpr":"1403175207"*"Kasper Kold","cpr":"1206145304"*"Konrad Kold","cpr":"2412195314"*' "$(ask_family family-client '{"cpr":"1407865105"}')"
  for name in alma=1403175100 anton=1403175207 kasper=1206145304 =2412195314; do
    fact "account of Karen's child ${name#*=}" "${name%=*}" "$(found "(employeeNumber=${name#*=})" sAMAccountName)"
  done
  fact 'no children' '200 \[]' "$(ask_family family-client '{"cpr":"1212825104"}')"
  fact 'no number' '400 *' "$(ask_family family-client '{"cpr":"140786-5105"}')"
  fact 'no JSON' '400 *' "$(ask_family family-client 'cpr=1407865105')"
  fact 'not by POST' '405 *' "$(ask_family family-client '{}' -X PUT)"
}
