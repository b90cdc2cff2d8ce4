-- Whose a session is: keyed hashes of each account that its login led to, and of the person at a provider. By these a new password, a helper or the person ends it.
CREATE TABLE session_people (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    PRIMARY KEY (session, subject)
);
CREATE INDEX session_people_subjects ON session_people (subject);

-- By what its owner recognises it in a list: how it was begun, with what browser. Sealed.
ALTER TABLE sessions ADD COLUMN label TEXT;
