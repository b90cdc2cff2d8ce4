-- By what a code is found before it is compared: keyed fingerprints of its first characters, with the account and with the names that its owner may type. A
-- wrong guess that is none of them uses up no try. Codes that were given out before are over: they count for a quarter of an hour anyhow.
DELETE FROM codes;
ALTER TABLE codes ADD COLUMN selector TEXT NOT NULL DEFAULT '';
ALTER TABLE codes ADD COLUMN by_sam TEXT NOT NULL DEFAULT '';
ALTER TABLE codes ADD COLUMN by_upn TEXT;
