# Lokale personalekonti.
staff-link = Lokal personalekonto
staff-title = Log ind med lokal personalekonto
staff-lead = Kun for medarbejdere, som har fået en lokal konto her. Alle andre logger ind fra forsiden.
staff-name = Kontoens navn
staff-code = Kode fra din godkendelsesapp
staff-code-hint = Seks cifre. Koden skifter hvert halve minut og kan kun bruges én gang.
staff-refused = Vi kunne ikke logge dig ind. Se efter, om navn, adgangskode og kode er skrevet rigtigt. Har du lige brugt koden, så vent på den næste. Står uret på din telefon forkert, passer koden ikke.
staff-throttled = Der er prøvet for mange gange. Du kan prøve igen { $time }.
event-staff-account = En lokal personalekonto blev ændret
event-code-expired = En engangskode løb ud uden at blive brugt
event-service = Tjenesten noterede noget om sig selv
