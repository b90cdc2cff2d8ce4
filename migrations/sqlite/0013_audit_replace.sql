-- INSERT OR REPLACE deletes what is in its way, and no trigger on deletions hears of it. What is there stays there.
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN NEW.seq <> -1 AND EXISTS (SELECT 1 FROM audit a WHERE a.seq = NEW.seq) -- -1: the number is not chosen yet
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- As ON CONFLICT DO NOTHING, which is what the service asks for in these.
CREATE TRIGGER audit_no_other_attempt BEFORE INSERT ON audit
WHEN NEW.kind IN ('change_attempt', 'reset_attempt')
    AND EXISTS (SELECT 1 FROM audit a WHERE a.actor_guid = NEW.actor_guid AND a.attempt = NEW.attempt AND a.kind IN ('change_attempt', 'reset_attempt'))
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER audit_no_other_settlement BEFORE INSERT ON audit
WHEN NEW.kind IN ('change_reconciled', 'reset_reconciled')
    AND EXISTS (SELECT 1 FROM audit a WHERE a.actor_guid = NEW.actor_guid AND a.attempt = NEW.attempt AND a.kind IN ('change_reconciled', 'reset_reconciled'))
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER audit_seals_no_replace BEFORE INSERT ON audit_seals
WHEN EXISTS (SELECT 1 FROM audit_seals s WHERE s.number = NEW.number) OR EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = NEW.seq)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER audit_checkpoints_no_replace BEFORE INSERT ON audit_checkpoints
WHEN EXISTS (SELECT 1 FROM audit_checkpoints c WHERE c.number = NEW.number)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER audit_purges_no_replace BEFORE INSERT ON audit_purges
WHEN EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = NEW.class AND p.through = NEW.through)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER audit_cpr_no_replace BEFORE INSERT ON audit_cpr
WHEN EXISTS (SELECT 1 FROM audit_cpr c WHERE c.seq = NEW.seq AND c.party = NEW.party)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
