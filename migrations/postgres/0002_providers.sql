-- Logins at identity providers, and resets.

ALTER TABLE audit ADD COLUMN provider TEXT;
ALTER TABLE audit ADD COLUMN level TEXT;
ALTER TABLE audit ADD COLUMN assertion TEXT;

-- A reset is attempted, concluded and settled as a change is.
DROP INDEX audit_one_attempt;
DROP INDEX audit_one_settlement;
CREATE UNIQUE INDEX audit_one_attempt ON audit (actor_guid, attempt) WHERE kind IN ('change_attempt', 'reset_attempt');
CREATE UNIQUE INDEX audit_one_settlement ON audit (actor_guid, attempt) WHERE kind IN ('change_reconciled', 'reset_reconciled');
DROP TRIGGER audit_opens_and_closes ON audit;
CREATE OR REPLACE FUNCTION audit_keeps_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind IN ('change_attempt', 'reset_attempt') THEN
        INSERT INTO audit_open (seq, actor_guid, attempt, at) VALUES (NEW.seq, NEW.actor_guid, NEW.attempt, NEW.at);
    ELSE
        DELETE FROM audit_open WHERE actor_guid = NEW.actor_guid AND attempt = NEW.attempt;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_opens_and_closes AFTER INSERT ON audit FOR EACH ROW
WHEN (NEW.actor_guid IS NOT NULL AND NEW.attempt IS NOT NULL
    AND (NEW.kind IN ('change_attempt', 'reset_attempt', 'change_reconciled', 'reset_reconciled')
        OR (NEW.kind IN ('change_outcome', 'reset_outcome') AND NEW.outcome <> 'unknown')))
EXECUTE FUNCTION audit_keeps_open();

-- What a provider's logout finds a session by: keyed hashes of the person there, and of the session there.
ALTER TABLE sessions ADD COLUMN provider_subject TEXT;
ALTER TABLE sessions ADD COLUMN provider_session TEXT;
CREATE INDEX sessions_provider_subjects ON sessions (provider_subject) WHERE provider_subject IS NOT NULL;
CREATE INDEX sessions_provider_sessions ON sessions (provider_session) WHERE provider_session IS NOT NULL;

-- What counts only once, such as an assertion, until it is over anyway.
CREATE TABLE used (
    name TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX used_until ON used (until);
