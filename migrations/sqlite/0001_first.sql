-- Times are microseconds since 1970 UTC.

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    visit TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor_guid TEXT,
    actor_account TEXT,
    actor_name TEXT,
    unknown_name TEXT,
    method TEXT,
    client TEXT,
    target_guid TEXT,
    target_account TEXT,
    target_name TEXT,
    controller TEXT,
    attempt TEXT,
    password_set_before BIGINT
);
-- A form that was sent twice is one attempt, and an attempt is settled once.
CREATE UNIQUE INDEX audit_one_attempt ON audit (actor_guid, attempt) WHERE kind = 'change_attempt';
CREATE UNIQUE INDEX audit_one_settlement ON audit (actor_guid, attempt) WHERE kind = 'change_reconciled';
CREATE INDEX audit_attempts ON audit (actor_guid, attempt, seq);
CREATE INDEX audit_targets ON audit (target_guid, seq);

-- Attempts that nobody knows the end of. Kept by triggers, in the statement that writes the entry, so that finding them never costs a walk
-- through the log.
CREATE TABLE audit_open (
    seq BIGINT PRIMARY KEY,
    actor_guid TEXT NOT NULL,
    attempt TEXT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (actor_guid, attempt)
);
CREATE TRIGGER audit_opens AFTER INSERT ON audit WHEN NEW.kind = 'change_attempt' AND NEW.actor_guid IS NOT NULL AND NEW.attempt IS NOT NULL BEGIN
    INSERT INTO audit_open (seq, actor_guid, attempt, at) VALUES (NEW.seq, NEW.actor_guid, NEW.attempt, NEW.at);
END;
CREATE TRIGGER audit_closes AFTER INSERT ON audit
WHEN NEW.kind = 'change_reconciled' OR (NEW.kind = 'change_outcome' AND NEW.outcome <> 'unknown') BEGIN
    DELETE FROM audit_open WHERE actor_guid = NEW.actor_guid AND attempt = NEW.attempt;
END;

-- What happened is not changed afterwards.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,      -- keyed hash of the session id
    subject TEXT,             -- keyed hash of the account that is logged in
    data BLOB NOT NULL,       -- encrypted with a key bound to the session id
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX sessions_used ON sessions (used_at);
CREATE INDEX sessions_subjects ON sessions (subject) WHERE subject IS NOT NULL;

CREATE TABLE throttles (
    name TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last BIGINT NOT NULL
);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL,
    released BIGINT
);
