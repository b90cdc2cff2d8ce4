service-name = Adgangskode
skip-to-content = Gå til indhold
other-language = English
log-out = Log ud
log-in = Log ind
cancel = Annullér
contact = Har du brug for hjælp?
contact-link = Kontakt
privacy = Sådan behandler vi dine oplysninger
accessibility = Tilgængelighedserklæring
error-prefix = Fejl:
error-summary = Det mangler du at rette
error-stopped = Det kunne ikke lade sig gøre
steps = Trin
step-log-in = Log ind
step-choose = Vælg ny adgangskode
step-done = Færdig
show = Vis
hide = Skjul
to-front = Gå til forsiden
reference = Reference

set-password = Vælg adgangskode
front-title = Skift din adgangskode
front-lead = Her kan du skifte adgangskoden til din konto på arbejdet eller i skolen, også når du er hjemme.
front-methods = Sådan vil du logge ind
front-no-methods = Der er ikke slået nogen måde at logge ind på til. Kontakt servicedesken.
front-forgotten = Kan du ikke huske din adgangskode, så kontakt servicedesken.
front-logged-out = Du er logget ud.
method-ad-password = Brugernavn og adgangskode

login-title = Log ind
login-ended = Du er logget ud, fordi der er gået for lang tid, fordi du har logget ud et andet sted, eller fordi adgangskoden er ændret. Det, du sidst sendte, er ikke gennemført. Log ind igen.
login-refused = Vi kunne ikke logge dig ind. Se efter, om brugernavn og adgangskode er skrevet rigtigt, også store og små bogstaver. Har du prøvet flere gange, så vent en halv time, før du prøver igen: Ellers kan din konto blive låst. Er du stadig i tvivl, så kontakt servicedesken.
login-throttled = Der er prøvet for mange gange. Du kan prøve igen { $time }. Har du glemt adgangskoden, så kontakt servicedesken.
account-name = Brugernavn
account-name-hint = Det, du bruger på din arbejdscomputer, for eksempel anna eller anna@kommune.dk
field-password = Adgangskode
field-current = Nuværende adgangskode
field-new = Ny adgangskode
field-repeat = Ny adgangskode igen
form-empty = Skriv { $field }.
form-too-long = { $field } er for lang. En adgangskode kan højst have 256 tegn.
form-nul = { $field } indeholder et tegn, som ikke kan bruges.
form-repeat = De to nye adgangskoder er ikke ens. Skriv den nye adgangskode igen.

account-title = Din konto
last-changed = Sidst skiftet
expires = Udløber
never-expires = Udløber ikke
must-change = Skal skiftes nu
expires-on = { $time } ({ $days ->
    [0] i dag
    [one] i morgen
   *[other] om { $days } dage
  })
expired-on = Udløb { $time }
choose-new = Vælg ny adgangskode
history = Det er der sket
history-lead = Er der noget her, som du ikke kender til, så kontakt servicedesken med det samme.
history-empty = Der er ikke sket noget endnu.
banner-must-change = Du skal vælge en ny adgangskode, før du kan logge på din computer.
banner-expired = Din adgangskode er udløbet. Vælg en ny, så kan du logge på igen.
banner-locked-reset = Din konto er låst, fordi der er skrevet forkert adgangskode for mange gange. Den bliver låst op, når du vælger en ny adgangskode.
banner-locked = Din konto er låst, fordi der er skrevet forkert adgangskode for mange gange. Vent, til den låses op, eller kontakt servicedesken.
event-sign-in = Der blev logget ind
event-sign-in-refused = Et forsøg på at logge ind blev afvist
event-sign-out = Der blev logget ud
event-sign-out-by = { $who } loggede dig ud alle steder
event-changed = Adgangskoden blev skiftet
event-reset = Ny adgangskode sat ({ $provider })
event-reset-refused = En ny adgangskode blev afvist ({ $provider })
event-reset-failed = En ny adgangskode blev ikke sat ({ $provider })
event-reset-unknown = En ny adgangskode blev afbrudt, og vi ved endnu ikke, om den blev sat ({ $provider })
event-change-refused = Et skift af adgangskode blev afvist
event-change-failed = Et skift af adgangskode blev ikke gennemført
event-change-unknown = Et skift af adgangskode blev afbrudt, og vi ved endnu ikke, om det lykkedes

