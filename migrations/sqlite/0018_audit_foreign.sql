-- Signed: rows of the chain that the service did not write (docs/decisions/0028).
CREATE TABLE audit_foreign (
    number BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('entry', 'seal')), -- entry: keeps its number, and is not ours; seal: was taken out of the chain
    chain BLOB NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (number, what, at)
);
CREATE TRIGGER audit_foreign_no_update BEFORE UPDATE ON audit_foreign BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_foreign_no_delete BEFORE DELETE ON audit_foreign BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_foreign_no_replace BEFORE INSERT ON audit_foreign
WHEN EXISTS (SELECT 1 FROM audit_foreign f WHERE f.number = NEW.number AND f.what = NEW.what AND f.at = NEW.at)
BEGIN SELECT RAISE(IGNORE); END;

-- A seal follows another one, or a checkpoint whose seal retention has deleted.
CREATE TRIGGER audit_seals_in_order BEFORE INSERT ON audit_seals
WHEN NOT (NEW.number = 1 AND NOT EXISTS (SELECT 1 FROM audit_checkpoints))
    AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.number = NEW.number - 1)
    AND NOT EXISTS (SELECT 1 FROM audit_checkpoints c WHERE c.number = NEW.number - 1)
BEGIN SELECT RAISE(IGNORE); END;

-- A seal that is listed as foreign may be taken out.
DROP TRIGGER audit_seals_no_delete;
CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals
WHEN (NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = 'all' AND p.through >= OLD.number)
        OR EXISTS (SELECT 1 FROM audit a WHERE a.seq = OLD.seq))
    AND NOT EXISTS (SELECT 1 FROM audit_foreign f WHERE f.what = 'seal' AND f.number = OLD.number AND f.seq = OLD.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
