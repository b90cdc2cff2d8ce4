# At handle for andre.
others-title = Andres konti
others-lead = Vælg, hvem du vil hjælpe.
others-none = Der er ingen, du kan hjælpe herfra. Mener du, at det er en fejl, så kontakt servicedesken.
others-link = Hjælp andre
ground-own = Din egen konto
ground-parent = Dit barn
ground-circle = Kredsen { $group }
ground-master = Kredsen { $group } (overordnet administrator)
ground-teacher = Din klasse: { $group }
state-fine = Kan bruges
state-disabled = Lukket
state-locked = Låst
state-must-change = Skal skiftes ved næste logon
state-expired = Adgangskoden er udløbet
list-search = Søg efter navn eller brugernavn
list-search-hint = Skriv begyndelsen af fornavn, efternavn eller brugernavn, mindst to tegn
list-search-button = Søg
list-results = Fundet
list-words = Skriv mindst to tegn og højst hundrede.
list-search-first = Søg for at finde den, du vil hjælpe.
list-more = Her er { $count }, men der er flere. Skriv mere af navnet.
list-total = { $count ->
    [0] Her er ingen.
    [one] Her er 1.
   *[other] Her er { $count }.
  }
list-found = { $count ->
    [0] Ingen fundet. Prøv med noget andet af navnet.
    [one] 1 fundet.
   *[other] { $count } fundet.
  }
list-pages = Sider
list-previous = Forrige side
list-next = Næste side
list-page-of = Side { $page } af { $pages }
other-why = Derfor kan du hjælpe
other-state = Tilstand
other-last-logon = Sidste logon (kan være op til 14 dage forsinket)
other-wrong-tries = Sidste forkerte adgangskode
other-set = Sæt en ny adgangskode
other-must-change = Adgangskoden skal skiftes ved næste logon
other-back = Tilbage til kontoen
other-done-title = Adgangskoden er sat
other-done = Den nye adgangskode gælder fra nu af. Vi har prøvet den af. Giv den kun videre til den, det drejer sig om.
other-still-locked = Den nye adgangskode er sat, men kontoen er stadig låst, og vi kunne ikke låse den op.
other-not-tried = AD har svaret, at den nye adgangskode er sat, men vi kunne ikke prøve den af bagefter.
other-not-let-in = AD har svaret, at den nye adgangskode er sat, men AD lukker ingen ind med den her. Derfor har vi ikke kunnet prøve den af.
other-settled = Vi blev afbrudt undervejs, men vi har set i AD, at en ny adgangskode blev sat på kontoen i samme øjeblik. Den er ikke prøvet af.
other-unknown-title = Vi ved ikke, om adgangskoden blev sat
other-unknown = Forbindelsen blev afbrudt undervejs. Vent et par minutter, og se på kontoen, hvornår adgangskoden sidst er skiftet.
other-not-done-title = Adgangskoden blev ikke sat
other-not-done = Intet er ændret. Gå tilbage til kontoen, og prøv igen.
unlock = Lås op
unlock-done = Kontoen er låst op.
unlock-not-locked = Kontoen var ikke låst. Der er ikke gjort noget.
unlock-unknown = Forbindelsen blev afbrudt, så vi ved ikke, om kontoen er låst op. Du kan roligt prøve igen.
denied-title = Det kan du ikke her
barred-title = Du kan ikke bruge denne tjeneste
denied-barred = Din konto er i en gruppe, der ikke kan bruge denne tjeneste. Kontakt servicedesken.
denied-unreadable = Reglerne for, hvem der må hjælpe hvem, kan ikke læses lige nu. Derfor kan ingen hjælpe andre. Kontakt dem, der driver tjenesten.
denied-no-relation = Kontoen findes ikke, eller den er ikke en, du kan hjælpe med.
denied-not-usable = Kontoen er lukket eller udløbet. Derfor kan der ikke sættes en adgangskode.
denied-closed = Kontoen er i en gruppe, som andre ikke må sætte adgangskode for.
denied-protected = Kontoen er særligt beskyttet i Active Directory, fordi den kan administrere domænet. Den kan ikke ændres herfra.
denied-master-admin = Kontoen tilhører en overordnet kodeordsadministrator. Den kan kun ejeren selv sætte adgangskode for.
denied-password-admin = Kontoen tilhører en kodeordsadministrator. Det kan kun en overordnet kodeordsadministrator hjælpe med.
denied-helper = Kontoen tilhører en, der arbejder i en helpdesk. Det kan kun en overordnet kodeordsadministrator hjælpe med.
denied-auditor = Kontoen tilhører en, der kan læse hele loggen. Det kan kun en overordnet kodeordsadministrator hjælpe med.
denied-teacher = Kontoen tilhører en lærer. Kontakt helpdesken eller en kodeordsadministrator.
denied-too-weak = Dit login er ikke sikkert nok til denne konto. Der skal et login til på mindst niveauet { $level } (NSIS). Log ud, og log ind på en anden måde.
denied-login-too-old = Det er for længe siden, du viste, hvem du er. Log ud, og log ind igen.
denied-password-changed-since = Din adgangskode er ændret, siden du loggede ind. Log ud, og log ind igen med den nye.
denied-too-often = Du har for mange gange prøvet konti, som du ikke kan hjælpe. Du kan prøve igen { $time }.
denied-not-this-action = Du kan se kontoen, men ikke sætte adgangskoden.
event-unlocked = Kontoen blev låst op af { $who }
event-unlock-not-done = { $who } prøvede at låse kontoen op
event-seen = { $who } så på kontoen
event-other-reset = { $who } satte en ny adgangskode
event-other-reset-not-done = { $who } prøvede at sætte en ny adgangskode, men intet blev ændret
event-other-reset-unknown = { $who } var ved at sætte en ny adgangskode, og vi ved endnu ikke, om den blev sat

