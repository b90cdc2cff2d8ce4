-- Logins at identity providers, and resets beside changes.

-- By which login, for the providers' own. Of a provider's login no more is kept than these: no claim, no CPR number.
ALTER TABLE audit ADD COLUMN provider TEXT;
ALTER TABLE audit ADD COLUMN level TEXT;
ALTER TABLE audit ADD COLUMN assertion TEXT;

DROP INDEX audit_one_attempt;
DROP INDEX audit_one_settlement;
CREATE UNIQUE INDEX audit_one_attempt ON audit (actor_guid, attempt) WHERE kind IN ('change_attempt', 'reset_attempt');
CREATE UNIQUE INDEX audit_one_settlement ON audit (actor_guid, attempt) WHERE kind IN ('change_reconciled', 'reset_reconciled');

DROP TRIGGER audit_opens;
DROP TRIGGER audit_closes;
CREATE TRIGGER audit_opens AFTER INSERT ON audit
WHEN NEW.kind IN ('change_attempt', 'reset_attempt') AND NEW.actor_guid IS NOT NULL AND NEW.attempt IS NOT NULL BEGIN
    INSERT INTO audit_open (seq, actor_guid, attempt, at) VALUES (NEW.seq, NEW.actor_guid, NEW.attempt, NEW.at);
END;
CREATE TRIGGER audit_closes AFTER INSERT ON audit
WHEN NEW.kind IN ('change_reconciled', 'reset_reconciled') OR (NEW.kind IN ('change_outcome', 'reset_outcome') AND NEW.outcome <> 'unknown') BEGIN
    DELETE FROM audit_open WHERE actor_guid = NEW.actor_guid AND attempt = NEW.attempt;
END;

-- By what a provider can end a session: keyed hashes of its subject and of its own session.
ALTER TABLE sessions ADD COLUMN provider_subject TEXT;
ALTER TABLE sessions ADD COLUMN provider_session TEXT;
CREATE INDEX sessions_provider_subjects ON sessions (provider_subject) WHERE provider_subject IS NOT NULL;
CREATE INDEX sessions_provider_sessions ON sessions (provider_session) WHERE provider_session IS NOT NULL;

-- What may be used once only, and until when that has to be remembered.
CREATE TABLE used (
    name TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX used_until ON used (until);
