-- Nothing of the log is changed or deleted, but for what a signed purge covers.

DROP TRIGGER audit_no_delete;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_seals s JOIN audit_purges p ON p.class = s.class AND p.through >= s.number WHERE s.seq = OLD.seq AND s.content IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- A seal takes up once what its entry was, when retention deletes that.
CREATE TRIGGER audit_seals_no_update BEFORE UPDATE ON audit_seals
WHEN OLD.class IS NOT NULL OR OLD.content IS NOT NULL OR NEW.number <> OLD.number OR NEW.seq <> OLD.seq OR NEW.authentic <> OLD.authentic OR NEW.chain <> OLD.chain
    OR NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = NEW.class AND p.through >= OLD.number)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals
WHEN NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = 'all' AND p.through >= OLD.number)
    OR EXISTS (SELECT 1 FROM audit a WHERE a.seq = OLD.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_purges_no_update BEFORE UPDATE ON audit_purges BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_purges_no_delete BEFORE DELETE ON audit_purges BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- The key of a CPR number may be changed; the number goes with its entry.
CREATE TRIGGER audit_cpr_no_update BEFORE UPDATE ON audit_cpr WHEN NEW.seq <> OLD.seq OR NEW.party <> OLD.party
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_cpr_no_delete BEFORE DELETE ON audit_cpr WHEN EXISTS (SELECT 1 FROM audit a WHERE a.seq = OLD.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE INDEX audit_cpr_keys ON audit_cpr (key_id, seq);

-- Alone in its place, an entry that waits is not deleted but by getting one.
CREATE TRIGGER audit_unsealed_no_update BEFORE UPDATE ON audit_unsealed BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_unsealed_no_delete BEFORE DELETE ON audit_unsealed
WHEN NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = OLD.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE INDEX audit_kinds ON audit (kind, seq);