# Engangskoder.
method-code = Engangskode fra servicedesken
code-title = Brug din engangskode
code-lead = Har du fået en engangskode læst op af en, der hjælper dig, så skriv den her. Bagefter vælger du selv en ny adgangskode.
code-field = Engangskode
code-hint = 10 tegn. Det er lige meget, om du skriver store eller små bogstaver, og om du tager stregerne med
code-button = Fortsæt
code-refused = Brugernavnet og koden passer ikke sammen, eller koden er brugt, for gammel eller erstattet af en ny. Se efter, om begge er skrevet rigtigt. En kode holder kun til få forsøg. Bed om en ny, hvis den ikke virker.
code-throttled = Der er prøvet for mange gange. Du kan prøve igen { $time }.
refusal-code-ended = Engangskoden er brugt, erstattet af en ny eller blevet for gammel. Bed om en ny.
give-code = Giv en engangskode
give-code-lead = Den, der ringer, vælger selv sin adgangskode med koden. Du får den ikke at vide.
checklist = Det skal du kontrollere først
checklist-default = Sikr dig, at den, der ringer, er den, vedkommende siger, på den måde, I har aftalt. Er du i tvivl, så giv ingen kode.
code-checked = Jeg har kontrolleret, hvem der ringer
code-not-checked = Kontrollér, hvem der ringer, og sæt et kryds.
code-reason = Begrundelse
code-reason-hint = Hvorfor, og hvordan du har kontrolleret, hvem det er. Skriv ikke CPR-nummer. Det bliver gemt i loggen.
code-no-reason = Skriv en begrundelse på mellem 5 og 500 tegn.
code-ticket = Sagsnummer (hvis der er et)
code-long-ticket = Et sagsnummer kan højst have 50 tegn.
code-make = Lav en kode
code-shown-title = Læs koden op
code-shown-lead = Bed den, der ringer, om at gå ind på adressen og skrive brugernavn og kode.
code-shown-where = Adresse
code-shown-until = Gælder til
code-shown-once = Koden vises kun nu og kan kun bruges én gang. Laver du en ny, virker denne ikke længere.
event-code-issued = { $who } gav en engangskode til kontoen
event-code-not-issued = { $who } prøvede at give en engangskode til kontoen
event-code-redeemed = Der blev logget ind med en engangskode
event-code-refused = Et forsøg på at bruge en engangskode blev afvist

# Forslag og sedler.
propose = Foreslå en adgangskode
propose-another = Foreslå en anden
proposal = Forslag til ny adgangskode
proposal-hint = Den passer til reglerne. Du kan rette i den.
slips-title = Nye adgangskoder
slips-lead = Adgangskoderne gælder nu. De vises kun denne ene gang og er ikke gemt nogen steder. Udskriv siden, og klip sedlerne ud.
slips-missing = Disse fik ikke en ny adgangskode
slips-choose = Vælg
slips-make = Sæt nye adgangskoder for de valgte, og vis sedler
slips-all = Vælg alle på siden
slips-hint = De valgte får straks en ny adgangskode, og den gamle virker ikke længere.
slip-no-proposal = Ingen ord passer til reglerne for denne konto. Sæt adgangskoden på kontoens egen side.
slip-already = Denne liste er sendt før. Adgangskoden er sat dengang og vises ikke igen.
slip-unknown = Vi ved ikke, om adgangskoden blev sat. Prøv igen for denne konto.
slips-no-time = { $count ->
    [one] Der var ikke tid til 1 af dem. Den konto er ikke ændret: vælg den igen.
   *[other] Der var ikke tid til { $count } af dem. De konti er ikke ændret: vælg dem igen.
}

# Forældre.
children-title = Dine børn
children-no-account = Der er ingen konto her, som kan bruges.
children-too-weak = Har du børn, hvis adgangskode du vil ændre, så log ind på en mere sikker måde, for eksempel med MitID.
children-unavailable = Vi kan ikke slå dine børn op lige nu. Prøv igen om lidt.
children-too-often = Du har slået dine børn op mange gange på kort tid. Du kan prøve igen { $time }.
children-show = Vis mine børn
others-lists = Andre, du kan hjælpe

sessions-end-theirs = Log personen ud alle steder
sessions-ended = Personen er logget ud alle steder.
code-shown-before-title = Koden er allerede vist
code-shown-before = Koden vises kun én gang og er måske læst op allerede. Laver du en ny, virker den gamle ikke længere.
code-make-new = Lav en ny kode
spelling-alphabet = Anna Bernhard Cecilie David Erik Frederik Gustav Hans Ida Johan Karen Ludvig Marie Nikolaj Odin Peter Quintus Rasmus Søren Theodor Ulla Viggo William Xerxes Yrsa Zacharias
spelling-as = som
slips-confirm = Sæt ny adgangskode for { $count ->
    [one] 1 person
   *[other] { $count } personer
  }?
slips-confirm-do = Ja, sæt nye adgangskoder
slips-none = Du har ikke valgt nogen. Sæt kryds ved dem, der skal have en ny adgangskode.
slips-print = Udskriv
slip-where = Skift den her