rules = Det skal den nye adgangskode opfylde
rule-met = opfyldt
rule-unmet = ikke opfyldt endnu
rules-told = { $met } af { $all } krav er opfyldt
rule-min-length = Mindst { $count } tegn
rule-max-length = Højst { $count } tegn
rule-complexity = Mindst tre af disse slags: store bogstaver, små bogstaver, tal, specialtegn (for eksempel ! # -)
rule-letters = Mindst ét bogstav
rule-upper-and-lower = Både store og små bogstaver
rule-digits = Mindst ét tal
rule-special = Mindst ét specialtegn, for eksempel ! # -
rule-no-names = Ikke navn eller brugernavn, heller ikke stavet på en anden måde
rule-no-forbidden-words = Ingen af de ord, som kommunen har forbudt, fordi de er lette at gætte
rule-allowed = Kun disse tegn: { $characters }
rule-history = Ikke en af de { $count } adgangskoder, der er brugt sidst
rule-min-age = Den nuværende adgangskode skal have været brugt i { $hours ->
    [one] 1 time
   *[other] { $hours } timer
  }

broken-too-short = Den nye adgangskode er for kort. Den skal have mindst { $count } tegn.
broken-too-long = Den nye adgangskode er for lang. Den må højst have { $count } tegn.
broken-not-complex = Den nye adgangskode skal have mindst tre af disse slags: store bogstaver, små bogstaver, tal, specialtegn.
broken-no-letter = Den nye adgangskode skal have mindst ét bogstav.
broken-not-upper-and-lower = Den nye adgangskode skal have både store og små bogstaver.
broken-no-digit = Den nye adgangskode skal have mindst ét tal.
broken-no-special = Den nye adgangskode skal have mindst ét specialtegn, for eksempel ! # -
broken-holds-name = Den nye adgangskode indeholder navn eller brugernavn. Vælg en uden.
broken-holds-forbidden-word = Den nye adgangskode indeholder et ord, som er let at gætte og derfor forbudt: { $word }. Vælg en uden.
broken-character = Den nye adgangskode indeholder et tegn, som ikke kan bruges her: { $character }
broken-not-typeable = Den nye adgangskode indeholder et usynligt tegn, som ikke kan skrives på en computers log på-billede. Måske kom det med, da du kopierede den.
broken-same = Den nye adgangskode er den samme som den nuværende. Vælg en anden.
broken-used-before = Den nye adgangskode er brugt før. Du kan ikke bruge nogen af de { $count } seneste. Vælg en anden.
broken-too-young = Din adgangskode er skiftet for nylig. Du kan skifte den igen { $time }. Haster det, så kontakt servicedesken.

refusal-wrong-current = Den nuværende adgangskode er forkert. Skriv den, du loggede ind med.
refusal-locked = Din konto er låst, fordi der er skrevet forkert adgangskode for mange gange. Intet er ændret. Vent en halv time, eller kontakt servicedesken.
refusal-near-lockout = Der er skrevet forkert adgangskode så mange gange, at din konto er tæt på at blive låst. Derfor har vi ikke prøvet. Vent en halv time, og prøv igen, eller kontakt servicedesken.
refusal-throttled = Der er prøvet for mange gange. Du kan prøve igen { $time }.
refusal-busy = Vi blev afbrudt, sidst der blev prøvet en adgangskode på denne konto. Det er vores fejl, og det tæller ikke som et forkert forsøg. Du kan prøve igen { $time }.
refusal-cannot-change = Din konto er sat op, så du ikke selv kan skifte adgangskoden. Kontakt servicedesken.
refusal-no-right = Kontoen er særligt beskyttet, så adgangskoden ikke kan skiftes her. Kontakt servicedesken.
refusal-not-usable = Kontoen kan ikke bruges lige nu. Intet er ændret. Kontakt servicedesken.
refusal-no-relation = Du er logget ind som en anden end den, formularen hører til. Intet er ændret. Begynd forfra fra forsiden.
refusal-too-weak-level = Dit login er ikke sikkert nok til at vælge en ny adgangskode til denne konto. Der skal et login til på mindst niveauet { $level } (NSIS).
refusal-too-weak-provider = Den måde, du er logget ind på, kan ikke bruges til at vælge en ny adgangskode til denne konto.
refusal-too-weak-both = Dit login kan ikke bruges til at vælge en ny adgangskode til denne konto. Der skal et bestemt login til, og det skal være på mindst niveauet { $level } (NSIS).
refusal-login-too-old = Det er for længe siden, du viste, hvem du er. For at ingen andre kan vælge en ny adgangskode for dig, skal du logge ind igen, før du kan vælge den.
level-low = Lav
level-substantial = Betydelig
level-high = Høj
logins-lead = Sådan kan du logge ind for at vælge en ny adgangskode:
logins-none = Der er ingen måde at logge ind på her, som er sikker nok. Kontakt servicedesken.
logins-ad-password = Hvis du kan huske din nuværende adgangskode.
refusal-policy-unexplained = Den nye adgangskode blev afvist af domænets regler, som ikke siger hvorfor. Den er nok brugt før, eller den står på en liste over adgangskoder, der er lette at gætte. Prøv en længere, som du ikke har brugt før.

change = Skift adgangskode
result-done-title = Din adgangskode er skiftet
result-done = Den nye adgangskode gælder fra nu af. Vi har prøvet den af.
result-still-locked = Den nye adgangskode er sat, men din konto er stadig låst, og vi kunne ikke låse den op. Derfor har vi ikke kunnet prøve adgangskoden af. Kontakt servicedesken, så de kan låse kontoen op. Derefter kan du bruge den nye adgangskode.
result-unknown-settled = Forbindelsen blev afbrudt, mens adgangskoden blev skiftet, og AD viser ikke, om det var dit skift, der blev gennemført. Prøv at logge ind med den nye adgangskode. Virker den ikke, så brug den gamle. Virker ingen af dem, så kontakt servicedesken.
result-not-tried = AD har svaret, at den nye adgangskode er sat, men vi kunne ikke prøve den af bagefter. Virker den ikke, så kontakt servicedesken.
result-not-let-in = AD har svaret, at den nye adgangskode er sat, men AD lukker ingen ind med den her. Derfor har vi ikke kunnet prøve den af. Det kan skyldes en begrænsning på din konto. Kan du ikke logge på din computer med den, så kontakt servicedesken.
result-settled = Vi blev afbrudt undervejs, men vi har set i AD, at en ny adgangskode blev sat på din konto i samme øjeblik. Vi har ikke prøvet den af. Virker den ikke, så kontakt servicedesken.
result-unknown-title = Vi ved ikke, om din adgangskode blev skiftet
result-unknown = Forbindelsen blev afbrudt, mens adgangskoden blev skiftet. Den kan være skiftet, men er det måske ikke. Vi ser selv efter i AD, og inden for et par minutter står svaret her på siden. Indtil da kan der ikke prøves adgangskoder på din konto her. Vent så længe, og prøv så at logge ind med den nye adgangskode. Virker den ikke, så brug den gamle. Virker ingen af dem, så kontakt servicedesken.
result-refused-title = Din adgangskode blev ikke skiftet
result-refused = Formularen er sendt før, og skiftet blev afvist. Gå tilbage til din konto, og prøv igen.
result-failed = Skiftet kunne ikke gennemføres. Intet er ændret. Prøv igen om lidt.
result-started-title = Din adgangskode er ved at blive skiftet
result-started = Vent et øjeblik, og genindlæs så siden.
after-change = Det skal du gøre nu
back-to-account = Tilbage til din konto

unavailable-title = Kontoen kan ikke vises
unavailable-text = Kontoen er ikke din, er ikke længere aktiv, eller hører ikke til her. Er du logget ind som en anden i en anden fane, så begynd forfra fra forsiden.
not-found-title = Siden findes ikke
not-found-text = Se efter, om adressen er skrevet rigtigt, eller begynd forfra fra forsiden.
forbidden-title = Formularen kunne ikke bruges
forbidden-text = Formularen er for gammel, eller du har logget ind eller ud i en anden fane. Intet er ændret. Gå til forsiden, og begynd forfra.
bad-request-title = Det, du sendte, kunne ikke læses
bad-request-text = Intet er ændret. Gå til forsiden, og begynd forfra.
busy-title = Der er travlt lige nu
busy-text = Vi kunne ikke nå dit ønske. Vent et minut, og prøv igen. Var du ved at skifte adgangskode, så se på din konto, om det lykkedes.
away-directory-title = Vi kan ikke få fat i kommunens brugerregister lige nu
away-database-title = Vi kan ikke få fat i vores database lige nu
away-register-title = Vi kan ikke få fat i et af kommunens registre lige nu
away-text = Det er ikke din fejl, og intet er ændret, medmindre du lige har sendt en ny adgangskode: Så se på din konto, om den blev skiftet. Prøv igen om nogle minutter. Bliver det ved, så kontakt servicedesken.
fault-title = Der er noget galt hos os
fault-text = Det er ikke din fejl. Prøv igen om lidt. Bliver det ved, så kontakt servicedesken, og sig referencen herunder. Var du ved at skifte adgangskode, så se på din konto, om det lykkedes.

at-time = { $date } kl. { $time }
wait-over = nu
wait-minutes = om { $minutes ->
    [one] 1 minut
   *[other] { $minutes } minutter
  } (kl. { $time })
wait-today = i dag kl. { $time }
wait-tomorrow = i morgen kl. { $time }
month-1 = januar
month-2 = februar
month-3 = marts
month-4 = april
month-5 = maj
month-6 = juni
month-7 = juli
month-8 = august
month-9 = september
month-10 = oktober
month-11 = november
month-12 = december
date-this-year = { $day }. { $month }
date-other-year = { $day }. { $month } { $year }

accounts-title = Dine konti
accounts-lead = Du har flere konti. Vælg den, du vil skifte adgangskode på.
accounts-none = Der er ingen konto her, som hører til dit login. Kontakt servicedesken.

front-forgotten-providers = Kan du ikke huske din adgangskode, så log ind på en af de andre måder, eller kontakt servicedesken.
front-logged-out-here = Du er logget ud her. Der, hvor du loggede ind, er du måske stadig logget ind: Luk browseren, hvis andre bruger computeren.
provider-continue-title = Log ind
provider-continue = Du sendes videre til { $name }.
provider-continue-button = Fortsæt
provider-refused-title = Du blev ikke logget ind
provider-refused = Svaret fra dit login kunne ikke bruges. Det kan ske, hvis det har taget for lang tid, hvis du har brugt en gammel side eller et bogmærke, eller hvis du har åbnet siden i en anden browser. Start forfra.
provider-again = Log ind igen
provider-cancelled = Login blev afbrudt eller afvist. Du kan prøve igen eller vælge en anden måde at logge ind på.
provider-level = Dit login er ikke sikkert nok til det, der blev bedt om. Vælg en anden måde at logge ind på, for eksempel MitID.
provider-passive = Du var ikke logget ind i forvejen. Prøv igen.
provider-failed = Der gik noget galt, der hvor du loggede ind. Prøv igen om lidt, eller vælg en anden måde at logge ind på.
provider-failed-code = Fejlkode fra dit login: { $code }
provider-unusable-title = Denne måde at logge ind på virker ikke lige nu
provider-unusable = Prøv igen om lidt, eller vælg en anden måde at logge ind på. Varer det ved, så kontakt servicedesken.
provider-throttled = Der er kommet for mange forgæves forsøg. Du kan prøve igen { $time }.
provider-no-account-title = Vi fandt ingen konto
provider-no-account-cpr = Du er logget ind, men der er ingen aktiv konto her med dit CPR-nummer. Er du lige blevet ansat, er dit CPR-nummer måske ikke skrevet på din konto endnu. Kontakt servicedesken.
provider-no-account-name = Du er logget ind, men der er ingen aktiv konto her med det brugernavn, som dit login oplyser. Kontakt servicedesken.
provider-no-account-email = Du er logget ind, men der er ingen aktiv konto her med den mailadresse, som dit login oplyser. Kontakt servicedesken.
provider-no-account-unilogin = Du er logget ind, men der er ingen aktiv konto her, som hører til dit Uni-Login. Spørg din skole.
provider-logout-title = Du er logget ud her
provider-logout = Du sendes videre for også at blive logget ud, der hvor du loggede ind.
provider-logged-out-title = Du er logget ud
provider-logout-refused = Beskeden om at logge ud kunne ikke bruges. Luk browseren for at være sikker på, at du er logget ud.

provider-not-for-here-title = Dit login kan ikke bruges her
provider-not-for-here = Du er logget ind, men denne tjeneste er ikke for dem, som dit login siger, at du er. Kontakt servicedesken, hvis du mener, at det er en fejl.
provider-lacks-cpr = Du er logget ind, men dit login oplyser ikke dit CPR-nummer, så vi kan ikke finde din konto. Log ind på en anden måde, eller kontakt servicedesken.
provider-lacks-name = Du er logget ind, men dit login oplyser ikke, hvilken konto der er din. Log ind på en anden måde, eller kontakt servicedesken.

sessions = Her er du logget ind
session-device = { $browser } på { $system }
session-device-unknown = Ukendt enhed
session-how = { $how }, siden { $time }
session-this = Denne enhed
session-ad-password = Brugernavn og adgangskode
session-code = Engangskode
session-local = Lokal konto
session-end = Afslut dette login
sessions-end = Log ud alle steder
front-logged-out-everywhere = Du er logget ud alle steder.
