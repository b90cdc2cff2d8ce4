# Why a new password can be guessed. One sentence: the message of the first reason, the tail of the second where it has one, a full stop, the advice.
guessable-like-the-old = Adgangskoden ligner din gamle for meget
guessable-personal = Adgangskoden bygger på noget om dig selv, fx dit navn, dit brugernavn, din telefon eller din fødselsdag
guessable-word = Adgangskoden er et almindeligt ord eller navn
guessable-danish = Adgangskoden er et almindeligt ord (»{ $word }«)
guessable-english = Adgangskoden er et almindeligt engelsk ord (»{ $word }«)
guessable-calendar = Adgangskoden er en årstid, en måned, en dag eller en højtid (»{ $word }«)
guessable-club = Adgangskoden er en klub eller en spiller (»{ $word }«)
guessable-name = Adgangskoden er et navn (»{ $word }«)
guessable-place = Adgangskoden er en by, et land eller en gade (»{ $word }«)
guessable-handed-out = Adgangskoden er et ord, som mange bruger som adgangskode (»{ $word }«)
guessable-phrase = Adgangskoden er en kendt sang, et ordsprog eller en hilsen (»{ $word }«)
guessable-local = Adgangskoden er et ord, som alle her kender (»{ $word }«)
guessable-password = Adgangskoden er en af dem, som flest bruger
guessable-keyboard = Adgangskoden følger tasterne på tastaturet
guessable-date = Adgangskoden er en dato
guessable-year = Adgangskoden er et årstal
guessable-repeated = Adgangskoden gentager det samme
guessable-sequence = Adgangskoden tæller eller følger alfabetet
guessable-few-characters = Adgangskoden er for kort til at være svær at gætte
guessable-with-word = og et almindeligt ord
guessable-with-keyboard = og taster ved siden af hinanden
guessable-with-date = med en dato
guessable-with-year = med et årstal
guessable-with-repeated = der gentages
guessable-with-sequence = med tal eller bogstaver i rækkefølge
guessable-advice = Brug fire tilfældige ord, der ikke har med hinanden at gøre.
guessable-advice-like-the-old = Den, der kender din gamle, gætter den nye. Vælg en helt anden.
guessable-advice-personal = Andre ved det om dig. Brug fire tilfældige ord, der ikke har med dig at gøre.
guessable-advice-few-characters = Gør den længere, fx med to ord mere.
broken-leaked =
    { $count ->
        [one] Adgangskoden er set i en lækage, så andre kender den. Vælg en helt anden, fx fire tilfældige ord.
       *[other] Adgangskoden er set i { $shown } lækager, så andre kender den. Vælg en helt anden, fx fire tilfældige ord.
    }
broken-leak-unchecked = Adgangskoden kan ikke slås op blandt lækkede adgangskoder lige nu. Prøv igen om nogle minutter.
