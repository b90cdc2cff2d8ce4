# Generates pupils, classes, schools and two circles as LDIF: awk -v count=N -v with=N -v kredse=OU -v skala=OU -v password=BASE64 -f scale.awk
# The same count gives the same people each time, because the randomness is computed.

# A number from 0 to below limit (Lehmer's generator: its products stay below 2^53, so that awk computes exactly).
function draw(limit) {
  seed = (seed * 16807) % 2147483647
  return seed % limit
}

# The first four letters and five digits; letters beyond a to z are written out.
function account(given, i, plain) {
  plain = given
  gsub(/Æ/, "ae", plain); gsub(/æ/, "ae", plain); gsub(/Ø/, "oe", plain); gsub(/ø/, "oe", plain); gsub(/Å/, "aa", plain); gsub(/å/, "aa", plain)
  gsub(/[^A-Za-z]/, "", plain)
  # 7919 and 100003 are coprime, so no two numbers below 100003 have the same five digits.
  return sprintf("%s%05d", tolower(substr(plain, 1, 4)), (i * 7919) % 100003)
}

# An unassigned CPR number of a child: no 1 January, and a wrong check digit.
# Numbers with a wrong check digit are assigned only to people born on a 1 January.
function cpr(i, day, digits, sum, k) {
  # 7919 is coprime to 1,425,600, the number of possible numbers, so all are different.
  i = (i * 7919) % 1425600
  day = int(i / 400)
  digits = sprintf("%02d%02d%02d%d%02d", 2 + day % 27, 1 + int(day / 27) % 12, 10 + int(day / 324), 5 + int(i % 400 / 100), i % 100)
  for (k = 1; k <= 9; k++) sum += substr(digits, k, 1) * substr("432765432", k, 1)
  # The right last digit is 11 - sum % 11 if that is one digit. The digit after it is wrong.
  return digits ((12 - sum % 11) % 10)
}

function user(dn, name, given, sn, more) {
  printf "dn: %s\nobjectClass: user\nsAMAccountName: %s\nuserPrincipalName: %s@skole.test\ngivenName: %s\nsn: %s\ndisplayName: %s %s\n%s\n", dn, name, name, given, sn, given, sn, more
}

function group(dn, name) { printf "dn: %s\nobjectClass: group\nsAMAccountName: %s\n", dn, name }
function class_name(c) { return sprintf("Skala %02d %d%s", school_of(c), (c % 20) / 2, c % 2 ? "B" : "A") }
function school_of(c) { return int(c / 20) + 1 }
# sAMAccountNames are unique in a domain, so a school's classes contain its number.
function school_name(s) { return sprintf("Skala Skole %02d", s) }

BEGIN {
  seed = 20261123
  # A name's position decides how common it is: the lower of two draws counts, so the first names are the most frequent.
  givens = split("Emma Noah Anna William Ida Oscar Freja Lucas Clara Carl Laura Oliver Alma Malthe Ella August Sofia Emil Karla Anton Agnes Valdemar Olivia Victor Nora Elias Isabella Alfred Josefine Magnus Mathilde Arthur Lærke Storm Maja Aksel Astrid Frederik Sofie Nohr Andreas Liva Johan Mille Otto Marie Felix Caroline Villads Filippa Konrad Signe Adam Vigga Mikkel Frida Albert Andrea Theo Ellen Viggo Lilly Sebastian Luna Benjamin Esther Philip Julie Mads Victoria Anders Sara Tobias Naja Nikolaj Liv Søren Thea Rasmus Ane Asger Ronja Sander Asta Ali Hannah Yusuf Amina Mohammed Selma Jonas Åse Bjørn Ingeborg Hjalte Øjvind Rosa Bertil Xenia Zander", given, " ")
  sns = split("Nielsen Jensen Hansen Pedersen Andersen Christensen Larsen Sørensen Rasmussen Jørgensen Petersen Madsen Kristensen Olsen Thomsen Christiansen Poulsen Johansen Møller Mortensen Knudsen Jakobsen Jacobsen Mikkelsen Olesen Frederiksen Laursen Henriksen Lund Holm Schmidt Eriksen Kristiansen Clausen Simonsen Svendsen Andreasen Iversen Jeppesen Vestergaard Nissen Lauridsen Østergaard Mogensen Jespersen Frandsen Bertelsen Jessen Lauritsen Dam Bruun Søgaard Ahmed Ali Kjær Friis Skov Bach Winther Bech Bang Dahl Krogh Bak Lind Toft Brandt Riis Hald Anker Munk Gravesen Yde Åkjær Ærø Quist", sn, " ")

  printf "dn: %s\nobjectClass: organizationalUnit\n\n", skala
  for (i = 1; i <= count; i++) {
    a = 1 + draw(givens); b = 1 + draw(givens); c = 1 + draw(sns); d = 1 + draw(sns)
    first = given[a < b ? a : b]; last = sn[c < d ? c : d]
    # Every third person has a middle name.
    middle = i % 3 ? "" : " " sn[1 + draw(sns)]
    name[i] = account(first, i)
    user("CN=" name[i] "," skala, name[i], first middle, last, \
      "employeeID: " name[i] "\nemployeeNumber: " cpr(i) "\nuserAccountControl: 512" (i <= with ? "\nunicodePwd:: " password : "") "\n")
  }
  user("CN=skala-admin," skala, "skala-admin", "Skala", "Administrator", "userAccountControl: 512\nunicodePwd:: " password "\n")

  classes = int((count + 24) / 25)
  for (c = 0; c < classes; c++) {
    group("CN=" class_name(c) "," skala, class_name(c))
    for (i = c * 25 + 1; i <= c * 25 + 25 && i <= count; i++) print "member: CN=" name[i] "," skala
    print ""
  }
  schools = int((classes + 19) / 20)
  for (s = 1; s <= schools; s++) {
    group("CN=" school_name(s) "," skala, school_name(s))
    for (c = (s - 1) * 20; c < s * 20 && c < classes; c++) print "member: CN=" class_name(c) "," skala
    print ""
  }
  group("CN=Skala Klasser," kredse, "Skala Klasser")
  print "member: CN=skala-admin," skala
  for (s = 1; s <= schools; s++) print "member: CN=" school_name(s) "," skala
  print ""
  group("CN=Skala Alle," kredse, "Skala Alle")
  print "member: CN=skala-admin," skala
  for (i = 1; i <= count; i++) print "member: CN=" name[i] "," skala
}
