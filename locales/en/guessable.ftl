# Why a new password can be guessed. One sentence: the message of the first reason, the tail of the second where it has one, a full stop, the advice.
guessable-like-the-old = The password is too much like your old one
guessable-personal = The password is made of something about you, such as your name, user name, phone or birthday
guessable-word = The password is a common word or name
guessable-danish = The password is a common word (“{ $word }”)
guessable-english = The password is a common English word (“{ $word }”)
guessable-calendar = The password is a season, month, day or holiday (“{ $word }”)
guessable-club = The password is a club or a player (“{ $word }”)
guessable-name = The password is a name (“{ $word }”)
guessable-place = The password is a town, country or street (“{ $word }”)
guessable-handed-out = The password is a word that many people use as a password (“{ $word }”)
guessable-phrase = The password is a well-known song, saying or greeting (“{ $word }”)
guessable-local = The password is a word that everybody here knows (“{ $word }”)
guessable-password = The password is one of the most used in the world
guessable-keyboard = The password follows the keys of the keyboard
guessable-date = The password is a date
guessable-year = The password is a year
guessable-repeated = The password repeats itself
guessable-sequence = The password counts or follows the alphabet
guessable-few-characters = The password is too short to be hard to guess
guessable-with-word = and a common word
guessable-with-keyboard = and keys beside each other
guessable-with-date = with a date
guessable-with-year = with a year
guessable-with-repeated = that repeats
guessable-with-sequence = with numbers or letters in order
guessable-advice = Use four random words that have nothing to do with each other.
guessable-advice-like-the-old = Anyone who knows your old one will guess the new one. Choose a quite different one.
guessable-advice-personal = Others know it about you. Use four random words that have nothing to do with you.
guessable-advice-few-characters = Make it longer, with two more words for example.
broken-leaked =
    { $count ->
        [one] The password was seen in a leak, so others know it. Choose a quite different one, such as four random words.
       *[other] The password was seen in { $shown } leaks, so others know it. Choose a quite different one, such as four random words.
    }
broken-leak-unchecked = The password can't be looked up among leaked passwords right now. Try again in a few minutes.
